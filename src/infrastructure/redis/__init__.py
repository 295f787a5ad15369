"""What many processes share, in Redis. All of it may be lost at any time: the truth is in SQL."""

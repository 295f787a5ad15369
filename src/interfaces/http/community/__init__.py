"""The community API: stories by author, in the shape and with the words of its own description."""

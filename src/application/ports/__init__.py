"""What the use cases need of the world. The docstrings are the contract: every adapter passes the same suite."""

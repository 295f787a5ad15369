"""Sending to targets that nobody has vouched for."""

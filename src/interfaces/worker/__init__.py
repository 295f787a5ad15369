"""Processes that work in the background: worker, relay, scheduler."""

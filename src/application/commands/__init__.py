"""Use cases that change something: one command and its handler per file."""

"""Use cases that only read: one query, its read model and its handler per file."""

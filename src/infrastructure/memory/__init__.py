"""What Redis does for many processes, done inside one: the embedded default, and what unit tests use."""

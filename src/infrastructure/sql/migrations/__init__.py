"""The schema's history, by Alembic: the same revisions for PostgreSQL and SQLite."""

"""SQLAlchemy Core: one adapter family for two engines, PostgreSQL and SQLite (the embedded default)."""

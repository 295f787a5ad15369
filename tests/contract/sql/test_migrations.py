"""Migrations make the schema that the code describes, on both engines, and can be run by many at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, make_url

from infrastructure.sql.migrate import head_revision, is_behind
from infrastructure.sql.tables import metadata


def _sync(url: str) -> str:
    driver = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}[make_url(url).get_backend_name()]
    return make_url(url).set(drivername=driver).render_as_string(hide_password=False)


@pytest.mark.says(
    "story:architecture postgresql-story-entities  ",
    "story:architecture postgresql-story-entities ",
    "story:architecture postgresql-story-entities",
)
def test_the_migrated_schema_is_the_described_one(database_url: str) -> None:
    engine = create_engine(_sync(database_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = [
            difference
            for difference in compare_metadata(context, metadata)
            # Indexes on expressions cannot be read back from SQLite; PostgreSQL compares them.
            if not (connection.dialect.name == "sqlite" and difference[0] in {"add_index", "remove_index"})
        ]
        assert differences == []
        assert context.get_current_revision() == head_revision()
    engine.dispose()


def test_only_an_empty_or_older_database_is_behind() -> None:
    assert is_behind(None)
    assert not is_behind(head_revision())
    assert not is_behind("of a later version")


def test_every_table_with_an_organisation_begins_its_key_or_names_it() -> None:
    for table in metadata.tables.values():
        assert "org_id" in table.c, table.name


def test_many_processes_may_migrate_an_empty_database_at_once(engine: str, database_url: str, tmp_path: Path) -> None:
    url = _emptied(engine, database_url, tmp_path)
    program = f"from infrastructure.sql.migrate import migrate; migrate({url!r})"
    processes = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(4)]
    assert [process.wait(timeout=180) for process in processes] == [0, 0, 0, 0]
    migrated = create_engine(_sync(url))
    assert "stories" in inspect(migrated).get_table_names()
    migrated.dispose()


def _emptied(engine: str, url: str, tmp_path: Path) -> str:
    if engine == "sqlite":
        return f"sqlite:///{tmp_path / 'new.db'}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return url

"""Migrations make the schema that the code describes, on both engines, and can be run by many at once."""

from __future__ import annotations

import subprocess
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import JSON, Uuid, column, create_engine, insert, inspect, make_url, text
from sqlalchemy import table as bare_table

from infrastructure.sql import migrations
from infrastructure.sql.dialect import Instant
from infrastructure.sql.migrate import head_revision, is_behind, migrate
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


def test_events_written_before_there_were_positions_are_read_in_the_order_of_writing(
    engine: str, database_url: str, tmp_path: Path
) -> None:
    url = _emptied(engine, database_url, tmp_path)
    story = uuid.uuid4()
    then = bare_table(
        "outbox",
        *(column("org_id"), column("event_id", Uuid), column("story_id", Uuid), column("type")),
        *(column("occurred_at", Instant), column("data", JSON)),
    )
    row = {"org_id": "acme", "story_id": story, "type": "story.created", "occurred_at": datetime.now(UTC), "data": {}}
    migrated = create_engine(_sync(url))
    command.upgrade(_config(url), "0006")
    for last in (2, 3):  # there, back, and there again
        with migrated.begin() as connection:
            for _ in range(2 if last == 2 else 1):
                connection.execute(insert(then), {**row, "event_id": uuid.uuid4()})
        migrate(url)
        with migrated.connect() as connection:
            found = connection.execute(text("SELECT number, position, subject FROM outbox ORDER BY number")).all()
            assert found == [(number, number, str(story)) for number in range(1, last + 1)]
            assert connection.execute(text("SELECT name, position FROM event_cursors")).all() == [("sequence", last)]
        command.downgrade(_config(url), "0006")
    migrate(url)
    migrated.dispose()


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["url"] = url
    return config


def _emptied(engine: str, url: str, tmp_path: Path) -> str:
    if engine == "sqlite":
        return f"sqlite:///{tmp_path / 'new.db'}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return url

"""Stories that are over, by the thousand, and sweepers side by side."""

from __future__ import annotations

import sys
from typing import Any, Final, NamedTuple

import psycopg

from application.policies.archive_expired import ArchiveExpired
from domain.values import StoryId
from infrastructure.ids import new_id
from infrastructure.sql.database import Database
from infrastructure.sql.unit_of_work import SqlUnitOfWork

_COPY: Final = """
INSERT INTO {table} SELECT (jsonb_populate_record(row, jsonb_build_object('{key}', gen.id) || %s::jsonb)).*
FROM {table} AS row, unnest(%s::uuid[]) AS gen (id) WHERE row.{key} = %s
"""
_TOLD: Final = "SELECT count(*), count(DISTINCT story_id) FROM outbox WHERE type = 'story.archived'"


class Archived(NamedTuple):
    """What has come of stories that were over.

    Attributes:
        stories: how many are in the archive.
        events: how often that was told.
        told: of how many stories.
    """

    stories: int
    events: int
    told: int


def make_over(url: str, story: StoryId, count: int) -> None:
    """Copy a story so often in PostgreSQL, each as if it had ended long ago; it itself stays as it is."""
    ids = [new_id() for _ in range(count)]
    long_ago = '{"created_at": "2020-01-01T00:00:00Z", "expires_at": "2020-01-02T00:00:00Z"}'
    with psycopg.connect(url, autocommit=True) as connection:
        for table, key, more in (("stories", "id", long_ago), ("story_stats", "story_id", "{}")):
            connection.execute(_COPY.format(table=table, key=key).encode(), [more, ids, story])


def archived(url: str) -> Archived:
    """What has come of them."""
    with psycopg.connect(url, autocommit=True) as connection:
        (stories,) = _row(connection, "SELECT count(*) FROM stories WHERE status = 'Archived'")
        return Archived(stories, *_row(connection, _TOLD))


def _row(connection: psycopg.Connection[Any], statement: str) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return row


async def sweep(url: str) -> int:
    """Archive what is due over connections of its own, beginning when told on standard input; how many."""
    database = Database(url)
    sweeper = ArchiveExpired(SqlUnitOfWork(database, new_id, lambda: None))
    await database.check()
    print("ready", flush=True)
    sys.stdin.readline()
    moved = await sweeper()
    await database.close()
    return moved

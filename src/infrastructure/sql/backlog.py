"""What waits to be done, counted in one statement that reads indexes alone, and each no further than it must."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, func, literal, select

from application.policies.publish_events import STREAM
from application.ports.backlog import COUNTED_MAX, Backlog, Waiting
from domain.story import Status
from infrastructure.sql.database import Database
from infrastructure.sql.dialect import clock, seconds_between
from infrastructure.sql.tables import erasures, event_cursors, objects, outbox, stories, webhooks


def _waiting(since: Column[datetime], order: Column[Any], *conditions: ColumnElement[bool]) -> list[Any]:
    """How many, and for how many seconds the one that waits longest; ``order`` is what the index has them in."""
    counted = select(since.label("since")).where(*conditions).order_by(order).limit(COUNTED_MAX).subquery()
    return [
        select(func.count()).select_from(counted).scalar_subquery(),
        select(func.coalesce(seconds_between(clock(), func.min(counted.c.since)), literal(0.0))).scalar_subquery(),
    ]


_streamed = (
    select(event_cursors.c.position)
    .where(event_cursors.c.org_id == "", event_cursors.c.name == STREAM)
    .scalar_subquery()
)
_BACKLOG = select(
    *_waiting(outbox.c.occurred_at, outbox.c.number, outbox.c.published_at.is_(None)),
    *_waiting(outbox.c.occurred_at, outbox.c.number, outbox.c.position.is_(None)),
    *_waiting(outbox.c.occurred_at, outbox.c.position, outbox.c.position > func.coalesce(_streamed, 0)),
    *_waiting(
        stories.c.expires_at,
        stories.c.expires_at,
        stories.c.status != Status.ARCHIVED.value,
        stories.c.expires_at <= clock(),
    ),
    *_waiting(stories.c.created_at, stories.c.processing_due_at, stories.c.status == Status.PROCESSING.value),
    *_waiting(objects.c.delete_after, objects.c.delete_after, objects.c.delete_after <= clock()),
    *_waiting(erasures.c.requested_at, erasures.c.due_at),
    *_waiting(webhooks.c.failing_since, webhooks.c.due_at, webhooks.c.attempts > 0, webhooks.c.disabled.is_(None)),
)


class SqlBacklogReader:
    """As `BacklogReader`."""

    def __init__(self, database: Database, *, stream: bool) -> None:
        """``stream``: whether there is one for events to be in."""
        self._database, self._stream = database, stream

    async def backlog(self) -> Backlog:
        """As `BacklogReader`."""
        async with self._database.read(None) as connection:
            row = (await connection.execute(_BACKLOG)).one()
        found = [Waiting(row[at], max(float(row[at + 1]), 0.0)) for at in range(0, len(row), 2)]
        return Backlog(
            events=found[0],
            unsequenced=found[1],
            stream=found[2] if self._stream else None,
            overdue=found[3],
            processing=found[4],
            objects=found[5],
            erasures=found[6],
            webhooks=found[7],
        )

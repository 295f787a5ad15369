"""The outbox: events written in the transaction of their change, their positions, and the marks of those dispatched."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import datetime
from enum import Enum
from itertools import takewhile
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from application.ports.transactions import NewIds, OutboxEvent
from application.queries.times import timestamp
from domain.events import Event, LifecycleEvent, StoryEvent
from infrastructure.sql import event_cursors
from infrastructure.sql.dialect import clock, seconds_from_now
from infrastructure.sql.locks import hold_sequence
from infrastructure.sql.tables import outbox, webhooks

SEQUENCE: Final = "sequence"
"""The cursor that says which position was given last."""
PURGED: Final = "purged"
"""The cursor that says up to which position events are no longer kept."""

_WRITTEN: Final = "events written"

_ENVELOPE: Final = {"org", "story", "at", "version"}
"""Fields that have a column of their own."""

_INSERT = insert(outbox)
_next = (
    select(outbox.c.number, func.row_number().over(order_by=outbox.c.number).label("step"))
    .where(outbox.c.position.is_(None))
    .order_by(outbox.c.number)
    .limit(bindparam("limit"))
    .subquery()
)
_SEQUENCE = update(outbox).where(outbox.c.number == _next.c.number).values(position=bindparam("last") + _next.c.step)
# Only what has a position: who gives positions must never wait for, or pass over, what somebody holds here.
_WAITING = (
    select(outbox.c.number, outbox.c.event_id, outbox.c.org_id, outbox.c.story_id, outbox.c.type)
    .where(outbox.c.published_at.is_(None), outbox.c.position.is_not(None))
    .order_by(outbox.c.number)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_OLDEST = (
    select(
        outbox.c.position,
        and_(outbox.c.published_at.is_not(None), outbox.c.occurred_at < seconds_from_now(-bindparam("age"))),
    )
    .where(outbox.c.position.is_not(None))
    .order_by(outbox.c.position)
    .limit(bindparam("limit"))
)
_unsent = (
    select(func.max(outbox.c.position))
    .where(
        outbox.c.org_id == webhooks.c.org_id,
        outbox.c.position > webhooks.c.position,
        outbox.c.position <= bindparam("last"),
    )
    .scalar_subquery()
)
_TELL_WEBHOOKS = update(webhooks).where(_unsent.is_not(None)).values(lost_to=_unsent)
_FORGET = delete(outbox).where(outbox.c.position <= bindparam("last"))
_MARK = update(outbox).where(outbox.c.number.in_(bindparam("numbers", expanding=True))).values(published_at=clock())


async def write(connection: AsyncConnection, events: Sequence[Event], new_id: NewIds) -> None:
    """Write events, in their order."""
    if events:
        await connection.execute(_INSERT, [_row(event, new_id) for event in events])
        connection.info[_WRITTEN] = True


def take_written(connection: AsyncConnection) -> bool:
    """Whether events were written on a connection since this was asked last."""
    return bool(connection.info.pop(_WRITTEN, False))


async def sequence(connection: AsyncConnection, limit: int) -> int:
    """Give the next positions, in the order of writing, to what is committed and has none; how many events."""
    if not await hold_sequence(connection):
        return 0
    # A statement of its own, after the lock is held: it sees what the one who held it before has committed.
    last = await event_cursors.position_of(connection, SEQUENCE)
    given = (await connection.execute(_SEQUENCE, {"last": last, "limit": limit})).rowcount
    if given:
        await event_cursors.move(connection, SEQUENCE, last + given)
    return given


async def undispatched(connection: AsyncConnection, limit: int) -> Sequence[OutboxEvent]:
    """Events that wait, oldest first, held until the transaction ends; those others hold are passed over."""
    rows = await connection.execute(_WAITING, {"limit": limit})
    return [OutboxEvent(number=row[0], id=row[1], org=row[2], story=row[3], type=row[4]) for row in rows]


async def mark(connection: AsyncConnection, events: Sequence[OutboxEvent]) -> None:
    """They have been dispatched."""
    if events:
        await connection.execute(_MARK, {"numbers": [event.number for event in events]})


async def forget(connection: AsyncConnection, after_seconds: float, readers: Collection[str], limit: int) -> int:
    """Forget the oldest dispatched events that are older than that, and passed by every reader; how many."""
    passed = [await event_cursors.position_of(connection, reader) for reader in readers]
    oldest = await connection.execute(_OLDEST, {"age": after_seconds, "limit": limit})
    over = list(takewhile(lambda row: row[1] and all(row[0] <= position for position in passed), oldest))
    if not over:
        return 0
    await connection.execute(_TELL_WEBHOOKS, {"last": over[-1][0]})
    await connection.execute(_FORGET, {"last": over[-1][0]})
    await event_cursors.move(connection, PURGED, over[-1][0])
    return len(over)


def _row(event: Event, new_id: NewIds) -> dict[str, Any]:
    return {
        "event_id": new_id(),
        "org_id": event.org,
        "story_id": event.story if isinstance(event, StoryEvent) else None,
        "subject": event.subject,
        "type": event.type,
        "version": event.version if isinstance(event, LifecycleEvent) else None,
        "occurred_at": event.at,
        "data": {
            _camel(field.name): _plain(getattr(event, field.name))
            for field in fields(event)
            if field.name not in _ENVELOPE
        },
    }


def _camel(name: str) -> str:
    head, *rest = _WIRE_NAMES.get(name, name).split("_")
    return head + "".join(word.capitalize() for word in rest)


_WIRE_NAMES: Final = {"owner": "owner_id", "viewer": "viewer_id", "user": "user_id", "reply": "reply_id"}


def _plain(value: object) -> Any:
    match value:
        case datetime():
            return timestamp(value)
        case UUID():
            return str(value)
        case Enum():
            return value.value
        case tuple():
            return [_plain(item) for item in value]
        case _:
            return value

"""Whom a story was for until an event took it from them: by that they are told, and nobody else is."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Integer,
    String,
    and_,
    bindparam,
    delete,
    insert,
    literal,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.audience import Visibility
from domain.events import LifecycleEvent
from infrastructure.sql.dialect import clock, seconds_from_now
from infrastructure.sql.tables import past_audiences, stories, story_audience

EVERYBODY: Final = ""
"""In the place of a user's id: all whom the visibility admits."""
_REMEMBERED_SECONDS: Final = 86_400
"""Who is told of what was archived longer ago than this has not shown it for long."""

_version = bindparam("of_version", type_=Integer())
# Written before the change: what stands in the rows is what it was.
_was_shown = and_(
    stories.c.org_id == bindparam("of_org"),
    stories.c.id == bindparam("of_story"),
    stories.c.published_at.is_not(None),
    stories.c.visibility != Visibility.ONLY_ME.value,
    or_(stories.c.archived_at.is_(None), stories.c.archived_at > seconds_from_now(-_REMEMBERED_SECONDS)),
)


def _columns(user: ColumnElement[str]) -> tuple[ColumnElement[Any], ...]:
    return (stories.c.org_id, stories.c.id, _version, user, stories.c.owner_id, stories.c.visibility, clock())


_KEEP = insert(past_audiences).from_select(
    ["org_id", "story_id", "version", "user_id", "owner_id", "visibility", "ended_at"],
    union_all(
        select(*_columns(literal(EVERYBODY, String()))).where(_was_shown),
        select(*_columns(story_audience.c.user_id))
        .select_from(
            stories.join(
                story_audience,
                and_(story_audience.c.org_id == stories.c.org_id, story_audience.c.story_id == stories.c.id),
            )
        )
        .where(_was_shown),
    ),
)
_key = tuple_(past_audiences.c.org_id, past_audiences.c.story_id, past_audiences.c.version, past_audiences.c.user_id)
_FORGET = delete(past_audiences).where(
    _key.in_(
        select(past_audiences.c.org_id, past_audiences.c.story_id, past_audiences.c.version, past_audiences.c.user_id)
        .where(past_audiences.c.ended_at < seconds_from_now(-bindparam("seconds")))
        .limit(bindparam("limit"))
    )
)


async def keep_past_audience(connection: AsyncConnection, event: LifecycleEvent) -> None:
    """Keep whom a story is for, before ``event`` takes it from some or all of them."""
    await connection.execute(_KEEP, {"of_org": event.org, "of_story": event.story, "of_version": event.version})


async def forget_past_audiences(connection: AsyncConnection, after_seconds: float, limit: int) -> int:
    """Forget those of events so long ago, at most so many; how many."""
    return (await connection.execute(_FORGET, {"seconds": after_seconds, "limit": limit})).rowcount

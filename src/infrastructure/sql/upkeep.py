"""What the service does by itself, over all organisations: expired stories, overdue work, objects to delete."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final

from sqlalchemy import bindparam, delete, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.story import Status, Story
from domain.values import OrgId, StoryId
from infrastructure.sql.dialect import clock, seconds_from_now, upsert_into
from infrastructure.sql.stories import to_stories
from infrastructure.sql.tables import objects, stories, upkeep_runs, uploads

_EVERY_ORG: Final = ""
"""No organisation has this name: what is done is done for all."""

_DUE = (
    select(stories)
    .where(stories.c.status != Status.ARCHIVED.value, stories.c.expires_at <= clock())
    .order_by(stories.c.expires_at)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True, key_share=True)
)

_key = tuple_(stories.c.org_id, stories.c.id)
_OVERDUE = (
    update(stories)
    .where(
        _key.in_(
            select(stories.c.org_id, stories.c.id)
            .where(
                stories.c.status == Status.PROCESSING.value,
                stories.c.processing_due_at <= clock(),
                stories.c.expires_at > clock(),
            )
            .order_by(stories.c.processing_due_at)
            .limit(bindparam("limit"))
            .with_for_update(skip_locked=True, key_share=True)
        )
    )
    .values(processing_due_at=seconds_from_now(bindparam("lease")))
    .returning(stories.c.org_id, stories.c.id)
)

_DUE_OBJECTS = (
    update(objects)
    .where(
        objects.c.object_key.in_(
            select(objects.c.object_key)
            .where(objects.c.delete_after <= clock())
            .order_by(objects.c.delete_after)
            .limit(bindparam("limit"))
            .with_for_update(skip_locked=True)
        )
    )
    .values(delete_after=seconds_from_now(bindparam("lease")))
    .returning(objects.c.object_key)
)
_FORGET_OBJECTS = delete(objects).where(
    objects.c.object_key.in_(bindparam("keys", expanding=True)), objects.c.delete_after.is_not(None)
)
_FORGET_UPLOADS = delete(uploads).where(uploads.c.object_key.in_(bindparam("keys", expanding=True)))
_FORGET_UNSENT = delete(uploads).where(
    uploads.c.story_id.is_(None), uploads.c.object_key.is_(None), uploads.c.expires_at <= clock()
)


async def due_stories(connection: AsyncConnection, limit: int) -> Sequence[Story]:
    """As `SystemTransaction`."""
    rows = (await connection.execute(_DUE, {"limit": limit})).all()
    by_org = groupby(sorted(rows, key=lambda row: row.org_id), key=lambda row: row.org_id)
    return [story for _, of_org in by_org for story in await to_stories(connection, list(of_org))]


async def overdue_processing(
    connection: AsyncConnection, lease_seconds: float, limit: int
) -> Sequence[tuple[OrgId, StoryId]]:
    """As `SystemTransaction`."""
    rows = await connection.execute(_OVERDUE, {"lease": lease_seconds, "limit": limit})
    return [(row[0], row[1]) for row in rows]


async def due_objects(connection: AsyncConnection, lease_seconds: float, limit: int) -> Sequence[str]:
    """As `SystemTransaction`."""
    await connection.execute(_FORGET_UNSENT)
    rows = await connection.execute(_DUE_OBJECTS, {"lease": lease_seconds, "limit": limit})
    return [row[0] for row in rows]


async def forget_objects(connection: AsyncConnection, keys: Iterable[str]) -> None:
    """As `SystemTransaction`."""
    parameters = {"keys": list(keys)}
    await connection.execute(_FORGET_UPLOADS, parameters)
    await connection.execute(_FORGET_OBJECTS, parameters)


async def claim(connection: AsyncConnection, name: str, seconds: float) -> bool:
    """Whether upkeep of that name is due, which then it is not again for so many seconds."""
    statement = upsert_into(upkeep_runs, connection.dialect.name).values(
        org_id=_EVERY_ORG, name=name, due_at=seconds_from_now(seconds)
    )
    claimed = await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["org_id", "name"],
            set_={"due_at": statement.excluded.due_at},
            where=upkeep_runs.c.due_at <= clock(),
        ).returning(upkeep_runs.c.name)
    )
    return claimed.first() is not None


async def give_back(connection: AsyncConnection, name: str) -> None:
    """Upkeep of that name is due now."""
    await connection.execute(
        update(upkeep_runs).where(upkeep_runs.c.org_id == _EVERY_ORG, upkeep_runs.c.name == name).values(due_at=clock())
    )

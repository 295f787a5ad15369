"""What the database knows of objects, compared with what a store holds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import BindParameter, bindparam, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.values import StoryId
from infrastructure.sql.dialect import clock, upsert_into
from infrastructure.sql.media import KEYS, discard_objects
from infrastructure.sql.tables import objects, stories

_keys: BindParameter[str] = bindparam("keys", expanding=True)
_KNOWN = select(objects.c.object_key).where(objects.c.object_key.in_(_keys))
_ADOPT = {
    engine: upsert_into(objects, engine).on_conflict_do_nothing().values(delete_after=clock())
    for engine in ("postgresql", "sqlite")
}
_KEPT = (
    select(objects.c.object_key)
    .where(objects.c.delete_after.is_(None), objects.c.object_key > bindparam("after"))
    .order_by(objects.c.object_key)
    .limit(bindparam("limit"))
)
_MISSING = select(stories.c.id, *KEYS).where(
    or_(*(key.in_(bindparam(f"of_{key.name}", expanding=True)) for key in KEYS))
)
_DROP = update(stories).where(stories.c.id.in_(bindparam("ids", expanding=True))).values(dict.fromkeys(KEYS))
_ORG: Final = "org="


async def known_objects(connection: AsyncConnection, keys: Sequence[str]) -> Collection[str]:
    """As `SystemTransaction`."""
    return set((await connection.execute(_KNOWN, {"keys": keys})).scalars()) if keys else set()


async def adopt_objects(connection: AsyncConnection, keys: Sequence[str]) -> None:
    """As `SystemTransaction`."""
    rows = [{"object_key": key, "org_id": key.removeprefix(_ORG).partition("/")[0]} for key in keys]
    if rows:
        await connection.execute(_ADOPT[connection.dialect.name], rows)


async def kept_objects(connection: AsyncConnection, after: str, limit: int) -> Sequence[str]:
    """As `SystemTransaction`."""
    return (await connection.execute(_KEPT, {"after": after, "limit": limit})).scalars().all()


async def drop_missing(connection: AsyncConnection, keys: Sequence[str]) -> Sequence[StoryId]:
    """As `SystemTransaction`."""
    rows = (await connection.execute(_MISSING, {f"of_{key.name}": keys for key in KEYS})).all()
    found = [StoryId(row.id) for row in rows]
    # What is left of their renditions goes too: a thumbnail without its picture is of no use.
    await discard_objects(connection, {*keys, *(key for row in rows for key in row[1:] if key)})
    await connection.execute(_DROP, {"ids": found})
    return found

"""Erasures as rows, and the statements by which nothing is left of a person: made of the rules in `personal`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Select,
    bindparam,
    delete,
    exists,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningDelete

from domain.audience import Visibility
from domain.engagement import Reaction
from domain.story import Status, Story
from domain.values import OrgId, StoryId, UserId
from infrastructure.sql.database import allow_long_statements
from infrastructure.sql.dialect import ENGINES, clock, seconds_from_now, upsert_into
from infrastructure.sql.locks import engage_with_story
from infrastructure.sql.media import KEYS, discard_objects
from infrastructure.sql.personal import RULES, Erasure
from infrastructure.sql.stories import STORY_COLUMNS, to_stories
from infrastructure.sql.tables import (
    erasures,
    objects,
    profiles,
    replies,
    stories,
    story_audience,
    story_reactions,
    story_stats,
    story_views,
    uploads,
)

_BATCH: Final = 100
"""Rows at once of those that hang on stories of others: each of these stories is held meanwhile."""
_AGAIN_SECONDS: Final = 1.0
"""How long an erasure waits for what came meanwhile, or for bytes that another deletes."""
_STAYING: Final = {Erasure.ELSEWHERE, Erasure.LAST, Erasure.KEPT}

_ORG: BindParameter[str] = bindparam("of_org", type_=erasures.c.org_id.type)
_USER: BindParameter[str] = bindparam("of_user", type_=erasures.c.user_id.type)
_ids: BindParameter[UUID] = bindparam("ids", expanding=True, type_=stories.c.id.type)


def _named(column: Column[Any]) -> tuple[Any, ...]:
    return column.table.c.org_id == _ORG, column == _USER


_LEFT = select(
    or_(*(exists().where(*_named(column)) for column, rule in RULES.items() if rule.erasure not in _STAYING))
)

_REQUEST = {
    engine: upsert_into(erasures, engine)
    .values(org_id=_ORG, user_id=_USER, requested_at=clock(), due_at=clock())
    .on_conflict_do_update(index_elements=["org_id", "user_id"], set_={"due_at": clock()})
    for engine in ENGINES
}
_SHOWN = (
    select(*STORY_COLUMNS)
    .where(
        *_named(stories.c.owner_id),
        stories.c.status == Status.ACTIVE.value,
        stories.c.visibility != Visibility.ONLY_ME.value,
        stories.c.expires_at > clock(),
    )
    .order_by(stories.c.created_at.desc())
    .limit(bindparam("limit"))
    .with_for_update(key_share=True)
)
_HIDE_STORIES = (
    update(stories)
    .where(*_named(stories.c.owner_id), stories.c.visibility != Visibility.ONLY_ME.value)
    .values(visibility=Visibility.ONLY_ME.value)
)
_HIDE_PERSON = delete(profiles).where(*_named(profiles.c.user_id))

_mine = _named(erasures.c.user_id)
_HOLD = update(erasures).where(*_mine).values(due_at=seconds_from_now(bindparam("lease")))
_DUE_AGAIN = update(erasures).where(*_mine).values(due_at=seconds_from_now(literal(_AGAIN_SECONDS)))
_END = delete(erasures).where(*_mine)
_COUNTS: Final = ("views", "replies", *(kind.value for kind in Reaction))
_FEWER = (
    update(story_stats)
    .where(story_stats.c.org_id == _ORG, story_stats.c.story_id == bindparam("of_story"))
    .values({story_stats.c[name]: story_stats.c[name] - bindparam(f"step_{name}") for name in _COUNTS})
)
_these = (stories.c.org_id == _ORG, stories.c.id.in_(_ids))
_LOCKED = select(stories.c.id).where(*_these).order_by(stories.c.id).with_for_update(key_share=True)
_FOR_NOBODY = (
    update(stories)
    .where(
        *_these,
        stories.c.visibility == Visibility.CUSTOM.value,
        ~exists().where(story_audience.c.org_id == stories.c.org_id, story_audience.c.story_id == stories.c.id),
    )
    .values(visibility=Visibility.ONLY_ME.value)
)
_key = tuple_(erasures.c.org_id, erasures.c.user_id)
_DUE = (
    update(erasures)
    .where(
        _key.in_(
            select(erasures.c.org_id, erasures.c.user_id)
            .where(erasures.c.due_at <= clock())
            .order_by(erasures.c.due_at)
            .limit(bindparam("limit"))
            .with_for_update(skip_locked=True)
        )
    )
    .values(due_at=seconds_from_now(bindparam("lease")))
    .returning(erasures.c.org_id, erasures.c.user_id)
)

_UPLOADS_OF = select(uploads.c.object_key).where(uploads.c.org_id == _ORG, uploads.c.story_id == bindparam("of_story"))
_AWAIT_BYTES = (
    update(objects)
    .where(objects.c.org_id == _ORG, objects.c.object_key.in_(bindparam("keys", expanding=True)))
    .values(erased_for=_USER)
)
_PLACES = select(uploads.c.object_key).where(
    *_named(uploads.c.owner_id), uploads.c.kind.is_(None), uploads.c.object_key.is_not(None)
)
_STORY = (
    select(*STORY_COLUMNS)
    .where(*_named(stories.c.owner_id))
    .order_by(stories.c.id)
    .limit(1)
    .with_for_update(key_share=True)
)


Forget = Callable[[AsyncConnection, dict[str, Any]], Awaitable[bool]]


def _rows(column: Column[Any]) -> Forget:
    statement = delete(column.table).where(*_named(column))

    async def forget(connection: AsyncConnection, person: dict[str, Any]) -> bool:
        return bool((await connection.execute(statement, person)).rowcount)

    return forget


def _some(
    column: Column[Any], *shown: ColumnElement[Any], key: Column[Any]
) -> tuple[Select[Any], ReturningDelete[Any]]:
    """Some of the rows that name a person, known by a column of their key; and their deletion."""
    named = _named(column)
    found = select(key).where(*named).order_by(key).limit(_BATCH)
    return found, delete(column.table).where(*named, key.in_(_ids)).returning(*shown)


def _views(column: Column[Any]) -> Forget:
    found, removed = _some(column, story_views.c.story_id, key=story_views.c.story_id)

    async def forget(connection: AsyncConnection, person: dict[str, Any]) -> bool:
        ids = await _engaged(connection, found, person)
        gone = (await connection.execute(removed, {**person, "ids": ids})).scalars()
        await _count(connection, person, {story_id: {"views": 1} for story_id in gone})
        return bool(ids)

    return forget


def _reactions(column: Column[Any]) -> Forget:
    of = story_reactions.c
    found, removed = _some(column, of.story_id, of.feeling, of.shared, key=of.story_id)

    async def forget(connection: AsyncConnection, person: dict[str, Any]) -> bool:
        ids = await _engaged(connection, found, person)
        gone = await connection.execute(removed, {**person, "ids": ids})
        steps = {row[0]: {kind: 1 for kind in (row[1], "share" if row[2] else None) if kind} for row in gone}
        await _count(connection, person, steps)
        return bool(ids)

    return forget


def _replies(column: Column[Any]) -> Forget:
    named = _named(column)
    found = select(replies.c.id, replies.c.story_id).where(*named).order_by(replies.c.story_id).limit(_BATCH)
    removed = delete(column.table).where(*named, replies.c.id.in_(_ids)).returning(replies.c.story_id)

    async def forget(connection: AsyncConnection, person: dict[str, Any]) -> bool:
        rows = (await connection.execute(found, person)).all()
        for story_id in dict.fromkeys(row.story_id for row in rows):
            await engage_with_story(connection, story_id)
        gone = Counter((await connection.execute(removed, {**person, "ids": [row.id for row in rows]})).scalars())
        await _count(connection, person, {story_id: {"replies": number} for story_id, number in gone.items()})
        return bool(rows)

    return forget


async def _engaged(connection: AsyncConnection, found: Select[Any], person: dict[str, Any]) -> Sequence[StoryId]:
    """Stories, of which none is deleted, or forgets who viewed and reacted, until the transaction ends."""
    ids: Sequence[StoryId] = (await connection.execute(found, person)).scalars().all()
    for story_id in ids:
        await engage_with_story(connection, story_id)
    return ids


async def _count(
    connection: AsyncConnection, person: dict[str, Any], steps: Mapping[StoryId, Mapping[str, int]]
) -> None:
    """Count so many fewer, story by story in the order of their ids: nobody waits in a circle."""
    rows = [
        {"of_org": person["of_org"], "of_story": story_id} | {f"step_{name}": step.get(name, 0) for name in _COUNTS}
        for story_id, step in sorted(steps.items())
    ]
    if rows:
        await connection.execute(_FEWER, rows)


def _lists(column: Column[Any]) -> Forget:
    found, removed = _some(column, story_audience.c.story_id, key=story_audience.c.story_id)

    async def forget(connection: AsyncConnection, person: dict[str, Any]) -> bool:
        ids = (await connection.execute(found, person)).scalars().all()
        # The stories first, as whoever edits one does.
        await connection.execute(_LOCKED, {**person, "ids": ids})
        await connection.execute(removed, {**person, "ids": ids})
        await connection.execute(_FOR_NOBODY, {**person, "ids": ids})
        return bool(ids)

    return forget


def _uploads(column: Column[Any]) -> Forget:
    removed = delete(column.table).where(*_named(column)).returning(uploads.c.object_key, uploads.c.kind)

    async def forget(connection: AsyncConnection, person: dict[str, Any]) -> bool:
        gone = (await connection.execute(removed, person)).all()
        # Where a link may let bytes in, the bin has a row already, that is due when the link has ended.
        keys = [key for key, kind in gone if kind]
        await discard_objects(connection, await _await_bytes(connection, person, keys))
        return bool(gone)

    return forget


async def _await_bytes(
    connection: AsyncConnection, person: dict[str, Any], keys: Iterable[str | None]
) -> Sequence[str]:
    """Have the erasure wait until the objects of these keys are gone; those that there are."""
    known = [key for key in keys if key]
    await connection.execute(_AWAIT_BYTES, {**person, "keys": known})
    return known


_HOW: Final[Mapping[Erasure, Callable[[Column[Any]], Forget]]] = {
    Erasure.ROWS: _rows,
    Erasure.VIEWS: _views,
    Erasure.REACTIONS: _reactions,
    Erasure.REPLIES: _replies,
    Erasure.LISTS: _lists,
    Erasure.UPLOADS: _uploads,
}
_FORGET: Final = [_HOW[rule.erasure](column) for column, rule in RULES.items() if rule.erasure in _HOW]


class SqlErasures:
    """As `Erasures`."""

    def __init__(self, connection: AsyncConnection, org: OrgId) -> None:
        self._connection, self._org = connection, org

    async def request(self, user: UserId) -> bool:
        """As `Erasures`."""
        await allow_long_statements(self._connection)
        person = self._person(user)
        if not (await self._connection.execute(_LEFT, person)).scalar_one():
            return False
        await self._connection.execute(_REQUEST[self._connection.dialect.name], person)
        return True

    async def shown(self, user: UserId, *, limit: int) -> Sequence[Story]:
        """As `Erasures`."""
        rows = (await self._connection.execute(_SHOWN, {**self._person(user), "limit": limit})).all()
        return await to_stories(self._connection, rows)

    async def hide(self, user: UserId) -> None:
        """As `Erasures`."""
        await self._connection.execute(_HIDE_STORIES, self._person(user))
        await self._connection.execute(_HIDE_PERSON, self._person(user))

    async def hold(self, user: UserId, *, lease_seconds: float) -> bool:
        """As `Erasures`."""
        await allow_long_statements(self._connection)
        held = await self._connection.execute(_HOLD, {**self._person(user), "lease": lease_seconds})
        return bool(held.rowcount)

    async def story(self, user: UserId) -> Story | None:
        """As `Erasures`."""
        person = self._person(user)
        row = (await self._connection.execute(_STORY, person)).one_or_none()
        if row is None:
            return None
        uploaded = await self._connection.execute(_UPLOADS_OF, {"of_org": self._org, "of_story": row.id})
        keys = [*uploaded.scalars(), *(row._mapping[key.name] for key in KEYS)]  # noqa: SLF001 - as SQLAlchemy names it
        await _await_bytes(self._connection, person, keys)
        return (await to_stories(self._connection, [row]))[0]

    async def places(self, user: UserId) -> Sequence[str]:
        """As `Erasures`."""
        return (await self._connection.execute(_PLACES, self._person(user))).scalars().all()

    async def forget(self, user: UserId) -> bool:
        """As `Erasures`."""
        for forget in _FORGET:
            if await forget(self._connection, self._person(user)):
                return True
        return False

    async def finish(self, user: UserId) -> bool:
        """As `Erasures`."""
        person = self._person(user)
        left = bool((await self._connection.execute(_LEFT, person)).scalar_one())
        await self._connection.execute(_DUE_AGAIN if left else _END, person)
        return not left

    def _person(self, user: UserId) -> dict[str, Any]:
        return {"of_org": self._org, "of_user": user}


async def due_erasures(connection: AsyncConnection, lease_seconds: float, limit: int) -> Sequence[tuple[OrgId, UserId]]:
    """As `SystemTransaction`."""
    rows = await connection.execute(_DUE, {"lease": lease_seconds, "limit": limit})
    return [(row[0], row[1]) for row in rows]

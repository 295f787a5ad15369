"""The read side of stories: one statement per question, straight from rows to what is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from application.caller import ANONYMOUS, Caller
from application.ports.media import STILL_TYPE
from application.ports.stories import StoryAccess
from application.queries.cards import OwnerStoryCard, StoryCard
from application.queries.open_media import KnownMedia, MediaFile, MediaPart, MediaTicket
from domain.story import Access, Status
from domain.values import StoryId, UserId
from infrastructure.sql import visibility
from infrastructure.sql.cards import (
    ARCHIVE_LINK_SECONDS,
    MediaLinks,
    allowed_users,
    select_cards,
    to_card,
    to_owner_card,
    viewed,
)
from infrastructure.sql.database import Database
from infrastructure.sql.dialect import clock
from infrastructure.sql.tables import stories, uploads

_NEWEST_FIRST = (stories.c.created_at.desc(), stories.c.id.desc())
_access = visibility.access.label("access")
_active = visibility.active.label("active")
_reported = visibility.reported.label("reported")

_ALLOWED = {engine: allowed_users(engine) for engine in ("postgresql", "sqlite")}
_STORY = {
    engine: select_cards(_access, _active, allowed).where(stories.c.id == bindparam("story"))
    for engine, allowed in _ALLOWED.items()
}
_ACTIVE = {
    engine: select_cards(_access, allowed)
    .where(stories.c.owner_id == bindparam("owner"), visibility.visible)
    .order_by(stories.c.created_at, stories.c.id)
    for engine, allowed in _ALLOWED.items()
}
_OWNED = stories.c.owner_id == visibility.viewer
_ARCHIVED = or_(stories.c.status == Status.ARCHIVED.value, stories.c.expires_at <= clock())
_HISTORY = {
    engine: select_cards(allowed)
    .where(_OWNED)
    .order_by(*_NEWEST_FIRST)
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
    for engine, allowed in _ALLOWED.items()
}
_ARCHIVE = {engine: statement.where(_ARCHIVED) for engine, statement in _HISTORY.items()}
_COUNT_HISTORY = select(func.count()).select_from(stories).where(stories.c.org_id == visibility.org, _OWNED)
_COUNT_ARCHIVE = _COUNT_HISTORY.where(_ARCHIVED)

_RINGS = (
    select(stories.c.owner_id, func.max(case((viewed, 0), else_=1)))
    .where(
        stories.c.org_id == visibility.org,
        stories.c.owner_id.in_(bindparam("owners", expanding=True)),
        visibility.visible,
    )
    .group_by(stories.c.owner_id)
)

_MEDIA = select(
    _access,
    stories.c.owner_id,
    _active,
    stories.c.media_key,
    stories.c.thumbnail_key,
    stories.c.poster_key,
    stories.c.mime_type,
    stories.c.status,
    stories.c.expires_at,
    clock().label("now"),
    _reported,
    select(uploads.c.object_key)
    .where(uploads.c.org_id == stories.c.org_id, uploads.c.story_id == stories.c.id)
    .scalar_subquery()
    .label("upload_key"),
    select(uploads.c.mime_type)
    .where(uploads.c.org_id == stories.c.org_id, uploads.c.story_id == stories.c.id)
    .scalar_subquery()
    .label("upload_type"),
).where(stories.c.org_id == visibility.org, stories.c.id == bindparam("story"))


@dataclass(frozen=True, slots=True)
class SqlStoryReader:
    """Reads stories for those who look at them."""

    database: Database
    links: MediaLinks

    async def story(self, caller: Caller, story_id: StoryId) -> tuple[StoryAccess, StoryCard | OwnerStoryCard] | None:
        """As `StoryReader`."""
        async with self.database.read(caller.org) as connection:
            statement = _STORY[self.database.dialect]
            row = (await connection.execute(statement, {**who(caller), "story": story_id})).one_or_none()
        if row is None:
            return None
        return _known(row), self._card(row, caller)

    async def active(self, caller: Caller, owner: UserId) -> Sequence[StoryCard | OwnerStoryCard]:
        """As `ActiveStoriesReader`."""
        async with self.database.read(caller.org) as connection:
            rows = await connection.execute(_ACTIVE[self.database.dialect], {**who(caller), "owner": owner})
            return [self._card(row, caller) for row in rows]

    async def history(
        self, caller: Caller, *, archived_only: bool, offset: int, limit: int
    ) -> tuple[Sequence[OwnerStoryCard], int]:
        """As `HistoryReader`."""
        statements, count = (_ARCHIVE, _COUNT_ARCHIVE) if archived_only else (_HISTORY, _COUNT_HISTORY)
        page = {**who(caller), "offset": offset, "limit": limit}
        async with self.database.read(caller.org) as connection:
            rows = (await connection.execute(statements[self.database.dialect], page)).all()
            total = (await connection.execute(count, who(caller))).scalar_one()
        return [self._owner_card(row, caller) for row in rows], total

    async def unseen_by_owner(self, caller: Caller, owners: Sequence[UserId]) -> Mapping[UserId, bool]:
        """As `RingsReader`. One's own stories count as seen: one's own views are not recorded."""
        async with self.database.read(caller.org) as connection:
            rows = await connection.execute(_RINGS, {**who(caller), "owners": owners})
            return {owner: bool(unseen) and owner != caller.user for owner, unseen in rows}

    async def media(self, ticket: MediaTicket, part: MediaPart) -> KnownMedia | None:
        """As `MediaReader`."""
        who = {"org": ticket.org, "viewer": ticket.viewer or ANONYMOUS}
        parameters = {**who, "story": ticket.story_id, "target": str(ticket.story_id)}
        async with self.database.read(ticket.org) as connection:
            row = (await connection.execute(_MEDIA, parameters)).one_or_none()
        if row is None:
            return None
        return KnownMedia(
            known=_known(row),
            reported=bool(row.reported),
            file=_media_file(row, part, beyond_its_end=ticket.role is not None),
            ticket_over=_is_over(row, ticket),
        )

    def _card(self, row: Row[Any], caller: Caller) -> StoryCard | OwnerStoryCard:
        return self._owner_card(row, caller) if row.access == Access.OWNER else to_card(row, caller, self.links)

    def _owner_card(self, row: Row[Any], caller: Caller) -> OwnerStoryCard:
        allowed = msgspec.json.decode(row.allowed) if isinstance(row.allowed, str) else row.allowed
        return to_owner_card(row, caller, self.links, allowed)


def who(caller: Caller) -> dict[str, Any]:
    """The parameters that say who looks."""
    return {"org": caller.org, "viewer": caller.user}


async def count_of(connection: AsyncConnection, statement: Any, parameters: Mapping[str, Any]) -> int:
    """The single number that a statement answers."""
    return int((await connection.execute(statement, parameters)).scalar_one())


def _is_over(row: Row[Any], ticket: MediaTicket) -> bool:
    """Whether a link has come to its end; one from before the archive is good for no longer than a new one."""
    archived = row.status == Status.ARCHIVED or row.now >= row.expires_at
    longest = timedelta(seconds=ARCHIVE_LINK_SECONDS)
    return bool(row.now >= ticket.expires_at or (archived and ticket.expires_at - row.now > longest))


def _known(row: Row[Any]) -> StoryAccess:
    return StoryAccess(Access(row.access), row.owner_id, row.active)


def _media_file(row: Row[Any], part: MediaPart, *, beyond_its_end: bool) -> MediaFile | None:
    key, mime_type = {
        MediaPart.MEDIA: (row.media_key, row.mime_type),
        MediaPart.THUMBNAIL: (row.thumbnail_key, STILL_TYPE),
        MediaPart.POSTER: (row.poster_key, STILL_TYPE),
        MediaPart.UPLOAD: (row.upload_key if row.status == Status.PROCESSING else None, row.upload_type),
    }[part]
    if key is None:
        return None
    left = None if beyond_its_end or row.access == Access.OWNER else (row.expires_at - row.now).total_seconds()
    return MediaFile(key=key, mime_type=mime_type, seconds_left=left)

"""Stories as rows: loading, saving guarded by version, deleting; and the way between a row and an aggregate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from application.ports.errors import ConcurrentChangeError
from application.ports.stories import StoryAccess
from application.ports.transactions import NewIds
from domain.audience import Audience, Visibility
from domain.content import Content, Kind, LinkedContent, MediaContent, Rendition, TextContent
from domain.events import LifecycleEvent, StoryDeleted, StoryEvent, StoryUpdated
from domain.story import Access, ArchiveReason, FailureReason, Status, Story
from domain.values import (
    BackgroundColor,
    Caption,
    Lifetime,
    MediaFileId,
    MediaUrl,
    OrgId,
    StoryId,
    TextOverlay,
    UserId,
)
from infrastructure.sql import outbox, visibility
from infrastructure.sql.database import allow_long_statements
from infrastructure.sql.dialect import seconds_from_now
from infrastructure.sql.locks import end_story
from infrastructure.sql.media import discard_objects_of
from infrastructure.sql.past_audiences import keep_past_audience
from infrastructure.sql.tables import stories, story_audience, story_stats

_UNCLAIMED_SECONDS = 10.0
"""How long a new story waits for its first wake-up before it counts as overdue."""

_OTHERS = {"insights", "frozen_at"} | {name for name in stories.c.keys() if name.startswith("processing_")}  # noqa: SIM118
"""Columns that are not the aggregate's: written by upkeep and by workers."""
STORY_COLUMNS = [column for column in stories.c if column.name not in _OTHERS]
"""Of which `to_stories` makes aggregates."""
_LOCKED = (
    select(*STORY_COLUMNS)
    .where(stories.c.org_id == bindparam("org"), stories.c.id == bindparam("story"))
    .with_for_update(key_share=True)
)
_AUDIENCE = select(story_audience.c.story_id, story_audience.c.user_id).where(
    story_audience.c.org_id == bindparam("org"), story_audience.c.story_id.in_(bindparam("stories", expanding=True))
)
ACCESS = select(visibility.access, stories.c.owner_id, visibility.active).where(
    stories.c.org_id == visibility.org, stories.c.id == bindparam("story")
)
_INSERT = insert(stories)
_INSERT_MEDIA = insert(stories).values(processing_due_at=seconds_from_now(bindparam("unclaimed")))
_UPDATE = update(stories).where(
    stories.c.org_id == bindparam("of_org"),
    stories.c.id == bindparam("of_story"),
    stories.c.version == bindparam("of_version"),
)
_DELETE = delete(stories).where(stories.c.org_id == bindparam("of_org"), stories.c.id == bindparam("of_story"))
_INSERT_STATS = insert(story_stats)
_INSERT_AUDIENCE = insert(story_audience)
_DELETE_AUDIENCE = delete(story_audience).where(
    story_audience.c.org_id == bindparam("of_org"), story_audience.c.story_id == bindparam("of_story")
)


class SqlStories:
    """As `Stories`."""

    def __init__(self, connection: AsyncConnection, org: OrgId, new_id: NewIds) -> None:
        self._connection, self._org, self._new_id = connection, org, new_id

    async def get(self, story_id: StoryId) -> Story | None:
        """As `Stories`."""
        row = (await self._connection.execute(_LOCKED, {"org": self._org, "story": story_id})).one_or_none()
        return None if row is None else (await to_stories(self._connection, [row]))[0]

    async def add(self, story: Story) -> None:
        """As `Stories`."""
        key = {"org_id": story.org, "id": story.id}
        if story.status is Status.PROCESSING:
            await self._connection.execute(_INSERT_MEDIA, {**key, **_values(story), "unclaimed": _UNCLAIMED_SECONDS})
        else:
            await self._connection.execute(_INSERT, {**key, **_values(story)})
        await self._connection.execute(_INSERT_STATS, {"org_id": story.org, "story_id": story.id})
        await _write_audience(self._connection, story)
        await outbox.write(self._connection, story.events, self._new_id)

    async def save(self, story: Story) -> None:
        """As `Stories`."""
        await save_stories(self._connection, [story], self._new_id)

    async def delete(self, story: Story) -> None:
        """As `Stories`."""
        await allow_long_statements(self._connection)
        await discard_objects_of(self._connection, story)
        await end_story(self._connection, story.id)
        await _keep_past_audience(self._connection, story)
        # The row goes before the event is written: it waits here for views and replies that are under way, so that
        # theirs come first.
        await self._connection.execute(_DELETE, {"of_org": story.org, "of_story": story.id})
        await outbox.write(self._connection, story.events, self._new_id)

    async def access(self, story_id: StoryId, viewer: UserId) -> StoryAccess | None:
        """As `Stories`."""
        row = (
            await self._connection.execute(ACCESS, {"org": self._org, "viewer": viewer, "story": story_id})
        ).one_or_none()
        return None if row is None else StoryAccess(Access(row[0]), row[1], row[2])


async def save_stories(connection: AsyncConnection, changed: Iterable[Story], new_id: NewIds) -> None:
    """Write changed stories, each only if its stored version is the one that was loaded, and their events.

    Raises:
        ConcurrentChangeError: it is not.
    """
    events: list[StoryEvent] = []
    for story in changed:
        if not story.events:
            continue
        loaded = story.version - sum(isinstance(event, LifecycleEvent) for event in story.events)
        guard = {"of_org": story.org, "of_story": story.id, "of_version": loaded}
        await _keep_past_audience(connection, story)
        result = await connection.execute(_UPDATE, {**_values(story), **guard})
        if result.rowcount != 1:
            raise ConcurrentChangeError
        await connection.execute(_DELETE_AUDIENCE, {"of_org": story.org, "of_story": story.id})
        await _write_audience(connection, story)
        events += story.events
    await outbox.write(connection, events, new_id)


async def to_stories(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> list[Story]:
    """Aggregates of rows of one organisation, with their audiences."""
    allowed: dict[UUID, set[UserId]] = {row.id: set() for row in rows if row.visibility == Visibility.CUSTOM}
    if allowed:
        listed = await connection.execute(_AUDIENCE, {"org": rows[0].org_id, "stories": list(allowed)})
        for story_id, user in listed:
            allowed[story_id].add(user)
    return [_to_story(row, frozenset(allowed.get(row.id, ()))) for row in rows]


async def _keep_past_audience(connection: AsyncConnection, story: Story) -> None:
    for event in story.events:
        match event:
            case StoryDeleted():
                await keep_past_audience(connection, event)
            case StoryUpdated() if "audience" in event.changed:
                await keep_past_audience(connection, event)


async def _write_audience(connection: AsyncConnection, story: Story) -> None:
    if story.audience.allowed:
        await connection.execute(
            _INSERT_AUDIENCE,
            [{"org_id": story.org, "story_id": story.id, "user_id": user} for user in sorted(story.audience.allowed)],
        )


def _values(story: Story) -> dict[str, Any]:
    content = story.content
    return {
        "owner_id": story.owner,
        "kind": content.kind.value,
        "status": story.status.value,
        "version": story.version,
        "changed_at": story.changed_at,
        "page": story.page,
        "visibility": story.audience.visibility.value,
        "lifetime_seconds": story.lifetime.seconds,
        "created_at": story.created_at,
        "expires_at": story.expires_at,
        "published_at": story.published_at,
        "archived_at": story.archived_at,
        "archive_reason": story.archive_reason,
        "failure_reason": story.failure_reason,
        "overlays": msgspec.to_builtins(content.overlays),
        **_content_values(content),
    }


def _content_values(content: Content) -> dict[str, Any]:
    match content:
        case TextContent():
            return {"content": content.text, "background_color": content.background.rgb}
        case LinkedContent():
            return {"caption": content.caption and content.caption.text, "media_url": content.url.text}
        case MediaContent():
            return _media_values(content)


def _media_values(content: MediaContent) -> dict[str, Any]:
    rendition = content.rendition
    return {
        "caption": content.caption.text if content.caption else None,
        "media_file_id": content.media_file,
        "media_key": rendition and rendition.media_key,
        "thumbnail_key": rendition and rendition.thumbnail_key,
        "poster_key": rendition and rendition.poster_key,
        "mime_type": rendition and rendition.mime_type,
        "width": rendition and rendition.width,
        "height": rendition and rendition.height,
        "placeholder": rendition and rendition.placeholder,
        "duration_seconds": rendition and rendition.duration_seconds,
    }


def _to_story(row: Row[Any], allowed: frozenset[UserId]) -> Story:
    return Story(
        org=row.org_id,
        id=row.id,
        owner=row.owner_id,
        content=_to_content(row),
        audience=Audience(Visibility(row.visibility), allowed),
        lifetime=Lifetime(row.lifetime_seconds),
        created_at=row.created_at,
        status=Status(row.status),
        version=row.version,
        changed_at=row.changed_at,
        page=row.page,
        published_at=row.published_at,
        archived_at=row.archived_at,
        archive_reason=ArchiveReason(row.archive_reason) if row.archive_reason else None,
        failure_reason=FailureReason(row.failure_reason) if row.failure_reason else None,
    )


def _to_content(row: Row[Any]) -> Content:
    overlays = msgspec.convert(row.overlays, tuple[TextOverlay, ...])
    if row.kind == Kind.TEXT:
        return TextContent(row.content, BackgroundColor(row.background_color), overlays)
    caption = None if row.caption is None else Caption(row.caption)
    if row.media_url:
        return LinkedContent(Kind(row.kind), MediaUrl(row.media_url), caption, overlays)
    return MediaContent(
        kind=Kind(row.kind),
        media_file=MediaFileId(row.media_file_id),
        caption=caption,
        overlays=overlays,
        rendition=_to_rendition(row) if row.media_key else None,
    )


def _to_rendition(row: Row[Any]) -> Rendition:
    return Rendition(
        media_key=row.media_key,
        thumbnail_key=row.thumbnail_key,
        poster_key=row.poster_key,
        mime_type=row.mime_type,
        width=row.width,
        height=row.height,
        placeholder=row.placeholder,
        duration_seconds=row.duration_seconds,
    )

"""Uploads, work in progress and the bin, as rows: what is known of bytes, before and after they are there."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any

from sqlalchemy import and_, bindparam, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from application.ports.errors import ConcurrentChangeError
from application.ports.media import Claim, Upload
from domain.content import Kind
from domain.story import Status, Story
from domain.values import MediaFileId, OrgId, StoryId
from infrastructure.sql.dialect import clock, seconds_from_now
from infrastructure.sql.tables import objects, stories, uploads

_ID = [uploads.c.org_id == bindparam("of_org"), uploads.c.id == bindparam("of_upload")]
_OF_STORY = [stories.c.org_id == bindparam("of_org"), stories.c.id == bindparam("of_story")]

KEYS = (stories.c.media_key, stories.c.thumbnail_key, stories.c.poster_key)
"""Of all objects that a rendition consists of."""

_UPLOAD = select(uploads)
_LOCKED = _UPLOAD.where(*_ID, or_(uploads.c.story_id.is_not(None), uploads.c.expires_at > clock())).with_for_update()
_UPLOAD_OF_STORY = _UPLOAD.where(uploads.c.org_id == bindparam("of_org"), uploads.c.story_id == bindparam("of_story"))
_INSERT = insert(uploads)
_RECEIVED = update(uploads).where(*_ID, uploads.c.kind.is_(None))
_ASSIGN = update(uploads).where(*_ID).values(story_id=bindparam("story")).returning(uploads.c.object_key)
_REMOVE = delete(uploads).where(*_ID)

_processing = and_(*_OF_STORY, stories.c.status == Status.PROCESSING.value)
_held = {name: seconds_from_now(bindparam("lease")) for name in ("processing_due_at", "processing_held_until")}
_CLAIM = (
    update(stories)
    .where(
        _processing,
        or_(stories.c.processing_held_until.is_(None), stories.c.processing_held_until <= clock()),
    )
    .values(processing_attempts=stories.c.processing_attempts + 1, **_held)
    .returning(stories.c.processing_attempts)
)
_mine = and_(_processing, stories.c.processing_attempts == bindparam("attempt"))
_RENEW = update(stories).where(_mine).values(processing_percent=bindparam("percent"), **_held)
_LET_GO = (
    update(stories)
    .where(_mine)
    .values(
        processing_attempts=stories.c.processing_attempts - bindparam("forgiven"),
        processing_held_until=None,
        processing_due_at=clock(),
    )
)

_EXPECT = insert(objects).values(delete_after=seconds_from_now(bindparam("seconds")))
_keys = objects.c.object_key.in_(bindparam("keys", expanding=True))
_KEEP = update(objects).where(_keys).values(delete_after=None)
_DISCARD = update(objects).where(_keys).values(delete_after=clock())


class SqlUploads:
    """As `Uploads`."""

    def __init__(self, connection: AsyncConnection, org: OrgId) -> None:
        self._connection, self._org = connection, org

    async def get(self, media_file: MediaFileId) -> Upload | None:
        """As `Uploads`."""
        row = (await self._connection.execute(_LOCKED, self._key(media_file))).one_or_none()
        return None if row is None else _to_upload(row)

    async def add(self, upload: Upload) -> None:
        """As `Uploads`."""
        await self._connection.execute(
            _INSERT,
            {
                "org_id": self._org,
                "id": upload.id,
                "owner_id": upload.owner,
                "object_key": upload.key,
                "size": upload.size,
                "expires_at": upload.expires_at,
            },
        )

    async def received(self, upload: Upload) -> None:
        """As `Uploads`."""
        facts = {
            "object_key": upload.key,
            "size": upload.size,
            "kind": upload.kind and upload.kind.value,
            "mime_type": upload.mime_type,
        }
        result = await self._connection.execute(_RECEIVED, {**self._key(upload.id), **facts})
        if result.rowcount != 1:
            raise ConcurrentChangeError

    async def assign(self, media_file: MediaFileId, story_id: StoryId) -> None:
        """As `Uploads`."""
        key = (await self._connection.execute(_ASSIGN, {**self._key(media_file), "story": story_id})).scalar_one()
        await self._connection.execute(_KEEP, {"keys": [key]})

    async def remove(self, media_file: MediaFileId) -> None:
        """As `Uploads`."""
        await self._connection.execute(_REMOVE, self._key(media_file))

    def _key(self, media_file: MediaFileId) -> dict[str, Any]:
        return {"of_org": self._org, "of_upload": media_file}


class SqlProcessing:
    """As `Processing`."""

    def __init__(self, connection: AsyncConnection, org: OrgId) -> None:
        self._connection, self._org = connection, org

    async def claim(self, story_id: StoryId, *, lease_seconds: float) -> Claim | None:
        """As `Processing`."""
        key = {"of_org": self._org, "of_story": story_id}
        attempt = (await self._connection.execute(_CLAIM, {**key, "lease": lease_seconds})).scalar_one_or_none()
        if attempt is None:
            return None
        upload = (await self._connection.execute(_UPLOAD_OF_STORY, key)).one_or_none()
        return None if upload is None else Claim(upload.object_key, upload.mime_type, attempt)

    async def renew(self, story_id: StoryId, claim: Claim, *, lease_seconds: float, percent: int) -> bool:
        """As `Processing`."""
        values = {"lease": lease_seconds, "percent": percent}
        result = await self._connection.execute(_RENEW, {**self._key(story_id, claim), **values})
        return bool(result.rowcount)

    async def let_go(self, story_id: StoryId, claim: Claim, *, counted: bool) -> None:
        """As `Processing`."""
        await self._connection.execute(_LET_GO, {**self._key(story_id, claim), "forgiven": 0 if counted else 1})

    def _key(self, story_id: StoryId, claim: Claim) -> dict[str, Any]:
        return {"of_org": self._org, "of_story": story_id, "attempt": claim.attempt}


class SqlBin:
    """As `Bin`."""

    def __init__(self, connection: AsyncConnection, org: OrgId) -> None:
        self._connection, self._org = connection, org

    def new_key(self, purpose: str) -> str:
        """As `Bin`: 128 random bits."""
        return f"org={self._org}/{purpose}/{secrets.token_hex(16)}"

    async def expect(self, keys: Iterable[str], *, seconds: float) -> None:
        """As `Bin`."""
        await self._connection.execute(
            _EXPECT, [{"object_key": key, "org_id": self._org, "seconds": seconds} for key in keys]
        )

    async def keep(self, keys: Iterable[str]) -> None:
        """As `Bin`."""
        await self._connection.execute(_KEEP, {"keys": list(keys)})

    async def discard(self, keys: Iterable[str]) -> None:
        """As `Bin`."""
        await self._connection.execute(_DISCARD, {"keys": list(keys)})


async def discard_objects_of(connection: AsyncConnection, story: Story) -> None:
    """Give all bytes of a story to the bin: the rendition, its thumbnail, the upload."""
    key = {"of_org": story.org, "of_story": story.id}
    rows = await connection.execute(select(*KEYS).where(*_OF_STORY), key)
    keys = [object_key for row in rows for object_key in row if object_key]
    upload = (await connection.execute(_UPLOAD_OF_STORY, key)).one_or_none()
    if upload is not None and upload.object_key:
        keys.append(upload.object_key)
    await discard_objects(connection, keys)


async def discard_objects(connection: AsyncConnection, keys: Iterable[str]) -> None:
    """Give objects to the bin."""
    await connection.execute(_DISCARD, {"keys": list(keys)})


def _to_upload(row: Any) -> Upload:
    return Upload(
        id=MediaFileId(row.id),
        owner=row.owner_id,
        key=row.object_key,
        size=row.size,
        kind=Kind(row.kind) if row.kind else None,
        mime_type=row.mime_type,
        story=StoryId(row.story_id) if row.story_id else None,
        expires_at=row.expires_at,
    )

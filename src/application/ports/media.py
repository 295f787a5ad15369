"""Bytes: on their way in, at work, where they lie, and when they may be deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, Protocol

from msgspec import Struct

from domain.content import Kind
from domain.values import MediaFileId, StoryId, UserId

STILL_TYPE: Final = "image/webp"
"""What thumbnails and posters are."""


class Upload(Struct, frozen=True, kw_only=True):
    """A file that a user sends, or has sent.

    Attributes:
        key: where its bytes lie, or where they may be sent by a signed link; None if the service is to receive them.
        size: bytes: as announced until it is received, as counted from then on; None if not announced.
        kind: what the bytes are; None until it is received.
        mime_type: as sniffed; None until it is received.
        story: the story made of it; None until then.
        expires_at: when it is dropped if no story is made of it (UTC).
    """

    id: MediaFileId
    owner: UserId
    expires_at: datetime
    key: str | None = None
    size: int | None = None
    kind: Kind | None = None
    mime_type: str | None = None
    story: StoryId | None = None


class Uploads(Protocol):
    """Files on their way to become stories, of the transaction's organisation."""

    async def get(self, media_file: MediaFileId) -> Upload | None:
        """Load an upload and keep others from changing it until the transaction ends. None: none, or expired."""

    async def add(self, upload: Upload) -> None:
        """Write a new upload."""

    async def received(self, upload: Upload) -> None:
        """Write what its bytes are.

        Raises:
            ConcurrentChangeError: it is not there any more, or was received before.
        """

    async def assign(self, media_file: MediaFileId, story_id: StoryId) -> None:
        """It is a story now: it no longer expires, and its bytes are kept until they are discarded."""

    async def remove(self, media_file: MediaFileId) -> None:
        """Forget it."""


class Claim(Struct, frozen=True):
    """Work taken by a worker: where the upload lies, what it is, and how often it was taken, this time included."""

    key: str
    mime_type: str
    attempt: int


class Processing(Protocol):
    """The truth of what is being processed; messages are only wake-ups."""

    async def claim(self, story_id: StoryId, *, lease_seconds: float) -> Claim | None:
        """Take the work for so long. None: there is nothing to process (any more), or somebody holds it."""

    async def renew(self, story_id: StoryId, claim: Claim, *, lease_seconds: float, percent: int) -> bool:
        """Keep the work for so much longer, and tell how far it is. False: somebody else has it by now."""

    async def let_go(self, story_id: StoryId, claim: Claim, *, counted: bool) -> None:
        """Let go of the work, so that it may be taken at once; ``counted``: the attempt counts against the file.

        If somebody else has it by now, nothing happens.
        """


class Bin(Protocol):
    """Keys of objects with the time from which each may be deleted. A key is here before its bytes are anywhere."""

    def new_key(self, purpose: str) -> str:
        """A key nobody can guess, under the organisation's own prefix."""

    async def expect(self, keys: Iterable[str], *, seconds: float) -> None:
        """Announce objects that will be written; they are deleted after so long unless kept."""

    async def keep(self, keys: Iterable[str]) -> None:
        """They are in use: never delete them until discarded."""

    async def discard(self, keys: Iterable[str]) -> None:
        """Delete them as soon as may be."""


class Blob(Struct, frozen=True):
    """An object, or a part of it, being read.

    Attributes:
        size: bytes of the whole object.
        start: first byte of this part.
        stop: one past its last byte.
        chunks: its bytes.
    """

    size: int
    start: int
    stop: int
    chunks: AsyncIterator[bytes]


class StoredObject(Struct, frozen=True):
    """An object as the store lists it; ``written_at`` in UTC, by the store's clock."""

    key: str
    size: int
    written_at: datetime


class ObjectStore(Protocol):
    """Where bytes lie, by key."""

    async def put(self, key: str, chunks: AsyncIterator[bytes], mime_type: str | None = None) -> None:
        """Write an object at constant memory; if ``chunks`` raises, that is raised and no object is there.

        The type is what the store says of it to those it gives the bytes by itself.
        """

    async def get(self, key: str, *, start: int = 0, stop: int | None = None) -> Blob:
        """Read an object, or bytes ``start`` to ``stop`` (exclusive) of it; a stop past the end is the end.

        Raises:
            ObjectMissingError: there is none.
        """

    async def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; one that is not there is no error."""

    async def copy(self, source: str, target: str) -> None:
        """Write an object like another, within the store.

        Raises:
            ObjectMissingError: there is no other.
        """

    async def sign(self, method: Literal["GET", "PUT"], key: str, *, seconds: float) -> str | None:
        """A link by which whoever has it may read or write the object for so long. None: the store makes none."""

    async def has(self, key: str) -> bool:
        """Whether there is an object."""

    def listed(self) -> AsyncIterator[Sequence[StoredObject]]:
        """All objects, in batches; one written or deleted meanwhile may be missing or there."""

    async def check(self) -> None:
        """Do nothing if the store can be written and read.

        Raises:
            UnavailableError: it cannot.
        """


class Inspection(Struct, frozen=True):
    """What the first bytes of a file say of it."""

    kind: Kind
    mime_type: str


class MediaInspector(Protocol):
    """Tells what a file is by its bytes, never by its name."""

    def inspect(self, head: bytes, *, whole: bool) -> Inspection:
        """Look at the first bytes; ``whole`` says that they are the entire file.

        Raises:
            UnsupportedMediaError: of no accepted kind.
            MediaInvalidError: broken.
            MediaTooLargeError: more pixels, or frames a second, than are accepted.
        """


class Workspaces(Protocol):
    """Folders to work in."""

    def __call__(self) -> AbstractAsyncContextManager[Path]:
        """A new, empty folder, private to this process; gone with all in it at the end."""


class RenderedFile(Struct, frozen=True, kw_only=True):
    """A rendition, its thumbnail and, of a video, its poster, as files."""

    media: Path
    thumbnail: Path
    poster: Path | None = None
    mime_type: str
    width: int
    height: int
    placeholder: str
    duration_seconds: float | None = None


class Reached(Protocol):
    """Is told how far some work is."""

    async def __call__(self, part: float) -> None:
        """It is so far: 0-1."""


class MediaRenderer(Protocol):
    """Makes of an upload what is served: upright, within limits, without metadata."""

    async def render(self, source: Path, mime_type: str, target: Path, reached: Reached) -> RenderedFile:
        """Render into the folder ``target``; tells now and then how far it is.

        Raises:
            RenderingFailedError: the file cannot be rendered, and never will be.
        """

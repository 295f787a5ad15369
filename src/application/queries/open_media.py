"""Open the bytes behind a media link: checked again at each fetch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from msgspec import Struct

from application.access import require_visible
from application.oversight import oversees
from application.ports.errors import ObjectMissingError
from application.ports.media import Blob, ObjectStore
from application.ports.people import Role
from application.ports.stories import StoryAccess
from domain.errors import NotFoundError, StoryNotFoundError
from domain.story import Access
from domain.values import OrgId, StoryId, UserId

LINK_SECONDS: Final = 60.0
"""How long, at most, a link of the object store is good: longer than the story is visible, for some, but no more."""


class MediaPart(StrEnum):
    """Which of a story's files a link is for."""

    MEDIA = "media"
    THUMBNAIL = "thumbnail"
    POSTER = "poster"
    """A still as large as a video, shown until it plays."""
    UPLOAD = "upload"
    """What was sent, as it was sent: the owner's alone, until it has been processed."""


class MediaTicket(Struct, frozen=True, kw_only=True):
    """What a media link proves: for whom it was signed, and for what.

    Attributes:
        viewer: for whom; None: for anybody.
        role: by which role they look after what is hidden from them, or over; None: by none.
        expires_at: until when the link itself is good (UTC).
    """

    org: OrgId
    story_id: StoryId
    viewer: UserId | None
    role: Role | None = None
    expires_at: datetime


class OpenMedia(Struct, frozen=True, kw_only=True):
    """Ask for one of a story's files."""

    ticket: MediaTicket
    part: MediaPart


class MediaFile(Struct, frozen=True, kw_only=True):
    """One of a story's files.

    Attributes:
        seconds_left: how long the reader may still see the story; None for those who see it also when it is over.
    """

    key: str
    mime_type: str
    seconds_left: float | None


class KnownMedia(Struct, frozen=True, kw_only=True):
    """One of a story's files, with what the ticket's viewer may know of the story.

    Attributes:
        reported: whether a report of the story is open.
        file: None if the story has no such file (any more).
        ticket_over: whether the link itself has come to its end, by the clock of the database.
    """

    known: StoryAccess
    reported: bool
    file: MediaFile | None
    ticket_over: bool


class MediaReader(Protocol):
    """Finds where a story's files lie."""

    async def media(self, ticket: MediaTicket, part: MediaPart) -> KnownMedia | None:
        """The file, in one statement. None: there is no such story."""


@dataclass(frozen=True, slots=True)
class OpenMediaHandler:
    """Opens a file for whom the link was signed, while they may see the story.

    Attributes:
        redirect: whether the reader is sent on to the object store, where it makes links.
    """

    reader: MediaReader
    store: ObjectStore
    redirect: bool = False

    async def __call__(self, query: OpenMedia) -> MediaFile:
        """Find it.

        Raises:
            StoryNotFoundError, StoryExpiredError: they do not see the story (any more).
            NotFoundError: the story has no such file (any more), or the link is too old.
        """
        found = await self.reader.media(query.ticket, query.part)
        if found is None:
            raise StoryNotFoundError
        known, role = found.known, query.ticket.role
        if role is None or not oversees({role}, reported=found.reported):
            require_visible(known)
        if found.file is None or found.ticket_over:
            raise NotFoundError
        if query.part is MediaPart.UPLOAD and known.access is not Access.OWNER:
            raise NotFoundError
        return found.file

    async def link(self, file: MediaFile, part: MediaPart) -> str | None:
        """Where the object store gives the bytes itself, for a minute at most and never beyond the story's end.

        None: it does not, or should not; what was uploaded is never given as it came but as an attachment.
        """
        seconds = int(min(LINK_SECONDS, LINK_SECONDS if file.seconds_left is None else file.seconds_left))
        if not self.redirect or part is MediaPart.UPLOAD or seconds < 1:
            return None
        return await self.store.sign("GET", file.key, seconds=seconds)

    async def read(self, file: MediaFile, *, start: int = 0, stop: int | None = None) -> Blob:
        """Read the bytes.

        Raises:
            NotFoundError: they are gone.
        """
        try:
            return await self.store.get(file.key, start=start, stop=stop)
        except ObjectMissingError:
            raise NotFoundError from None

"""What the use cases need of the world. The docstrings are the contract: every adapter passes the same suite."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from application.caller import Caller
from domain.audience import Relation
from domain.content import Kind
from domain.engagement import Reactions, Reply
from domain.events import StoryEvent
from domain.friendship import Friendship
from domain.ranking import Scores
from domain.story import Access, FailureReason, Story
from domain.values import MediaFileId, OrgId, StoryId, UserId

# --- errors of the outside, in the words of the ports -------------------------------------------------------------


class UnavailableError(Exception):
    """A store the service cannot do without does not answer; worth another try in a while."""


class ConcurrentChangeError(Exception):
    """Somebody else changed the same thing first; load it again."""


class ObjectMissingError(Exception):
    """The object store holds nothing under the key."""


class UnsupportedMediaError(Exception):
    """The bytes are of no kind that is accepted."""


class MediaInvalidError(Exception):
    """The bytes are of an accepted kind, and broken."""


class MediaTooLargeError(Exception):
    """The picture has more pixels than are accepted; known from its header."""


class RenderingFailedError(Exception):
    """A file could not be rendered.

    Attributes:
        reason: what to tell its owner.
    """

    def __init__(self, reason: FailureReason) -> None:
        self.reason = reason
        super().__init__(reason)


# --- the write side ------------------------------------------------------------------------------------------------


class Stories(Protocol):
    """Stories of the transaction's organisation."""

    async def get(self, story_id: StoryId) -> Story | None:
        """Load a story and keep others from changing it until the transaction ends. None: there is none."""

    async def add(self, story: Story) -> None:
        """Write a new story and its events."""

    async def save(self, story: Story) -> None:
        """Write a changed story and its events; a story without events is left alone.

        Raises:
            ConcurrentChangeError: the stored version is not the one that was loaded.
        """

    async def delete(self, story: Story) -> None:
        """Remove the story with its views, reactions and replies, give its bytes to the bin, and write its events."""

    async def access(self, story_id: StoryId, viewer: UserId) -> StoryAccess | None:
        """What ``viewer`` may know of the story now, decided within one statement. None: there is none."""


class StoryAccess(Struct, frozen=True):
    """What one person may know of one story, and the little that engagement needs of it."""

    access: Access
    owner: UserId
    active: bool


class FirstView(Struct, frozen=True):
    """That somebody saw a story of ``owner`` for the first time, at ``at`` (UTC)."""

    owner: UserId
    at: datetime


class Views(Protocol):
    """Who saw what: one record per story and viewer."""

    async def record(self, story_id: StoryId, viewer: UserId, duration_seconds: float) -> FirstView | None:
        """Record and count a first view, if the story is visible to the viewer, decided within the statement.

        None: nothing was recorded. The story is not visible to them, is their own, or was viewed before.
        """

    async def extend(self, story_id: StoryId, viewer: UserId, duration_seconds: float) -> None:
        """Keep the longer duration of a view that is there; exact under concurrency."""


class ReactionBook(Protocol):
    """Who reacted how."""

    async def get(self, story_id: StoryId, user: UserId) -> Reactions:
        """What the user said of the story, and keep others from changing it until the transaction ends.

        Raises:
            StoryNotFoundError: there is no such story (any more).
        """

    async def save(self, story_id: StoryId, user: UserId, before: Reactions, after: Reactions) -> None:
        """Write the change and count it."""


class Replies(Protocol):
    """Private messages about stories."""

    async def add(self, reply: Reply) -> None:
        """Write a reply and count it.

        Raises:
            StoryNotFoundError: there is no such story (any more).
        """

    async def thread_exists(self, story_id: StoryId, thread: UserId) -> bool:
        """Whether the person has written about the story."""


class Social(Protocol):
    """The copy of the social graph, of the transaction's organisation."""

    async def relation(self, owner: UserId, viewer: UserId) -> Relation:
        """What ``viewer`` is to ``owner`` now."""

    async def hold_pair(self, one: UserId, other: UserId) -> None:
        """Let nobody else change what two people are to each other until the transaction ends."""

    async def friendship(self, one: UserId, other: UserId) -> Friendship:
        """What two people are to each other; holds the pair."""

    async def save_friendship(self, friendship: Friendship) -> None:
        """Write it; one that nobody has put is removed."""

    async def add_close_friend(self, owner: UserId, friend: UserId) -> None:
        """Put somebody on a close-friends list; again, nothing happens."""

    async def remove_close_friend(self, owner: UserId, friend: UserId) -> None:
        """Take somebody off; not there, nothing happens."""

    async def mute(self, user: UserId, target: UserId) -> None:
        """Mute somebody; again, nothing happens."""

    async def unmute(self, user: UserId, target: UserId) -> None:
        """Unmute somebody; not muted, nothing happens."""

    async def block(self, user: UserId, target: UserId) -> None:
        """Block somebody; again, nothing happens."""

    async def unblock(self, user: UserId, target: UserId) -> None:
        """Take a block back; not blocked, nothing happens."""


class Profile(Struct, frozen=True, kw_only=True):
    """What a token tells of a person, for others to see."""

    username: str | None = None
    full_name: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    avatar_url: str | None = None
    email: str | None = None
    company: str | None = None
    job_title: str | None = None


class Profiles(Protocol):
    """What is known of people, of the transaction's organisation."""

    async def put(self, user: UserId, profile: Profile, *, told_at: datetime, create: bool) -> None:
        """Keep what was told last (by ``told_at``, UTC). Somebody unknown is added only if ``create``."""


class Upload(Struct, frozen=True, kw_only=True):
    """A file that a user sends, or has sent.

    Attributes:
        key: where its bytes lie; None until it is received.
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


class Transaction(Protocol):
    """All or nothing: what is written through it, and the events of it, are committed together."""

    @property
    def stories(self) -> Stories: ...  # noqa: D102 - named by their types
    @property
    def views(self) -> Views: ...  # noqa: D102
    @property
    def reactions(self) -> ReactionBook: ...  # noqa: D102
    @property
    def replies(self) -> Replies: ...  # noqa: D102
    @property
    def social(self) -> Social: ...  # noqa: D102
    @property
    def profiles(self) -> Profiles: ...  # noqa: D102
    @property
    def uploads(self) -> Uploads: ...  # noqa: D102
    @property
    def processing(self) -> Processing: ...  # noqa: D102
    @property
    def bin(self) -> Bin: ...  # noqa: D102

    async def clock(self) -> datetime:
        """Time of the database, read now (UTC, milliseconds); read it after what may wait for a lock."""

    async def publish(self, event: StoryEvent) -> None:
        """Write an event that belongs to no aggregate's own list."""


class OutboxEvent(Struct, frozen=True, kw_only=True):
    """An event as it was written with its change.

    Attributes:
        position: rises in the order of writing; not gapless.
        id: the same however often it is told.
        type: its name on the wire.
    """

    position: int
    id: UUID
    org: OrgId
    story: StoryId
    type: str


class SystemTransaction(Protocol):
    """A transaction of the service's own upkeep, over all organisations."""

    async def due_stories(self, *, limit: int) -> Sequence[Story]:
        """Stories the clock has archived and nobody else is moving at the moment, longest over first."""

    async def save(self, stories: Sequence[Story]) -> None:
        """Write changed stories and their events.

        Raises:
            ConcurrentChangeError: a stored version is not the one that was loaded.
        """

    async def undispatched(self, *, limit: int) -> Sequence[OutboxEvent]:
        """Events nobody has dispatched and nobody else holds, oldest first."""

    async def dispatched(self, events: Sequence[OutboxEvent]) -> None:
        """They have been dispatched."""

    async def overdue_processing(self, *, lease_seconds: float, limit: int) -> Sequence[tuple[OrgId, StoryId]]:
        """Stories that wait to be processed and nobody holds (any more); they count as held for the lease given."""

    async def freeze_analytics(self, *, after_seconds: float, limit: int) -> int:
        """Freeze the insights of stories archived so long ago, and forget who viewed and reacted; how many stories."""

    async def drop_media(self, *, after_seconds: float | None, limit: int) -> int:
        """Give the media of stories archived so long ago to the bin; how many stories.

        None: never. The media of archived stories that were never published: at once.
        """

    async def due_objects(self, *, lease_seconds: float, limit: int) -> Sequence[str]:
        """Keys to delete now; they count as held for the lease given."""

    async def forget_objects(self, keys: Iterable[str]) -> None:
        """Their bytes are gone, and with them the uploads they were."""

    async def clock(self) -> datetime:
        """As in `Transaction`."""


class UnitOfWork(Protocol):
    """Begins transactions; keeps nothing between them."""

    def begin(self, org: OrgId) -> AbstractAsyncContextManager[Transaction]:
        """A transaction in one organisation: committed at the end, rolled back if anything is raised."""

    def begin_system(self) -> AbstractAsyncContextManager[SystemTransaction]:
        """A transaction over all organisations, for the service's own upkeep."""


# --- bytes ---------------------------------------------------------------------------------------------------------


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


class ObjectStore(Protocol):
    """Where bytes lie, by key."""

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> None:
        """Write an object at constant memory; if ``chunks`` raises, that is raised and no object is there."""

    async def get(self, key: str, *, start: int = 0, stop: int | None = None) -> Blob:
        """Read an object, or bytes ``start`` to ``stop`` (exclusive) of it; a stop past the end is the end.

        Raises:
            ObjectMissingError: there is none.
        """

    async def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; one that is not there is no error."""

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
            MediaTooLargeError: more pixels than are accepted.
        """


class Workspaces(Protocol):
    """Folders to work in."""

    def __call__(self) -> AbstractAsyncContextManager[Path]:
        """A new, empty folder, private to this process; gone with all in it at the end."""


class RenderedFile(Struct, frozen=True, kw_only=True):
    """A rendition and its thumbnail, as files."""

    media: Path
    thumbnail: Path
    mime_type: str
    width: int
    height: int
    placeholder: str
    duration_seconds: float | None = None


class MediaRenderer(Protocol):
    """Makes of an upload what is served: upright, within limits, without metadata."""

    async def render(self, source: Path, mime_type: str, target: Path) -> RenderedFile:
        """Render into the folder ``target``.

        Raises:
            RenderingFailedError: the file cannot be rendered, and never will be.
        """


# --- the rest ------------------------------------------------------------------------------------------------------


class Policy(StrEnum):
    """What may have to be done after something happened; the names travel in messages."""

    PROCESS_MEDIA = "process_media"
    EMPTY_BIN = "empty_bin"
    CLEAN_ARCHIVES = "clean_archives"


class Wakeups(Protocol):
    """Tells workers that there is something to do; may be lost, doubled or late, so the truth is elsewhere."""

    async def wake(self, policy: Policy, org: OrgId, story_id: StoryId) -> None:
        """Have the policy run soon, for the story.

        Raises:
            UnavailableError: the workers cannot be reached.
        """


class RankedStory(Struct, frozen=True, array_like=True):
    """A story's place in a feed, with the scores that put it there."""

    story_id: StoryId
    scores: Scores


class FeedOrder(Struct, frozen=True, kw_only=True):
    """The order in which a feed was ranked at one moment.

    Attributes:
        served: by number of stories served before, where in ``ranked`` the next page begins; what died in between
            is why the two differ.
    """

    id: UUID
    ranked: tuple[RankedStory, ...]
    served: dict[int, int]


class FeedOrders(Protocol):
    """Feed orders, kept for a while so that the pages of a feed fit together. May forget at any time."""

    async def put(self, caller: Caller, order: FeedOrder) -> None:
        """Keep an order for five minutes; it is the caller's last one now."""

    async def get(self, caller: Caller, order_id: UUID | None = None) -> FeedOrder | None:
        """One of the caller's orders, or their last one. None: forgotten."""


class NewIds(Protocol):
    """Makes ids that sort by the time they were made (UUIDv7)."""

    def __call__(self) -> UUID:
        """An id nobody has."""


# --- identity ------------------------------------------------------------------------------------------------------


class InvalidTokenError(Exception):
    """A token that proves nothing: forged, over, not good yet, or for somebody else."""


class Role(StrEnum):
    """What a token's user is trusted with, beyond being themselves."""

    SERVICE = "service"
    """The application that uses the service: acts for the user it names."""
    MODERATOR = "moderator"
    ADMIN = "admin"


class TokenClaims(Struct, frozen=True, kw_only=True):
    """What a good token says.

    Attributes:
        org: the only organisation it is good for; None: any.
        issued_at: when it was made (UTC); 1970 if it does not say.
        expires_at: when it ends (UTC).
    """

    user: UserId
    org: OrgId | None
    roles: frozenset[Role]
    profile: Profile
    issued_at: datetime
    expires_at: datetime


class TokenVerifier(Protocol):
    """Tells good tokens from bad."""

    async def verify(self, token: str) -> TokenClaims:
        """Read a token.

        Raises:
            InvalidTokenError: it proves nothing.
        """

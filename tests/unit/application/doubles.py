"""Adapters for tests: each meets a port in memory, quickly, and shows what was asked of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from application.caller import Caller
from application.ports.errors import ObjectMissingError, RenderingFailedError, UnavailableError
from application.ports.feeds import FeedOrder
from application.ports.media import Blob, Inspection, Reached, RenderedFile, StoredObject
from application.ports.stories import StoryAccess
from application.ports.transactions import SystemTransaction, Transaction, UnitOfWork
from application.ports.work import Policy
from application.queries.cards import StoryCard
from application.queries.community_records import CommunityGroup
from application.queries.get_recommended_feed import Candidate
from application.queries.list_community_stories import CommunityReader, GroupPosition
from application.queries.open_media import KnownMedia, MediaFile, MediaPart, MediaTicket
from application.queries.times import timestamp
from domain.content import Kind
from domain.story import FailureReason
from domain.values import OrgId, PageId, StoryId, UserId

Meanwhile = Callable[[], Awaitable[object]]
"""What happens to the world while an adapter is at work."""


async def nothing() -> None:
    """Nothing happens meanwhile."""


class MemoryObjects:
    """An object store in a dictionary.

    Attributes:
        held: the objects, by key.
        away: while true, nothing can be written, read or deleted.
        signs: whether it makes links.
        written_at: when all of them were written, as it lists them.
        while_writing: happens before each object is there.
    """

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}
        self.written_at = datetime.now(UTC)
        self.away = self.signs = False
        self.while_writing: Meanwhile = nothing

    async def put(self, key: str, chunks: AsyncIterator[bytes], mime_type: str | None = None) -> None:
        self._require_here()
        data = b"".join([chunk async for chunk in chunks])
        await self.while_writing()
        self.held[key] = data

    async def get(self, key: str, *, start: int = 0, stop: int | None = None) -> Blob:
        self._require_here()
        if key not in self.held:
            raise ObjectMissingError(key)
        data = self.held[key]
        end = len(data) if stop is None else min(stop, len(data))
        return Blob(size=len(data), start=start, stop=end, chunks=_one(data[start:end]))

    async def delete(self, keys: Iterable[str]) -> None:
        self._require_here()
        for key in keys:
            self.held.pop(key, None)

    async def copy(self, source: str, target: str) -> None:
        self._require_here()
        if source not in self.held:
            raise ObjectMissingError(source)
        self.held[target] = self.held[source]

    async def sign(self, method: str, key: str, *, seconds: float) -> str | None:
        return f"https://bucket.test/{key}?{method}&for={seconds:.0f}" if self.signs else None

    async def has(self, key: str) -> bool:
        self._require_here()
        return key in self.held

    async def listed(self) -> AsyncIterator[Sequence[StoredObject]]:
        self._require_here()
        yield [StoredObject(key, len(data), self.written_at) for key, data in self.held.items()]

    async def check(self) -> None:
        self._require_here()

    def of(self, purpose: str) -> list[str]:
        """Keys of the objects made for a purpose."""
        return [key for key in self.held if key.split("/")[1] == purpose]

    def _require_here(self) -> None:
        if self.away:
            raise UnavailableError("The object store does not answer.")


async def _one(data: bytes) -> AsyncIterator[bytes]:
    yield data


class CountingObjects(MemoryObjects):
    """Keeps the sizes of objects, not their bytes: for files as large as are accepted."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: dict[str, int] = {}

    async def put(self, key: str, chunks: AsyncIterator[bytes], mime_type: str | None = None) -> None:
        size = 0
        async for chunk in chunks:
            size += len(chunk)
        self.sizes[key] = size


class Source:
    """Chunks that come over a network: so many, each the same.

    Attributes:
        sent: how many were taken so far.
    """

    def __init__(self, chunk: bytes, times: int, first: bytes = b"") -> None:
        self._chunk, self._times, self._first = chunk, times, first
        self.sent = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._first:
            self.sent += 1
            yield self._first
        for _ in range(self._times):
            self.sent += 1
            yield self._chunk


class SayingInspector:
    """Takes every file for what it is told, and keeps what it was shown."""

    def __init__(self, kind: Kind = Kind.IMAGE, mime_type: str = "image/jpeg") -> None:
        self._inspection = Inspection(kind, mime_type)
        self.shown: list[tuple[int, bool]] = []

    def inspect(self, head: bytes, *, whole: bool) -> Inspection:
        self.shown.append((len(head), whole))
        return self._inspection


class MemoryEventStream:
    """A stream of events in a dictionary.

    Attributes:
        entries: the events, by position.
    """

    def __init__(self, *, max_length: int) -> None:
        self._max_length, self._last = max_length, 0
        self.entries: dict[int, bytes] = {}

    async def last(self) -> int:
        await asyncio.sleep(0)
        return self._last

    async def append(self, events: Sequence[tuple[int, bytes]], *, after: int) -> bool:
        if after != self._last:
            return False
        self.entries.update(events)
        self._last = max(self.entries)
        return True

    async def trim(self) -> None:
        for position in sorted(self.entries)[: -self._max_length]:
            del self.entries[position]


class PlainRenderer:
    """Writes a few bytes and calls them a rendition.

    Attributes:
        fails: reasons to fail for, one for each rendering to come.
        meanwhile: happens during each rendering, once it has begun.
        asked: what was rendered: its bytes and type.
        folders: where.
    """

    def __init__(self) -> None:
        self.fails: list[FailureReason] = []
        self.meanwhile: Meanwhile = nothing
        self.asked: list[tuple[bytes, str]] = []
        self.folders: list[Path] = []

    async def render(self, source: Path, mime_type: str, target: Path, reached: Reached) -> RenderedFile:
        number = len(self.asked)
        self.asked.append((await asyncio.to_thread(source.read_bytes), mime_type))
        self.folders.append(target.parent)
        await reached(0.5)
        await self.meanwhile()
        if self.fails:
            raise RenderingFailedError(self.fails.pop(0))
        media, thumbnail = target / "media", target / "thumbnail"
        media.write_bytes(b"rendition %d" % number)
        thumbnail.write_bytes(b"thumbnail %d" % number)
        if poster := target / "poster" if mime_type.startswith("video/") else None:
            poster.write_bytes(b"poster %d" % number)
        return RenderedFile(
            media=media,
            thumbnail=thumbnail,
            poster=poster,
            mime_type="image/webp",
            width=64,
            height=48,
            placeholder="L00000fQfQfQ",
        )


class SayingMediaReader:
    """Says the same of every story's files."""

    def __init__(self, known: StoryAccess, file: MediaFile) -> None:
        self._known, self._file = known, file

    async def media(self, ticket: MediaTicket, part: MediaPart) -> KnownMedia | None:
        return KnownMedia(known=self._known, reported=False, file=self._file, ticket_over=False)


class RecordingWakeups:
    """Keeps the wake-ups.

    Attributes:
        woken: who was woken, and for which story.
        away_after: from so many wake-ups on the workers cannot be reached; None: they always can.
    """

    def __init__(self) -> None:
        self.woken: list[tuple[Policy, OrgId, StoryId]] = []
        self.away_after: int | None = None

    async def wake(self, policy: Policy, org: OrgId, story_id: StoryId) -> None:
        if self.away_after is not None and len(self.woken) >= self.away_after:
            raise UnavailableError("The broker does not answer.")
        self.woken.append((policy, org, story_id))

    def of(self, policy: Policy) -> list[StoryId]:
        """The stories a policy was woken for."""
        return [story_id for woken, _, story_id in self.woken if woken is policy]


class WatchedUnitOfWork:
    """Another unit of work, watched.

    Attributes:
        system_transactions: how many transactions of upkeep were begun.
        refuses: how many of the next transactions in an organisation cannot be begun.
    """

    def __init__(self, unit_of_work: UnitOfWork) -> None:
        self._unit_of_work = unit_of_work
        self.system_transactions = 0
        self.refuses = 0

    def begin(self, org: OrgId) -> AbstractAsyncContextManager[Transaction]:
        if self.refuses:
            self.refuses -= 1
            raise UnavailableError("The database does not answer.")
        return self._unit_of_work.begin(org)

    def begin_system(self) -> AbstractAsyncContextManager[SystemTransaction]:
        self.system_transactions += 1
        return self._unit_of_work.begin_system()


class ForgetfulOrders:
    """Forgets every feed order at once."""

    async def put(self, caller: Caller, order: FeedOrder) -> None:
        pass

    async def get(self, caller: Caller, order_id: UUID | None = None) -> FeedOrder | None:
        return None

    async def forget(self, caller: Caller) -> None:
        pass


class SomeAtATime:
    """Another reader of the community, that shows fewer groups at a time.

    Attributes:
        asked: from where on, and for how many.
    """

    def __init__(self, reader: CommunityReader, most: int) -> None:
        self._reader, self._most = reader, most
        self.asked: list[tuple[GroupPosition | None, int]] = []

    async def groups(
        self, caller: Caller, *, page: PageId | None, after: GroupPosition | None, limit: int
    ) -> tuple[tuple[CommunityGroup, ...], GroupPosition | None]:
        self.asked.append((after, limit))
        return await self._reader.groups(caller, page=page, after=after, limit=min(limit, self._most))


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def candidate(
    number: int, *, points: float = 0.0, minutes_old: int = 0, friend: bool = True, close_friend: bool = False
) -> Candidate:
    """A story for a feed; ``points`` is what the viewer gave its author."""
    return Candidate(
        story_id=StoryId(UUID(int=number)),
        created_at=NOON - timedelta(minutes=minutes_old),
        age_seconds=60.0 * minutes_old,
        lifetime_seconds=86_400,
        friend=friend,
        close_friend=close_friend,
        mutual_friends=0,
        points_received=0.0,
        points_given=points,
        engaged=0.0,
        chances=0.0,
        story_points=0.0,
        story_hot=0.0,
        story_views=0,
    )


class Shelf:
    """Candidates for everybody's feed.

    Attributes:
        candidates_now: what may be in the feed.
        gone: what has died or was hidden.
        ranked: how often it was asked for all candidates.
    """

    def __init__(self, *candidates: Candidate) -> None:
        self.candidates_now = list(candidates)
        self.gone: set[StoryId] = set()
        self.ranked = 0

    async def candidates(self, caller: Caller) -> Sequence[Candidate]:
        self.ranked += 1
        return [each for each in self.candidates_now if each.story_id not in self.gone]

    async def feed_cards(self, caller: Caller, ids: Sequence[StoryId]) -> Mapping[StoryId, StoryCard]:
        shown = {each.story_id: each for each in self.candidates_now if each.story_id not in self.gone}
        return {story_id: _card(shown[story_id]) for story_id in ids if story_id in shown}


def _card(story: Candidate) -> StoryCard:
    return StoryCard(
        story_id=story.story_id,
        user_id=UserId("somebody"),
        username="somebody",
        full_name=None,
        avatar_url=None,
        type=Kind.TEXT,
        media_url=None,
        thumbnail_url=None,
        poster_url=None,
        placeholder=None,
        width=None,
        height=None,
        duration_seconds=None,
        caption=None,
        content="Check out my day!",
        background_color="#000000",
        overlays=(),
        created_at=timestamp(story.created_at),
        expires_at=timestamp(story.created_at + timedelta(days=1)),
        is_expired=False,
        time_until_expiration="24:00:00",
        view_count=0,
        reaction_count=0,
        reply_count=0,
        reaction_counts={},
        is_viewed=False,
        my_reaction=None,
        shared=False,
    )

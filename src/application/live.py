"""Live updates: each event goes to those who are connected and may hear of it, in the order of events."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum
from itertools import groupby
from typing import Any, Final

import msgspec
from msgspec import Struct

from application.caller import Caller
from application.ports.events import EventReader, SequencedEvent
from application.ports.live import Hearer, LiveAudience
from application.queries.times import Timestamp, timestamp
from domain.values import OrgId, UserId

BATCH: Final = 500
"""Events that are read at once."""
WAITING_MAX: Final = 2 * BATCH
"""Frames that wait for one who listens; whoever is further behind has to look for themselves."""
REPLAYED_MAX: Final = 10_000
"""Events that are looked through for one who comes back; whoever missed more looks for themselves."""
_REPLAYS_AT_ONCE: Final = 4
"""Of all who come back together, as they do after a restart, so many are served; the rest of the service goes on."""

RESYNC: Final = "resync"
"""The type of the frame that says: something was left out here; read again what you show."""
GONE: Final = "story.deleted"
"""The type that those hear to whom a story is no longer shown: like a 404, it does not say whether it exists."""

_OF_STORIES: Final[Mapping[str, tuple[str, ...]]] = {
    "story.published": ("kind", "expiresAt"),
    "story.updated": ("changed",),
    "story.archived": (),
    GONE: (),
}
"""What others hear of a story's life: less than services do, and no more than its card shows to them."""
_TO_OWNERS: Final[Mapping[str, tuple[str, ...]]] = {
    "story.viewed": ("viewerId",),
    "story.reacted": ("userId", "reaction"),
    "story.reaction_removed": ("userId", "reaction"),
    "story.replied": ("replyId", "sender", "recipient"),
}
"""What the owner hears of what others did; the first that names a user says who."""
_WHO: Final = ("viewerId", "userId", "sender", "ownerId")
_SHOWN_CHANGES: Final = frozenset({"caption", "overlays"})
"""Whom else a story is for is its owner's affair."""


class Message(Struct, frozen=True, kw_only=True, rename="camel"):
    """A frame, as it is sent.

    Attributes:
        id: its place among all events; name the last one to go on behind it.
        type: what happened, or `resync`.
        story_id: the story; null for `resync`.
        user_id: who did it; null for `resync`.
    """

    id: str
    type: str
    time: Timestamp | None
    story_id: str | None
    user_id: UserId | None
    data: Mapping[str, Any]


class Frame(Struct, frozen=True):
    """A message in its bytes: made once, however many hear it."""

    position: int
    type: str
    body: bytes


class Ending(StrEnum):
    """Why a listener hears no more."""

    SLOW = "slow"
    """They do not take what they are told."""
    UNPROVEN = "unproven"
    """Who they are is proven no longer."""
    STOPPING = "stopping"
    """The process ends."""


class TooManyListenersError(Exception):
    """Nobody else can listen at the moment.

    Attributes:
        by_user: it is this user who listens at too many places.
    """

    def __init__(self, *, by_user: bool) -> None:
        self.by_user = by_user
        super().__init__("You are connected too often." if by_user else "Too many are connected.")


class Listener:
    """Somebody who is connected.

    Attributes:
        position: all events up to here were told, or need not be.
        ending: why they hear no more; None: they do.
    """

    __slots__ = ("_over", "_waiting", "_wake", "ending", "org", "position", "user")

    def __init__(self, org: OrgId, user: UserId, position: int) -> None:
        self.org, self.user, self.position = org, user, position
        self.ending: Ending | None = None
        self._waiting: deque[Frame] = deque()
        self._wake: asyncio.Future[None] | None = None
        self._over = asyncio.Event()

    @property
    def waits(self) -> bool:
        """Whether there is something they have not been told yet."""
        return bool(self._waiting)

    def tell(self, frame: Frame) -> None:
        """Let a frame wait for them; who has too many waiting hears no more."""
        if self.ending is not None or frame.position <= self.position:
            return
        if len(self._waiting) >= WAITING_MAX:
            self.end(Ending.SLOW)
            return
        self._waiting.append(frame)
        self._rouse()

    def end(self, ending: Ending) -> None:
        """Let them hear no more."""
        if self.ending is None:
            self.ending = ending
            self._waiting.clear()
            self._rouse()
            self._over.set()

    async def over(self) -> None:
        """Wait until they hear no more."""
        await self._over.wait()

    async def next(self) -> Frame | None:
        """The next frame, as soon as there is one; None: they hear no more."""
        while self.ending is None:
            if self._waiting:
                frame = self._waiting.popleft()
                if frame.position > self.position:
                    self.position = frame.position
                    return frame
            else:
                self._wake = asyncio.get_running_loop().create_future()
                await self._wake
        return None

    def _rouse(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


class Hub:
    """Everybody who is connected to this process, and how far it has told them what happened.

    Attributes:
        user_max: places at which one user can listen.
        all_max: how many can.
    """

    def __init__(self, events: EventReader, audience: LiveAudience, *, user_max: int, all_max: int) -> None:
        self.user_max, self.all_max = user_max, all_max
        self._events, self._audience = events, audience
        self._listeners: dict[OrgId, dict[UserId, list[Listener]]] = {}
        self._count = 0
        self._told = self._taken = 0
        self._replaying = asyncio.Semaphore(_REPLAYS_AT_ONCE)
        self._stopping = False

    @property
    def count(self) -> int:
        """How many listen."""
        return self._count

    @asynccontextmanager
    async def listening(self, caller: Caller) -> AsyncIterator[Listener]:
        """Let somebody hear all that is committed from now on, and that they may hear of.

        Raises:
            TooManyListenersError: they, or all together, listen at too many places.
            UnavailableError: the database does not answer.
        """
        if not self._count:
            await self._find_end()
        listener = self._admit(caller)
        try:
            yield listener
        finally:
            self._dismiss(listener)

    async def missed(self, listener: Listener, after: int) -> AsyncGenerator[Frame, None]:
        """What somebody who comes back has missed, before what they hear from now on.

        Args:
            listener: who hears.
            after: the position of the last frame they had.

        Raises:
            UnavailableError: the database does not answer.
        """
        until = listener.position
        if after > until:
            # Another process was quicker than this one, or there was never such a position.
            if after > await self._events.last():
                yield _resync(until)
            else:
                listener.position = after
            return
        async with self._replaying:
            async for frame in self._looked_back(listener, after, until):
                yield frame

    def reached(self, listener: Listener) -> int:
        """The position behind which somebody can go on, who had all that they were told."""
        return listener.position if listener.waits else max(listener.position, self._told)

    async def deliver(self) -> int:
        """Tell the next events to all who may hear of them; how many events were looked at.

        Raises:
            UnavailableError: the database does not answer; nobody was told anything.
        """
        if not self._count:
            return 0
        events = await self._events.after(None, self._told, limit=BATCH)
        if not events:
            return 0
        # Whoever comes from now on is told of these by looking back, if at all: from here on nothing is awaited until
        # it is known who is here.
        self._taken = max(self._taken, events[-1].position)
        here = {org: {user: tuple(of) for user, of in users.items()} for org, users in self._listeners.items()}
        tellings = [
            (here[org], await self._tellings(org, of_org, here[org])) for org, of_org in _by_org(events) if org in here
        ]
        for users, of_org in tellings:
            for user, frame in of_org:
                for listener in users[user]:
                    listener.tell(frame)
        self._told = events[-1].position
        return len(events)

    def skip(self) -> None:
        """Give up on what cannot be delivered: whoever listens has to look for themselves."""
        self._told = self._taken
        self._end_all(Ending.SLOW)

    def stop(self) -> None:
        """Let nobody hear more: the process ends."""
        self._stopping = True
        self._end_all(Ending.STOPPING)

    def _end_all(self, ending: Ending) -> None:
        for users in self._listeners.values():
            for listeners in users.values():
                for listener in listeners:
                    listener.end(ending)

    async def _find_end(self) -> None:
        """Begin behind all that has happened, unless somebody listens by then."""
        newest = await self._events.last()
        if not self._count:
            self._told = self._taken = max(self._taken, newest)

    def _admit(self, caller: Caller) -> Listener:
        of_user = self._listeners.get(caller.org, {}).get(caller.user, [])
        if len(of_user) >= self.user_max:
            raise TooManyListenersError(by_user=True)
        if self._count >= self.all_max:
            raise TooManyListenersError(by_user=False)
        listener = Listener(caller.org, caller.user, self._taken)
        self._listeners.setdefault(caller.org, {}).setdefault(caller.user, []).append(listener)
        self._count += 1
        if self._stopping:
            listener.end(Ending.STOPPING)
        return listener

    def _dismiss(self, listener: Listener) -> None:
        users = self._listeners[listener.org]
        users[listener.user].remove(listener)
        self._count -= 1
        if not users[listener.user]:
            del users[listener.user]
        if not users:
            del self._listeners[listener.org]

    async def _looked_back(self, listener: Listener, after: int, until: int) -> AsyncIterator[Frame]:
        seen = 0
        while after < until and listener.ending is None:
            read = await self._events.after(listener.org, after, limit=BATCH)
            forgotten = await self._events.purged() > after
            events = [event for event in read if event.position <= until]
            seen += len(events)
            if forgotten or seen > REPLAYED_MAX:
                yield _resync(until)
                return
            if not events:
                return
            for _, frame in await self._tellings(listener.org, events, {listener.user: ()}):
                yield frame
            after = events[-1].position

    async def _tellings(
        self, org: OrgId, events: Sequence[SequencedEvent], listening: Mapping[UserId, object]
    ) -> list[tuple[UserId, Frame]]:
        """Who is told what of the events of an organisation, in the order of events."""
        positions = [event.position for event in events if _concerns(event, listening)]
        if not positions:
            return []
        hearers = await self._audience.hearers(org, positions, listening)
        by_position: dict[int, list[Hearer]] = {}
        for hearer in hearers:
            by_position.setdefault(hearer.position, []).append(hearer)
        return [telling for event in events for telling in _told(event, by_position.get(event.position, ()))]


def _by_org(events: Iterable[SequencedEvent]) -> Iterator[tuple[OrgId, list[SequencedEvent]]]:
    """The events of each organisation, in their order."""
    for org, of_org in groupby(sorted(events, key=lambda event: (event.org, event.position)), lambda event: event.org):
        yield org, list(of_org)


def _concerns(event: SequencedEvent, listening: Mapping[UserId, object]) -> bool:
    """Whether somebody who listens may be told of it; asked of the event alone, to spare the database the question."""
    if event.type in _OF_STORIES:
        return True
    return event.type in _TO_OWNERS and any(event.data.get(name) in listening for name in ("ownerId", "recipient"))


def _told(event: SequencedEvent, hearers: Sequence[Hearer]) -> Iterator[tuple[UserId, Frame]]:
    """What each is told of one event: that it happened, or that the story is gone; nothing, if all stays as it is."""
    now = {hearer.user for hearer in hearers if not hearer.before}
    before = {hearer.user for hearer in hearers if hearer.before}
    if event.type == "story.updated" and not _SHOWN_CHANGES.intersection(event.data.get("changed", ())):
        now, before = now - before, before - now
    if now:
        frame = _frame(event, event.type)
        yield from ((user, frame) for user in sorted(now))
    if gone := before - now:
        # An archived story is not gone for good, and they know how it ends: it is over.
        frame = _frame(event, event.type if event.type == "story.archived" else GONE)
        yield from ((user, frame) for user in sorted(gone))


def _frame(event: SequencedEvent, of_type: str) -> Frame:
    names = _OF_STORIES[of_type] if of_type in _OF_STORIES else _TO_OWNERS[of_type]
    data = {name: event.data[name] for name in names if name in event.data}
    if "changed" in data:
        data["changed"] = [change for change in data["changed"] if change in _SHOWN_CHANGES]
    who = "ownerId" if of_type in _OF_STORIES else next(name for name in _WHO if name in data)
    message = Message(
        id=str(event.position),
        type=of_type,
        time=timestamp(event.at),
        story_id=event.subject,
        user_id=event.data.get(who),
        data=data,
    )
    return Frame(event.position, of_type, msgspec.json.encode(message))


def _resync(position: int) -> Frame:
    message = Message(id=str(position), type=RESYNC, time=None, story_id=None, user_id=None, data={})
    return Frame(position, RESYNC, msgspec.json.encode(message))

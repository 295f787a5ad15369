"""Import a social graph: friendships, profiles and blocks, one by one, however many."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from msgspec import Struct, structs

from application.caller import Caller
from application.ports.graph import Graph, Pair
from application.ports.people import Profile, Role
from application.ports.transactions import UnitOfWork
from domain.values import OrgId, UserId

BATCH: Final = 500
"""Records written in one transaction: so many that it is quick, so few that nobody waits long for it."""
BAD_LINES_TOLD: Final = 100
_BLOCKED: Final = "One of the two blocks the other: they cannot be friends"


class FriendshipRecord(Struct, frozen=True):
    """That two people are friends."""

    one: UserId
    other: UserId


class ProfileRecord(Struct, frozen=True):
    """What is to be known of somebody; None: nothing is told of it."""

    user: UserId
    profile: Profile


class BlockRecord(Struct, frozen=True):
    """That somebody blocks somebody."""

    user: UserId
    target: UserId


class BadLine(Struct, frozen=True, kw_only=True):
    """A line that was passed over.

    Attributes:
        line: its number, from 1.
        message: what is wrong with it.
    """

    line: int
    message: str


Record = FriendshipRecord | ProfileRecord | BlockRecord
Line = tuple[int, Record | str]
"""A line's number, from 1, and what stands there, or what is wrong with it."""


class ImportGraph(Struct, frozen=True, kw_only=True):
    """Take over what a service brings.

    Attributes:
        lines: read while they are imported, and only for those who may import.
    """

    caller: Caller
    lines: AsyncIterator[Line]


class Imported(Struct, frozen=True, kw_only=True):
    """What came of the lines of one kind.

    Attributes:
        imported: so many told something new.
        unchanged: so many told what was known already.
    """

    imported: int
    unchanged: int


class ImportReport(Struct, frozen=True, kw_only=True, rename="camel"):
    """What came of an import.

    Attributes:
        bad: how many lines were passed over.
        bad_lines: the first 100 of them.
    """

    friendships: Imported
    profiles: Imported
    blocks: Imported
    bad: int
    bad_lines: tuple[BadLine, ...]


@dataclass(frozen=True, slots=True)
class ImportGraphHandler:
    """Writes in batches, each a transaction of its own: what was imported stays, whatever comes after.

    What a line says holds against what lines before it have said; an import that is repeated changes nothing.
    """

    unit_of_work: UnitOfWork

    async def __call__(self, command: ImportGraph) -> ImportReport:
        """Import all that comes.

        Raises:
            RoleRequiredError: the caller is no service.
        """
        command.caller.require_role(Role.SERVICE)
        tally, batch = Tally(), list[Line]()
        async for line in command.lines:
            batch.append(line)
            if len(batch) == BATCH:
                await self._write(command.caller.org, batch, tally)
                batch.clear()
        await self._write(command.caller.org, batch, tally)
        return tally.report()

    async def _write(self, org: OrgId, lines: Sequence[Line], tally: Tally) -> None:
        async with self.unit_of_work.begin(org) as tx:
            await tx.graph.hold()
            batch = await _begin(tx.graph, [read for _, read in lines if not isinstance(read, str)])
            for number, read in lines:
                if isinstance(read, str):
                    tally.bad(number, read)
                else:
                    batch.take(number, read, tally)
            await batch.write(tx.graph, await tx.clock())


class Tally:
    """Counts what became of lines."""

    def __init__(self) -> None:
        self._imported, self._unchanged = Counter[type[Record]](), Counter[type[Record]]()
        self._bad, self._told = 0, list[BadLine]()

    def good(self, record: Record, *, new: bool) -> None:
        """A record was taken."""
        (self._imported if new else self._unchanged)[type(record)] += 1

    def bad(self, number: int, message: str) -> None:
        """A line was passed over."""
        self._bad += 1
        if len(self._told) < BAD_LINES_TOLD:
            self._told.append(BadLine(line=number, message=message))

    def report(self) -> ImportReport:
        """All of it."""
        friendships, profiles, blocks = (
            Imported(imported=self._imported[kind], unchanged=self._unchanged[kind])
            for kind in (FriendshipRecord, ProfileRecord, BlockRecord)
        )
        return ImportReport(
            friendships=friendships, profiles=profiles, blocks=blocks, bad=self._bad, bad_lines=tuple(self._told)
        )


@dataclass(frozen=True, slots=True)
class _Batch:
    """Records of one transaction, one after the other, against what was known before them.

    Attributes:
        known_blocks, known_friends, known: as it is, the records taken so far included.
        befriended, blocked, told: what is to be written.
    """

    known_blocks: set[Pair]
    known_friends: set[Pair]
    known: dict[UserId, Profile]
    befriended: dict[Pair, None] = field(default_factory=dict)
    blocked: dict[Pair, None] = field(default_factory=dict)
    told: dict[UserId, Profile] = field(default_factory=dict)

    def take(self, number: int, record: Record, tally: Tally) -> None:
        """One more."""
        new = False
        match record:
            case FriendshipRecord(one=one, other=other):
                pair = _sorted(one, other)
                if not self.known_blocks.isdisjoint({(one, other), (other, one)}):
                    tally.bad(number, _BLOCKED)
                    return
                new = pair not in self.known_friends
                if new:
                    self.known_friends.add(pair)
                    self.befriended[pair] = None
            case BlockRecord(user=user, target=target):
                pair = _sorted(user, target)
                new = (user, target) not in self.known_blocks
                if new:
                    self.known_blocks.add((user, target))
                    self.blocked[user, target] = None
                    self.known_friends.discard(pair)
                    self.befriended.pop(pair, None)
            case ProfileRecord(user=user, profile=profile):  # pragma: no branch - there is no other
                before = self.known.get(user, Profile())
                self.known[user] = _with(before, profile)
                self.told[user] = _with(self.told.get(user, Profile()), profile)
                new = self.known[user] != before
        tally.good(record, new=new)

    async def write(self, graph: Graph, at: datetime) -> None:
        """Write what was taken."""
        await graph.befriend(self.befriended)
        await graph.block(self.blocked)
        await graph.tell({user: told for user, told in self.told.items() if told != Profile()}, told_at=at)


async def _begin(graph: Graph, records: Sequence[Record]) -> _Batch:
    friends = {_sorted(each.one, each.other) for each in records if isinstance(each, FriendshipRecord)}
    blocks = {(each.user, each.target) for each in records if isinstance(each, BlockRecord)}
    users = {each.user for each in records if isinstance(each, ProfileRecord)}
    both_ways = {(other, one) for one, other in friends}
    return _Batch(
        known_blocks=set(await graph.blocks(friends | both_ways | blocks)),
        known_friends=set(await graph.friends(friends)),
        known=dict(await graph.profiles(users)),
    )


def _sorted(one: UserId, other: UserId) -> Pair:
    return (one, other) if one < other else (other, one)


def _with(before: Profile, told: Profile) -> Profile:
    news = {name: value for name, value in structs.asdict(told).items() if value is not None}
    return structs.replace(before, **news)

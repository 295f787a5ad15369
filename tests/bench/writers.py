"""Many who write events and take their time before they commit; and what whoever reads must have in the end."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from sqlalchemy import select

from application.ports.transactions import UnitOfWork
from domain.audience import Audience, Visibility
from domain.content import TextContent
from domain.story import Story
from domain.values import Lifetime, OrgId, StoryId, TextOverlay, UserId
from infrastructure.ids import new_id
from infrastructure.sql.database import Database
from infrastructure.sql.tables import outbox

AT_ONCE: Final = (4, 30)
"""Events of one transaction."""
_OWNER: Final = UserId("alice")


class Event(NamedTuple):
    """An event, as far as its readers are compared with what was written."""

    id: str
    subject: str
    version: int | None

    @classmethod
    def heard(cls, told: Mapping[str, Any]) -> Event:
        """Of a CloudEvent."""
        return cls(told["id"], told["subject"], told.get("version"))


class Writing:
    """Writers who begin stories, and edit those of each other.

    Attributes:
        committed: by story and version, when (`time.monotonic`) its event was committed.
        transactions: how many there were.
    """

    def __init__(self, org: OrgId, *, events: int, hold_seconds: float, seed: int = 1) -> None:
        """``events`` is how many are written in all; ``hold_seconds`` how long a transaction stays open at most."""
        self.committed: dict[tuple[str, int], float] = {}
        self.transactions = 0
        self._org, self._left, self._hold = org, events, hold_seconds
        self._random = random.Random(seed)
        self._free: list[StoryId] = []

    async def run(self, units: Iterable[UnitOfWork]) -> None:
        """Write until there is nothing left to write; each unit of work is one writer's."""
        await asyncio.gather(*(self._write(unit) for unit in units))

    async def _write(self, unit: UnitOfWork) -> None:
        while self._left:
            # What would be left for one transaction too little is taken along.
            count = self._random.randint(*AT_ONCE)
            count = self._left if self._left - count < AT_ONCE[0] else count
            self._left -= count
            await self._transaction(unit, count)
            self.transactions += 1

    async def _transaction(self, unit: UnitOfWork, count: int) -> None:
        known = self._free.pop() if self._free and self._random.random() < 0.9 else None
        async with unit.begin(self._org) as tx:
            if known is None:
                story = Story.post(
                    org=self._org,
                    id=StoryId(new_id()),
                    owner=_OWNER,
                    content=TextContent("A story that is edited often"),
                    audience=Audience(Visibility.PUBLIC),
                    lifetime=Lifetime(86_400),
                    at=await tx.clock(),
                )
                before = 0
                await tx.stories.add(story)
            else:
                found = await tx.stories.get(known)
                assert found is not None
                story, before = found, found.version
            count -= story.version - before
            for part in (count // 2, count - count // 2):
                story = _edited(replace(story, events=()), part)
                await tx.stories.save(story)
                await asyncio.sleep(self._random.uniform(0, self._hold / 2))
        now = time.monotonic()
        self.committed |= {(str(story.id), version): now for version in range(before + 1, story.version + 1)}
        self._free.append(story.id)


def _edited(story: Story, times: int) -> Story:
    for _ in range(times):
        overlay = TextOverlay(f"Version {story.version + 1}", 0.5, 0.5)
        story = story.edit(by=_OWNER, at=story.created_at, overlays=(overlay,))
    return story


async def written(database: Database) -> list[Event]:
    """What is in the outbox."""
    statement = select(outbox.c.event_id, outbox.c.subject, outbox.c.version)
    async with database.read(None) as connection:
        return [Event(str(row[0]), row[1], row[2]) for row in await connection.execute(statement)]


class Comparison(NamedTuple):
    """How what somebody has read differs from what was written: all zero, if they read it once and in order.

    Attributes:
        missed: events that were written and not read.
        again: events that were read more than once.
        unwritten: events that were read and not written.
        disordered: stories whose versions were not read as 1, 2, 3, ... up to the last.
    """

    missed: int
    again: int
    unwritten: int
    disordered: int


def compared(read: Sequence[Event], kept: Sequence[Event]) -> Comparison:
    """Compare what was read, in its order, with what was written."""
    times = Counter(event.id for event in read)
    ids = {event.id for event in kept}
    versions: dict[str, list[int]] = {}
    for event in read:
        if event.version is not None:
            versions.setdefault(event.subject, []).append(event.version)
    return Comparison(
        missed=len(ids - times.keys()),
        again=sum(count - 1 for count in times.values()),
        unwritten=len(times.keys() - ids),
        disordered=sum(each != list(range(1, len(each) + 1)) for each in versions.values()),
    )

"""Dispatch events from the outbox: the only way from a committed change to what follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from application.failpoints import Failpoint, failpoint
from application.ports.transactions import UnitOfWork
from application.ports.work import Policy, Wakeups

FOLLOWS: Final[Mapping[str, Sequence[Policy]]] = {
    "story.created": (Policy.PROCESS_MEDIA,),
    "story.archived": (Policy.CLEAN_ARCHIVES,),
    "story.deleted": (Policy.EMPTY_BIN,),
}
"""What follows from an event of a story, by its name on the wire."""
BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class DispatchEvents:
    """Wakes what follows, then marks the events: a crash between the two repeats the wake-up, and loses nothing."""

    unit_of_work: UnitOfWork
    wakeups: Wakeups

    async def __call__(self) -> int:
        """Dispatch what waits now, oldest first, and answer how many events."""
        dispatched = batch = await self._dispatch_batch()
        while batch == BATCH:
            batch = await self._dispatch_batch()
            dispatched += batch
        return dispatched

    async def _dispatch_batch(self) -> int:
        async with self.unit_of_work.begin_system() as tx:
            events = await tx.undispatched(limit=BATCH)
            if not events:
                return 0
            failpoint(Failpoint.RELAY_AFTER_CLAIM)
            for event in events:
                if event.story is not None:
                    for policy in FOLLOWS.get(event.type, ()):
                        await self.wakeups.wake(policy, event.org, event.story)
            failpoint(Failpoint.RELAY_BEFORE_MARK)
            await tx.dispatched(events)
            failpoint(Failpoint.RELAY_AFTER_MARK)
        return len(events)

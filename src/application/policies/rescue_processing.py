"""Wake workers for stories that wait and nobody holds: a lost message, or a worker that died."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from application.policies.process_media import LEASE_SECONDS
from application.ports.transactions import UnitOfWork
from application.ports.work import Policy, Wakeups

BATCH: Final = 100


@dataclass(frozen=True, slots=True)
class RescueProcessing:
    """Repeats the wake-up of overdue work; a wake-up too many is harmless."""

    unit_of_work: UnitOfWork
    wakeups: Wakeups

    async def __call__(self) -> int:
        """Wake workers for what is overdue now, and answer for how many stories."""
        async with self.unit_of_work.begin_system() as tx:
            overdue = await tx.overdue_processing(lease_seconds=LEASE_SECONDS, limit=BATCH)
        for org, story_id in overdue:
            await self.wakeups.wake(Policy.PROCESS_MEDIA, org, story_id)
        return len(overdue)

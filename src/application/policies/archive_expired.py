"""Archive what the clock has ended. The clock alone decides who sees what; this only makes it durable and tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from application.failpoints import Failpoint, failpoint
from application.ports.transactions import UnitOfWork

BATCH: Final = 100
"""Stories moved in one transaction: small, so that nobody waits long for a lock."""


@dataclass(frozen=True, slots=True)
class ArchiveExpired:
    """Moves expired stories to the archive, in small batches; any number of these may run side by side."""

    unit_of_work: UnitOfWork

    async def __call__(self) -> int:
        """Archive all that is due now, and answer how many stories this one moved."""
        moved = 0
        while batch := await self._archive_batch():
            moved += batch
        return moved

    async def _archive_batch(self) -> int:
        async with self.unit_of_work.begin_system() as tx:
            due = await tx.due_stories(limit=BATCH)
            if not due:
                return 0
            failpoint(Failpoint.SWEEP_AFTER_SELECT)
            at = await tx.clock()
            await tx.save([story.expire(at=at) for story in due])
            failpoint(Failpoint.SWEEP_BEFORE_COMMIT)
        failpoint(Failpoint.SWEEP_AFTER_COMMIT)
        return len(due)

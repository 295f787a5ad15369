"""Delete the bytes that nothing refers to any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from application.failpoints import Failpoint, failpoint
from application.ports.media import ObjectStore
from application.ports.transactions import UnitOfWork

BATCH: Final = 100
LEASE_SECONDS: Final = 60.0
"""How long a collector's hold on a batch lasts if it dies; deleting a batch takes less."""


@dataclass(frozen=True, slots=True)
class EmptyBin:
    """Deletes bytes first and their rows after, so that a crash between the two only repeats the deletion."""

    unit_of_work: UnitOfWork
    store: ObjectStore

    async def __call__(self) -> int:
        """Delete what is due now, and answer how many objects."""
        deleted = 0
        while batch := await self._delete_batch():
            deleted += batch
        return deleted

    async def _delete_batch(self) -> int:
        async with self.unit_of_work.begin_system() as tx:
            keys = await tx.due_objects(lease_seconds=LEASE_SECONDS, limit=BATCH)
        if not keys:
            return 0
        failpoint(Failpoint.CLEANUP_AFTER_MARK)
        await self.store.delete(keys)
        failpoint(Failpoint.CLEANUP_AFTER_DELETE)
        async with self.unit_of_work.begin_system() as tx:
            await tx.forget_objects(keys)
            failpoint(Failpoint.CLEANUP_BEFORE_COMMIT)
        return len(keys)

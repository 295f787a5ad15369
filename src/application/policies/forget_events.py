"""Forget events that are old enough, and known to all who go through them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from application.ports.transactions import UnitOfWork

BATCH: Final = 1_000


@dataclass(frozen=True, slots=True)
class ForgetEvents:
    """Removes events, in batches of their own, oldest first.

    Attributes:
        after_seconds: how old they are then.
        readers: the cursors that must have passed them, however old they are.
    """

    unit_of_work: UnitOfWork
    after_seconds: float
    readers: Collection[str]

    async def __call__(self) -> int:
        """Forget all that may be forgotten now, and answer how many."""
        forgotten = 0
        while batch := await self._forget_batch():
            forgotten += batch
        return forgotten

    async def _forget_batch(self) -> int:
        async with self.unit_of_work.begin_system() as tx:
            return await tx.forget_events(after_seconds=self.after_seconds, readers=self.readers, limit=BATCH)

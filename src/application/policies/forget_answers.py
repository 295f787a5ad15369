"""Forget what requests were answered, once they can no longer come again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from application.ports.transactions import UnitOfWork

BATCH: Final = 1_000


@dataclass(frozen=True, slots=True)
class ForgetAnswers:
    """Removes first answers that are over, in batches of their own."""

    unit_of_work: UnitOfWork

    async def __call__(self) -> int:
        """Forget all that are over now, and answer how many."""
        forgotten = 0
        while batch := await self._forget_batch():
            forgotten += batch
        return forgotten

    async def _forget_batch(self) -> int:
        async with self.unit_of_work.begin_system() as tx:
            return await tx.forget_answers(limit=BATCH)

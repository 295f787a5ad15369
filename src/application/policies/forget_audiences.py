"""Forget whom stories were for, once nobody can be told any more that they are gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from application.ports.transactions import UnitOfWork

BATCH: Final = 1_000


@dataclass(frozen=True, slots=True)
class ForgetAudiences:
    """Removes past audiences, in batches of their own.

    Attributes:
        after_seconds: how old they are then: the events that they belong to are forgotten as soon.
    """

    unit_of_work: UnitOfWork
    after_seconds: float

    async def __call__(self) -> int:
        """Forget all that are old enough, and answer how many rows."""
        forgotten = 0
        while batch := await self._forget_batch():
            forgotten += batch
        return forgotten

    async def _forget_batch(self) -> int:
        async with self.unit_of_work.begin_system() as tx:
            return await tx.forget_audiences(after_seconds=self.after_seconds, limit=BATCH)

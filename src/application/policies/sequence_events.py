"""Give events their positions: the one order in which all who read them read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from application.failpoints import Failpoint, failpoint
from application.ports.transactions import UnitOfWork

BATCH: Final = 1_000


@dataclass(frozen=True, slots=True)
class SequenceEvents:
    """Needs nothing but the database, so that the order of events goes on whatever else is away."""

    unit_of_work: UnitOfWork

    async def __call__(self) -> int:
        """Give a position to all that are committed and have none; how many events."""
        sequenced = batch = await self._sequence_batch()
        while batch == BATCH:
            batch = await self._sequence_batch()
            sequenced += batch
        return sequenced

    async def _sequence_batch(self) -> int:
        async with self.unit_of_work.begin_system() as tx:
            sequenced = await tx.sequence(limit=BATCH)
            if sequenced:
                failpoint(Failpoint.SEQUENCE_BEFORE_COMMIT)
        return sequenced

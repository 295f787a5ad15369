"""Clean up after archived stories: first who viewed and reacted, and, long after, the media."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from application.ports.transactions import UnitOfWork

BATCH: Final = 100


@dataclass(frozen=True, slots=True)
class CleanArchives:
    """Keeps what a story came to, and lets go of who made it so; replies stay, they are messages.

    Attributes:
        retention_seconds: how long after archiving views and reactions are kept; 0: not at all.
        grace_seconds: how long after archiving media are kept; 0: for ever. Media that nobody ever saw are not kept.
    """

    unit_of_work: UnitOfWork
    retention_seconds: float
    grace_seconds: float

    async def __call__(self) -> int:
        """Clean up what is due now, and answer how many stories were touched."""
        cleaned = 0
        while batch := await self._clean_batch():
            cleaned += batch
        return cleaned

    async def _clean_batch(self) -> int:
        async with self.unit_of_work.begin_system() as tx:
            frozen = await tx.freeze_analytics(after_seconds=self.retention_seconds, limit=BATCH)
            dropped = await tx.drop_media(after_seconds=self.grace_seconds or None, limit=BATCH)
        return frozen + dropped

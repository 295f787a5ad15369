"""Compare the object store with the database, both ways, and repair what differs.

Nothing should: every object has a row before its bytes are anywhere. A bucket restored from a backup, a row deleted by
hand, a disk that lost a folder are what this is for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from msgspec import Struct

from application.ports.media import ObjectStore, StoredObject
from application.ports.transactions import UnitOfWork
from domain.values import StoryId

GRACE_SECONDS: Final = 86_400.0
"""How old an object must be to be nobody's: a day, as long as anything waits for its story."""
BATCH: Final = 500
_ASKED_AT_ONCE: Final = 16
_OURS: Final = "org="
"""How every key of ours begins; what else lies in a bucket is somebody else's."""


class ReconcileObjects(Struct, frozen=True, kw_only=True):
    """Ask for it.

    Attributes:
        repair: whether what differs is repaired, or only told.
        grace_seconds: how old an object must be to be nobody's.
    """

    repair: bool = True
    grace_seconds: float = GRACE_SECONDS


class Differences(Struct, frozen=True, kw_only=True):
    """What differed.

    Attributes:
        listed: how many objects the store holds.
        kept: how many are in use, as the database has it.
        orphans: objects without a row; repaired, they are in the bin.
        missing: objects in use that are not there; repaired, their stories are without media.
        stories: whose they were.
    """

    listed: int
    kept: int
    orphans: tuple[str, ...]
    missing: tuple[str, ...]
    stories: tuple[StoryId, ...]


@dataclass(frozen=True, slots=True)
class ReconcileObjectsHandler:
    """Compares in batches, beside a service that goes on working; safe to repeat, and side by side."""

    unit_of_work: UnitOfWork
    store: ObjectStore

    async def __call__(self, command: ReconcileObjects) -> Differences:
        """Compare, and repair if told to."""
        listed, orphans = await self._orphans(command)
        kept, missing, stories = await self._missing(command)
        return Differences(
            listed=listed, kept=kept, orphans=tuple(orphans), missing=tuple(missing), stories=tuple(stories)
        )

    async def _orphans(self, command: ReconcileObjects) -> tuple[int, list[str]]:
        listed, orphans = 0, list[str]()
        async for batch in self.store.listed():
            listed += len(batch)
            orphans += await self._orphans_among(batch, command)
        return listed, orphans

    async def _orphans_among(self, batch: Sequence[StoredObject], command: ReconcileObjects) -> list[str]:
        async with self.unit_of_work.begin_system() as tx:
            old = await tx.clock() - timedelta(seconds=command.grace_seconds)
            ours = [each.key for each in batch if each.key.startswith(_OURS) and each.written_at <= old]
            known = await tx.known_objects(ours)
            orphans = [key for key in ours if key not in known]
            if command.repair:
                await tx.adopt_objects(orphans)
        return orphans

    async def _missing(self, command: ReconcileObjects) -> tuple[int, list[str], list[StoryId]]:
        kept, missing, stories = 0, list[str](), list[StoryId]()
        last = ""
        while batch := await self._kept(last):
            kept, last = kept + len(batch), batch[-1]
            gone = await self._gone_among(batch)
            missing += gone
            if gone and command.repair:
                async with self.unit_of_work.begin_system() as tx:
                    stories += await tx.drop_missing(gone)
        return kept, missing, stories

    async def _kept(self, after: str) -> Sequence[str]:
        async with self.unit_of_work.begin_system() as tx:
            return await tx.kept_objects(after=after, limit=BATCH)

    async def _gone_among(self, keys: Sequence[str]) -> list[str]:
        places = asyncio.Semaphore(_ASKED_AT_ONCE)

        async def gone(key: str) -> bool:
            async with places:
                return not await self.store.has(key)

        found = await asyncio.gather(*(gone(key) for key in keys))
        return [key for key, is_gone in zip(keys, found, strict=True) if is_gone]

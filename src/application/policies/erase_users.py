"""Erase people who are to be erased: all rows, then all bytes, then it is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from application.caller import Caller
from application.policies.empty_bin import EmptyBin
from application.ports.feeds import FeedOrders
from application.ports.media import ObjectStore
from application.ports.transactions import UnitOfWork
from domain.events import UserErased
from domain.values import OrgId, UserId

LEASE_SECONDS: Final = 60.0
"""How long a hold on an erasure lasts if the one who erases dies; a living one renews it with each step."""


@dataclass(frozen=True, slots=True)
class EraseUsers:
    """Erases step by step, each a transaction of its own; killed anywhere, another goes on where it was.

    Any number may run side by side: each works on people whom no other holds.
    """

    unit_of_work: UnitOfWork
    feed_orders: FeedOrders
    empty_bin: EmptyBin
    store: ObjectStore

    async def __call__(self) -> int:
        """Erase all who are due, and answer how many people nothing is left of."""
        erased = 0
        while due := await self._due():
            for org, user in due:
                erased += await self._erase(org, user)
        return erased

    async def _due(self) -> list[tuple[OrgId, UserId]]:
        async with self.unit_of_work.begin_system() as tx:
            return list(await tx.due_erasures(lease_seconds=LEASE_SECONDS, limit=1))

    async def _erase(self, org: OrgId, user: UserId) -> bool:
        await self._clear_places(org, user)  # while it is known whose they are
        while await self._step(org, user):
            pass
        await self.feed_orders.forget(Caller(org=org, user=user))
        await self.empty_bin()  # before it is told: nothing is left
        async with self.unit_of_work.begin(org) as tx:
            if not (await tx.erasures.hold(user, lease_seconds=LEASE_SECONDS) and await tx.erasures.finish(user)):
                return False
            await tx.publish(UserErased(org=org, user=user, at=await tx.clock()))
            return True

    async def _clear_places(self, org: OrgId, user: UserId) -> None:
        """Delete what came by links; what they still let in, the bin deletes when they have ended."""
        async with self.unit_of_work.begin(org) as tx:
            places = await tx.erasures.places(user)
        await self.store.delete(places)

    async def _step(self, org: OrgId, user: UserId) -> bool:
        async with self.unit_of_work.begin(org) as tx:
            if not await tx.erasures.hold(user, lease_seconds=LEASE_SECONDS):
                return False
            if story := await tx.erasures.story(user):
                await tx.stories.delete(story.delete(by=user, at=await tx.clock()))
                return True
            return await tx.erasures.forget(user)

"""People who are to be forgotten: that they are, and how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from domain.story import Story
from domain.values import UserId


class Erasures(Protocol):
    """Erasures in the transaction's organisation. What is asked for is kept until nothing of the person is left."""

    async def request(self, user: UserId) -> bool:
        """Have somebody erased; asked for again, it is the same erasure. False: nothing is kept about the person."""

    async def shown(self, user: UserId, *, limit: int) -> Sequence[Story]:
        """The youngest stories that others may see now, kept from changes until the transaction ends."""

    async def hide(self, user: UserId) -> None:
        """Have all the person's stories be for their owner alone, and who they are be unknown; no event tells of it."""

    async def hold(self, user: UserId, *, lease_seconds: float) -> bool:
        """Go on with an erasure, for so long; others wait meanwhile. False: it is done, or was never asked for."""

    async def story(self, user: UserId) -> Story | None:
        """One of the person's stories, for deleting it, and kept from changes until then. None: there is none."""

    async def places(self, user: UserId) -> Sequence[str]:
        """Keys of what the person may write by links that were given out; they stay in the bin until these end."""

    async def forget(self, user: UserId) -> bool:
        """Forget some of what is kept beside stories; views, reactions and replies count no more. False: nothing is."""

    async def finish(self, user: UserId) -> bool:
        """End an erasure that is held. False: something came meanwhile, or bytes are left; it is due again soon."""

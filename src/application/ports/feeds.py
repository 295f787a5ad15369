"""The order in which a feed was ranked, kept for a while."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from msgspec import Struct

from application.caller import Caller
from domain.ranking import Scores
from domain.values import StoryId


class RankedStory(Struct, frozen=True, array_like=True):
    """A story's place in a feed, with the scores that put it there."""

    story_id: StoryId
    scores: Scores


class FeedOrder(Struct, frozen=True, kw_only=True):
    """The order in which a feed was ranked at one moment.

    Attributes:
        served: by number of stories served before, where in ``ranked`` the next page begins; what died in between
            is why the two differ.
    """

    id: UUID
    ranked: tuple[RankedStory, ...]
    served: dict[int, int]


class FeedOrders(Protocol):
    """Feed orders, kept for a while so that the pages of a feed fit together. May forget at any time."""

    async def put(self, caller: Caller, order: FeedOrder) -> None:
        """Keep an order for five minutes; it is the caller's last one now."""

    async def get(self, caller: Caller, order_id: UUID | None = None) -> FeedOrder | None:
        """One of the caller's orders, or their last one. None: forgotten."""

    async def forget(self, caller: Caller) -> None:
        """Forget all of the caller's orders; where they cannot be reached, they are forgotten by themselves soon."""

"""Who may be told what happens, the moment it happens."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from msgspec import Struct

from domain.values import OrgId, UserId


class Hearer(Struct, frozen=True):
    """Somebody who may hear of an event.

    Attributes:
        position: of the event.
        before: what it tells them is that a story is no longer theirs to see; they could see it until then.
    """

    position: int
    user: UserId
    before: bool


class LiveAudience(Protocol):
    """Knows who may hear of an event now."""

    async def hearers(self, org: OrgId, positions: Sequence[int], listening: Collection[UserId]) -> Sequence[Hearer]:
        """Who of those who listen may hear of which events, by what is true at this moment; perhaps of others between.

        Of a story that is published, changed, archived or deleted hear those in whose feed it is, or was until then;
        if it was taken from somebody who still sees it, they are named both ways. Of what others did with a story
        hears its owner, and of an answer the one who is answered. Nobody hears of whom they have muted, or of anybody
        if one has blocked the other.

        Raises:
            UnavailableError: the database does not answer.
        """

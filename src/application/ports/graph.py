"""The social graph as its owner brings it: many people at a time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

from application.ports.people import Profile
from domain.values import UserId

Pair = tuple[UserId, UserId]
"""Two people, in an order that may matter."""


class Graph(Protocol):
    """All of the graph of the transaction's organisation. What is there already stays, and is no error."""

    async def hold(self) -> None:
        """Let nobody else change what any two people are to each other until the transaction ends."""

    async def blocks(self, pairs: Collection[Pair]) -> Collection[Pair]:
        """Those of the pairs of which the first blocks the second."""

    async def friends(self, pairs: Collection[Pair]) -> Collection[Pair]:
        """Those of the pairs who are friends, confirmed by both."""

    async def profiles(self, users: Collection[UserId]) -> Mapping[UserId, Profile]:
        """What is known of people; those of whom nothing is known are left out."""

    async def befriend(self, pairs: Collection[Pair]) -> None:
        """These are friends, confirmed by both."""

    async def block(self, pairs: Collection[Pair]) -> None:
        """The first of each pair blocks the second; what made them friends or close friends ends, both ways."""

    async def tell(self, profiles: Mapping[UserId, Profile], *, told_at: datetime) -> None:
        """Keep what is told of people (at ``told_at``, UTC); what is not told of them stays as it is."""

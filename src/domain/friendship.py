"""Friendship as an audience needs it: a request of one, confirmed when both have put it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from domain.errors import InvalidError
from domain.values import UserId


class FriendshipStatus(StrEnum):
    """How a friendship looks from the side of one of the two."""

    REQUESTED = "requested"
    """They asked, the other has not answered."""
    PENDING = "pending"
    """The other asked and waits for them."""
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True)
class Friendship:
    """What two people are to each other.

    Attributes:
        pair: the two.
        put_by: those of the two who said they are friends.
    """

    pair: frozenset[UserId]
    put_by: frozenset[UserId] = frozenset()

    def __post_init__(self) -> None:
        """Refuse to befriend oneself."""
        if len(self.pair) != 2:
            raise InvalidError("friendId", "One cannot befriend oneself")

    @classmethod
    def between(cls, one: UserId, other: UserId, *, put_by: frozenset[UserId] = frozenset()) -> Self:
        """What these two are to each other.

        Raises:
            InvalidError: they are the same.
        """
        return cls(frozenset({one, other}), put_by)

    @property
    def confirmed(self) -> bool:
        """Whether both have said so."""
        return self.put_by == self.pair

    def put(self, by: UserId) -> Self:
        """One of them says that they are friends."""
        return replace(self, put_by=self.put_by | {by})

    def confirm(self) -> Self:
        """The application that owns the graph says so for both."""
        return replace(self, put_by=self.pair)

    def end(self) -> Self:
        """Either ends it, for both; requests too."""
        return replace(self, put_by=frozenset())

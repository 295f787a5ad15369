"""How much people have posted today."""

from __future__ import annotations

from typing import Final, Protocol

from msgspec import Struct

from domain.values import UserId

EVERYBODY: Final = UserId("")
"""An id that no user has: for all of an organisation together."""


class Today(Struct, frozen=True):
    """What was posted since midnight (UTC).

    Attributes:
        size: bytes of media, as they were uploaded.
        seconds_left: until the next midnight.
    """

    stories: int
    size: int
    seconds_left: float


class Postings(Protocol):
    """What was posted today, of the transaction's organisation: by one user, or by `EVERYBODY`."""

    async def today(self, user: UserId) -> Today:
        """What was counted until now."""

    async def add(self, user: UserId, *, size: int) -> Today:
        """Count one more story with so many bytes; the sum. Until the transaction ends, others who count wait."""

"""The stream that other services read events from, over all organisations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class EventStream(Protocol):
    """Holds events by their positions, in order; may lose its end, or all of it, at any time."""

    async def last(self) -> int:
        """The highest position there has been; 0: the stream is empty, or not there.

        Raises:
            UnavailableError: the stream cannot be reached.
        """

    async def append(self, events: Sequence[tuple[int, bytes]], *, after: int) -> bool:
        """Append events, given by position, if ``after`` is the highest position there has been; all or none.

        False: it is not: another has appended meanwhile, or the stream has lost something.

        Raises:
            UnavailableError: the stream cannot be reached; whether they were appended is not known.
        """

    async def trim(self) -> None:
        """Remove the oldest beyond the stream's length, but none that a group of consumers has not yet acknowledged.

        Raises:
            UnavailableError: the stream cannot be reached.
        """

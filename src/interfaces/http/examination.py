"""The examination of the stores, shared: anybody may ask for it, and to each of the stores it is work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol, runtime_checkable

_SECONDS: Final = 1.0


@runtime_checkable
class Examiner(Protocol):
    """Asks the stores whether they work."""

    async def examine(self) -> Mapping[str, str | None]:
        """What is wrong with each configured store, by its name; None: nothing."""


class SharedExaminer:
    """As `Examiner`: what another one has found, at most a second old, however many ask, and however often.

    Args:
        examiner: the other one.
        clock: seconds that only grow.
    """

    def __init__(self, examiner: Examiner, clock: Callable[[], float] = time.monotonic) -> None:
        self._examiner, self._clock = examiner, clock
        self._examining = asyncio.Lock()
        self._found: Mapping[str, str | None] = {}
        self._good_until: float | None = None

    async def examine(self) -> Mapping[str, str | None]:
        """As `Examiner`."""
        async with self._examining:
            if self._good_until is None or self._clock() >= self._good_until:
                self._found = await self._examiner.examine()
                self._good_until = self._clock() + _SECONDS
            return self._found

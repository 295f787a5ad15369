"""Arrivals: tells those who wait for events, in this process, when there are some."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from application.ports.events import EventReader
from infrastructure.messaging.relay import CommitSignal

_POLL_SECONDS: Final = 0.25


class PolledArrivals:
    """As `Arrivals`: looks when something was committed in this process, and every moment in case it was in another.

    However many wait, the database is asked once a moment.
    """

    def __init__(self, reader: EventReader, signal: CommitSignal) -> None:
        self._reader, self._signal = reader, signal
        self._asking = asyncio.Lock()
        self._asked = (-1, 0.0)
        self._last = 0

    async def wait(self, known: int, seconds: float) -> int:
        """As `Arrivals`."""
        until = time.monotonic() + seconds
        while True:
            since = self._signal.told
            last = await self._ask()
            left = until - time.monotonic()
            if last != known or left <= 0:
                return last
            await self._signal.wait(min(left, _POLL_SECONDS), since=since)

    async def _ask(self) -> int:
        async with self._asking:
            told, at = self._asked
            if told != self._signal.told or time.monotonic() - at >= _POLL_SECONDS:
                asked = (self._signal.told, time.monotonic())
                self._last = await self._reader.last()
                self._asked = asked
            return self._last

"""The relay: steps that carry events on from the outbox, each at its own pace, so that none waits for another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final

import structlog

from application.ports.errors import UnavailableError

_POLL_SECONDS: Final = 0.25
_BACKOFF_SECONDS: Final = 2.0
_STOP_SECONDS: Final = 1.0

Step = Callable[[], Awaitable[int]]
"""Does what there is to do now, and answers how much it did."""

_log = structlog.get_logger(__name__)


class CommitSignal:
    """Tells, within one process, whoever waits that something was committed."""

    def __init__(self) -> None:
        self.told = 0
        """How often something was committed."""
        self.here = 0
        """How often in this process."""
        self._event = asyncio.Event()

    def __call__(self) -> None:
        """Something was committed in this process."""
        self.here += 1
        self.heard()

    def heard(self) -> None:
        """Something was committed, here or in another process."""
        self.told += 1
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, seconds: float, *, since: int) -> None:
        """Until something is committed that was not yet when ``told`` was ``since``, or so long."""
        if self.told != since:
            return
        # Not `wait_for`: before Python 3.12 it forgets that it was cancelled if the event comes at the same moment.
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()


class OutboxRelay:
    """Takes each of its steps again and again until stopped. Any number may run side by side.

    A step is taken at once when something was committed, or another step did something, in this process; and every
    moment in case it was in another. One that cannot be taken, because a server is away, holds up none of the others.
    """

    def __init__(self, steps: Mapping[str, Step], signal: CommitSignal) -> None:
        self._steps, self._signal = steps, signal
        self._running: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin."""
        self._running = [asyncio.create_task(self._run(name, step)) for name, step in self._steps.items()]

    async def stop(self) -> None:
        """Stop; what is cut short is done again by the next relay."""
        left = set(self._running)
        while left:  # a driver that is cancelled at the very moment of its answer may go on as if it were not
            for task in left:
                task.cancel()
            _, left = await asyncio.wait(left, timeout=_STOP_SECONDS)

    async def _run(self, name: str, step: Step) -> None:
        while True:
            since = self._signal.told
            try:
                if await step():
                    self._signal()
                    since = self._signal.told
                await self._signal.wait(_POLL_SECONDS, since=since)
            except UnavailableError as error:
                _log.warning("events wait", step=name, reason=str(error))
                await asyncio.sleep(_BACKOFF_SECONDS)
            except Exception:  # noqa: BLE001 - events must go on being carried, whatever one of them brought about
                _log.exception("events wait", step=name)
                await asyncio.sleep(_BACKOFF_SECONDS)

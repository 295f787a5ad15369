"""The relay: gives events positions, and takes the steps that follow, each at its own pace, so that none waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final

import structlog

from application.ports.errors import UnavailableError

_LOOK_SECONDS: Final = 0.25
"""Another process may have committed something, and nobody need say so."""
_LOOK_ON_SECONDS: Final = 1.0
"""Another process may have given positions, and would rather take the following steps itself."""
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
    """Takes its steps again and again until stopped. Any number may run side by side.

    Positions are given at once when events were committed in this process, and every moment in case it was in another;
    what follows is done at once when positions were given here, and now and then in case it was elsewhere. A step that
    cannot be taken, because a server is away, holds up none of the others.

    Args:
        sequence: gives positions to what is committed.
        following: what is done with events that have positions.
        signal: says when something was committed; told when positions were given, for whoever waits for those.
    """

    def __init__(self, sequence: Step, following: Mapping[str, Step], signal: CommitSignal) -> None:
        self._sequence, self._following, self._signal = sequence, following, signal
        self._given = CommitSignal()
        self._running: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin."""
        steps = [self._run("sequence", self._give, self._signal, _LOOK_SECONDS)]
        steps += [
            self._run(name, _alone(step), self._given, _LOOK_ON_SECONDS) for name, step in self._following.items()
        ]
        self._running = [asyncio.create_task(step) for step in steps]

    async def stop(self) -> None:
        """Stop; what is cut short is done again by the next relay."""
        left = set(self._running)
        while left:  # a driver that is cancelled at the very moment of its answer may go on as if it were not
            for task in left:
                task.cancel()
            _, left = await asyncio.wait(left, timeout=_STOP_SECONDS)

    async def _give(self) -> int:
        if not await self._sequence():
            return 0
        self._given()
        self._signal()
        return 1

    async def _run(self, name: str, turn: Step, signal: CommitSignal, seconds: float) -> None:
        """Take turns. One answers how often it told the signal itself: that is no reason for another."""
        while True:
            since = signal.told
            try:
                since += await turn()
                await signal.wait(seconds, since=since)
            except UnavailableError as error:
                _log.warning("events wait", step=name, reason=str(error))
                await asyncio.sleep(_BACKOFF_SECONDS)
            except Exception:  # noqa: BLE001 - events must go on being carried, whatever one of them brought about
                _log.exception("events wait", step=name)
                await asyncio.sleep(_BACKOFF_SECONDS)


def _alone(step: Step) -> Step:
    """A turn that tells nobody."""

    async def turn() -> int:
        await step()
        return 0

    return turn

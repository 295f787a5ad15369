"""The relay: dispatches the outbox, at once when it is told of a commit, and every moment in case it was not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import structlog

from application.ports.errors import UnavailableError

_POLL_SECONDS: Final = 0.25
_BACKOFF_SECONDS: Final = 2.0

_log = structlog.get_logger(__name__)


class CommitSignal:
    """Tells, within one process, that something was committed."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def __call__(self) -> None:
        """Something was committed."""
        self._event.set()

    async def wait(self, seconds: float) -> None:
        """Until something is committed, or so long."""
        # Not `wait_for`: before Python 3.12 it forgets that it was cancelled if the event comes at the same moment.
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()
        self._event.clear()


class OutboxRelay:
    """Dispatches events until stopped. Any number may run side by side: each takes what no other holds."""

    def __init__(self, dispatch: Callable[[], Awaitable[int]], signal: CommitSignal) -> None:
        self._dispatch, self._signal = dispatch, signal
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to dispatch."""
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop; a batch cut short is dispatched again by the next relay."""
        if self._running:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running

    async def _run(self) -> None:
        while True:
            try:
                await self._dispatch()
                await self._signal.wait(_POLL_SECONDS)
            except UnavailableError as error:
                _log.warning("events wait", reason=str(error))
                await asyncio.sleep(_BACKOFF_SECONDS)
            except Exception:  # noqa: BLE001 - events must go on being dispatched, whatever one of them brought about
                _log.exception("events wait")
                await asyncio.sleep(_BACKOFF_SECONDS)

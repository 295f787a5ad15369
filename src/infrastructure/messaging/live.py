"""The delivery of live updates in one process: at once when something was committed, and every moment in any case."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

import structlog

from application.live import BATCH, Hub
from application.ports.errors import UnavailableError
from infrastructure.messaging.relay import CommitSignal

_POLL_SECONDS: Final = 0.5
_BACKOFF_SECONDS: Final = 1.0

_log = structlog.get_logger(__name__)


class LiveDelivery:
    """Has those who are connected to this process told what happens, until stopped."""

    def __init__(self, hub: Hub, signal: CommitSignal) -> None:
        self._hub, self._signal = hub, signal
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin."""
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop, and let nobody wait for more."""
        self._hub.stop()
        if self._running:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running

    async def _run(self) -> None:
        while True:
            since = self._signal.told
            try:
                if await self._hub.deliver() < BATCH:
                    await self._signal.wait(_POLL_SECONDS, since=since)
            except UnavailableError as error:
                _log.warning("live updates wait", reason=str(error))
                await asyncio.sleep(_BACKOFF_SECONDS)
            except Exception:  # noqa: BLE001 - what cannot be told must not keep others from hearing what comes after
                _log.exception("live updates left out")
                self._hub.skip()
                await asyncio.sleep(_BACKOFF_SECONDS)

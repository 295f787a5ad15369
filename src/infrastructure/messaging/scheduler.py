"""The scheduler: runs upkeep by the clock. Any number may run side by side: a second run finds nothing left to do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from application.ports.errors import ConcurrentChangeError, UnavailableError

RESCUE_SECONDS: Final = 5.0
EMPTY_BIN_SECONDS: Final = 30.0
FORGET_ANSWERS_SECONDS: Final = 600.0
_STOP_SECONDS: Final = 5.0

Upkeep = Callable[[], Awaitable[int]]

_log = structlog.get_logger(__name__)


class Scheduler:
    """Runs each upkeep at its interval, the first time at once, until stopped."""

    def __init__(self, upkeep: dict[str, tuple[Upkeep, float]]) -> None:
        self._upkeep = upkeep
        self._scheduler: AsyncIOScheduler | None = None
        self._running: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        """Begin."""
        self._scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 30}
        )
        for name, (run, seconds) in self._upkeep.items():
            self._scheduler.add_job(self._logged(name, run), "interval", seconds=seconds, id=name)
            self._scheduler.add_job(self._logged(name, run), id=f"{name} at start")
        self._scheduler.start()

    async def stop(self) -> None:
        """Begin nothing more, and finish what is under way; what takes too long is cut short for the next run to do."""
        if self._scheduler is None:
            return
        self._scheduler.pause()
        await asyncio.sleep(0)  # what was begun a moment ago is now where it can be waited for
        if self._running:
            await asyncio.wait(self._running, timeout=_STOP_SECONDS)
        self._scheduler.shutdown(wait=False)

    def _logged(self, name: str, run: Upkeep) -> Callable[[], Awaitable[None]]:
        async def upkeep() -> None:
            if task := asyncio.current_task():
                self._running.add(task)
                task.add_done_callback(self._running.discard)
            try:
                if done := await run():
                    _log.info("upkeep", job=name, done=done)
            except (UnavailableError, ConcurrentChangeError) as error:
                _log.warning("upkeep put off", job=name, reason=str(error))

        return upkeep

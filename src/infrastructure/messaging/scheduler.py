"""The scheduler: runs upkeep by the clock. Any number may run side by side: each time, one of them does it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from application.ports.errors import ConcurrentChangeError, UnavailableError
from application.ports.transactions import UnitOfWork

RESCUE_SECONDS: Final = 5.0
EMPTY_BIN_SECONDS: Final = 30.0
FORGET_ANSWERS_SECONDS: Final = 600.0
FORGET_EVENTS_SECONDS: Final = 60.0
FORGET_AUDIENCES_SECONDS: Final = 600.0
ERASE_SECONDS: Final = 5.0
_STOP_SECONDS: Final = 5.0
_TURN: Final = 0.9
"""For so much of its interval upkeep is not due again: a little less than all, so that no turn comes too soon."""

Upkeep = Callable[[], Awaitable[int]]

_log = structlog.get_logger(__name__)


class Scheduler:
    """Runs each upkeep at its interval, the first time at once, until stopped; unless another has just done it."""

    def __init__(self, upkeep: dict[str, tuple[Upkeep, float]], unit_of_work: UnitOfWork) -> None:
        self._upkeep, self._unit_of_work = upkeep, unit_of_work
        self._scheduler: AsyncIOScheduler | None = None
        self._running: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        """Begin."""
        self._scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 30}
        )
        for name, (run, seconds) in self._upkeep.items():
            self._scheduler.add_job(self._logged(name, run, seconds), "interval", seconds=seconds, id=name)
            self._scheduler.add_job(self._logged(name, run, seconds), id=f"{name} at start")
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

    def _logged(self, name: str, run: Upkeep, seconds: float) -> Callable[[], Awaitable[None]]:
        async def upkeep() -> None:
            if task := asyncio.current_task():
                self._running.add(task)
                task.add_done_callback(self._running.discard)
            try:
                if done := await self._in_turn(name, run, seconds):
                    _log.info("upkeep", job=name, done=done)
            except (UnavailableError, ConcurrentChangeError) as error:
                _log.warning("upkeep put off", job=name, reason=str(error))

        return upkeep

    async def _in_turn(self, name: str, run: Upkeep, seconds: float) -> int:
        async with self._unit_of_work.begin_system() as tx:
            due = await tx.claim_upkeep(name, seconds=seconds * _TURN)
        if not due:
            return 0
        try:
            return await run()
        except Exception:
            async with self._unit_of_work.begin_system() as tx:
                await tx.return_upkeep(name)
            raise

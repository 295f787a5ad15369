"""A worker: takes wake-ups from the broker and runs policies, all of them on the one event loop of its process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final
from uuid import UUID

import dramatiq
from dramatiq import Broker, Worker
from dramatiq.asyncio import EventLoopThread
from dramatiq.brokers.stub import StubBroker

from application.ports.work import Policy
from domain.values import OrgId, StoryId
from infrastructure.messaging.broker import QUEUES

RunPolicy = Callable[[OrgId, StoryId], Coroutine[Any, Any, object]]

_THREADS: Final = 4
"""Messages worked on at once in one process; each holds a thread while its policy runs on the loop."""
_STOP_MILLISECONDS: Final = 20_000


class PolicyWorker:
    """Runs the policies of this process until stopped."""

    def __init__(self, broker: Broker, policies: Mapping[Policy, RunPolicy]) -> None:
        self._broker, self._policies = broker, policies
        self._worker: Worker | None = None

    async def start(self) -> None:
        """Begin to take wake-ups."""
        bridge = _RunningLoop(asyncio.get_running_loop())
        for policy, run in self._policies.items():
            _register(self._broker, policy, run, bridge)
        if isinstance(self._broker, StubBroker):
            # Without a boot of its own, an in-process broker never enforces time limits.
            self._broker.emit_after("process_boot")
        self._worker = Worker(self._broker, worker_threads=_THREADS, worker_timeout=100)
        await asyncio.to_thread(self._worker.start)

    async def stop(self) -> None:
        """Finish what is under way, and stop."""
        if self._worker:
            await asyncio.to_thread(self._worker.stop, _STOP_MILLISECONDS)


def _register(broker: Broker, policy: Policy, run: RunPolicy, bridge: _RunningLoop) -> None:
    def act(org: str, story: str) -> None:
        bridge.run_coroutine(run(OrgId(org), StoryId(UUID(story))))

    dramatiq.actor(actor_name=policy.value, queue_name=QUEUES[policy], broker=broker)(act)


class _RunningLoop(EventLoopThread):
    """Has policies run on the loop that is running already, in place of a second one in a thread of its own.

    Dramatiq's own async actors find their loop in a variable of the whole process, where two workers would meet.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(logging.getLogger(__name__))
        self.loop.close()  # the one made for a thread that is never started
        self.loop: Any = loop

    def run_coroutine(self, coro: Any) -> Any:
        """As `EventLoopThread`; what can no longer be begun is given up in order, and comes again with its message."""
        if not self.loop.is_running():
            coro.close()
        return super().run_coroutine(coro)

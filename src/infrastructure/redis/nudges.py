"""Nudges between processes: something was committed. They may be lost; whoever waits for one looks by themselves."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from infrastructure.messaging.relay import CommitSignal

_GATHERED_SECONDS: Final = 0.01
"""What is committed in this time is told at once."""
_QUIET_SECONDS: Final = 20.0
"""After so long without a nudge it is asked whether the connection still stands."""
_BACKOFF_SECONDS: Final = 1.0

_log = structlog.get_logger(__name__)


class RedisNudges:
    """Tells other processes when something was committed in this one, and this one when it was in another."""

    def __init__(self, redis: Redis | None, prefix: str, signal: CommitSignal) -> None:
        """Without Redis there is nobody else to tell."""
        self._redis, self._channel, self._signal = redis, f"{prefix}nudges", signal
        self._running: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin."""
        if self._redis is not None:
            parts = (self._tell(self._redis), self._listen(self._redis))
            self._running = [asyncio.create_task(part) for part in parts]

    async def stop(self) -> None:
        """Stop."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _tell(self, redis: Redis) -> None:
        told = self._signal.here
        while True:
            since, here = self._signal.told, self._signal.here
            if here != told:
                told = here
                try:
                    await redis.publish(self._channel, b"")
                except (RedisError, OSError) as error:
                    _log.warning("nobody was nudged", error=repr(error))
                    await asyncio.sleep(_BACKOFF_SECONDS)
                await asyncio.sleep(_GATHERED_SECONDS)
            await self._signal.wait(_QUIET_SECONDS, since=since)

    async def _listen(self, redis: Redis) -> None:
        while True:
            try:
                async with redis.pubsub() as pubsub:
                    await pubsub.subscribe(self._channel)
                    while True:
                        if await pubsub.get_message(timeout=_QUIET_SECONDS) is None:
                            await pubsub.ping()
                        else:
                            self._signal.heard()
            except (RedisError, OSError) as error:
                _log.warning("nudges are not heard", error=repr(error))
                await asyncio.sleep(_BACKOFF_SECONDS)

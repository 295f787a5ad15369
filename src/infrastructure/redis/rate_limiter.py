"""Allowances shared by all processes, in Redis, by its clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from application.ports.limits import Charge, Refusal
from infrastructure.memory.rate_limiter import MemoryRateLimiter, debt

_EVERY_SECONDS: Final = 0.05
"""How often a process tells the others what was taken, and hears of theirs: the moment that `RateLimiter` speaks of."""
_PATIENCE_SECONDS: Final = 0.1
_AWAY_SECONDS: Final = 1.0
"""After a failure Redis is left alone for so long."""

# Adds to each debt what was taken, and answers what it is: in microseconds, the clock being that of Redis.
_EXCHANGE: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local left = {}
for i, key in ipairs(KEYS) do
  local owed = math.max(tonumber(redis.call('GET', key) or now), now) + ARGV[i]
  if owed > now then
    redis.call('SET', key, string.format('%.0f', owed), 'PX', math.ceil((owed - now) / 1000))
  end
  left[i] = owed - now
end
return left
"""

_log = structlog.get_logger(__name__)


class RedisRateLimiter:
    """As `RateLimiter`. A process decides by what it knows, in microseconds, and tells Redis 20 times a second.

    To ask Redis for each request would cost more than the rest of a request does. Whoever comes first after a moment
    carries what was taken in it: one script, one round trip, and no task beside the requests; so a quiet process
    asks each time. When Redis is away, a process knows what it has seen itself.
    """

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis, self._prefix = redis, prefix
        self._known = MemoryRateLimiter()
        self._untold: dict[str, float] = {}
        self._due, self._away = 0.0, False
        self._script = redis.register_script(_EXCHANGE)

    async def take(self, *charges: Charge) -> Refusal | None:
        """As `RateLimiter`."""
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + _EVERY_SECONDS
            await self._exchange(charges)
        refusal = self._known.take_now(charges)
        if refusal is None:
            for charge in charges:
                self._untold[charge.key] = self._untold.get(charge.key, 0.0) + debt(charge)
        return refusal

    async def _exchange(self, charges: Sequence[Charge]) -> None:
        untold, self._untold = self._untold, {}
        asked = dict.fromkeys((charge.key for charge in charges), 0.0)
        # Some of it may have come back since it was taken.
        told = asked | {key: min(seconds, self._known.owed(key)) for key, seconds in untold.items()}
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                owed = await self._script(
                    keys=[self._prefix + key for key in told],
                    args=[round(seconds * 1_000_000) for seconds in told.values()],
                )
        except (RedisError, OSError, TimeoutError) as error:
            self._due = time.monotonic() + _AWAY_SECONDS
            if not self._away:
                _log.warning("rates are limited in each process by itself", error=repr(error))
            self._away = True
            return
        self._away = False
        for key, microseconds in zip(told, owed, strict=True):
            self._known.owe(key, microseconds / 1_000_000)

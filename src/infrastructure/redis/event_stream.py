"""The stream of events in Redis. An entry's id is its position, so that none can be there twice, or out of order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from application.ports.errors import UnavailableError

FIELD: Final = "data"
"""Of an entry: the event in JSON."""

# The highest id there has been, also if entries were trimmed since; then all that follow it, in one go. A stream that
# was emptied between two batches is thus noticed, not continued.
_APPEND: Final = """
local last = '0'
if redis.call('EXISTS', KEYS[1]) == 1 then
    local told = redis.call('XINFO', 'STREAM', KEYS[1])
    for at = 1, #told, 2 do
        if told[at] == 'last-generated-id' then last = string.match(told[at + 1], '^%d+') end
    end
end
if last ~= ARGV[1] then return 0 end
for at = 2, #ARGV, 2 do
    redis.call('XADD', KEYS[1], ARGV[at] .. '-0', 'data', ARGV[at + 1])
end
return 1
"""


class RedisEventStream:
    """As `EventStream`, under one key.

    Args:
        redis: where it is.
        prefix: of its key.
        max_length: how many entries are kept, if all groups have acknowledged the others.
    """

    def __init__(self, redis: Redis, prefix: str, *, max_length: int) -> None:
        self._redis, self._max_length = redis, max_length
        self.key = f"{prefix}events"
        self._append = redis.register_script(_APPEND)

    async def last(self) -> int:
        """As `EventStream`."""
        async with _translated():
            try:
                told = await self._redis.xinfo_stream(self.key)
            except ResponseError as error:
                if "no such key" in str(error):
                    return 0
                raise
            return _position(told["last-generated-id"])

    async def append(self, events: Sequence[tuple[int, bytes]], *, after: int) -> bool:
        """As `EventStream`."""
        arguments = [after, *(part for event in events for part in event)]
        async with _translated():
            return bool(await self._append(keys=[self.key], args=arguments))

    async def trim(self) -> None:
        """As `EventStream`."""
        async with _translated():
            if await self._redis.xlen(self.key) <= self._max_length:
                return
            told = await self._redis.xinfo_stream(self.key)
            floors = [_position(told["last-generated-id"]) - self._max_length + 1]
            floors += [await self._floor(group) for group in await self._redis.xinfo_groups(self.key)]
            await self._redis.xtrim(self.key, minid=max(min(floors), 0), approximate=False)

    async def _floor(self, group: dict[str, Any]) -> int:
        """The lowest position that a group still needs."""
        if group["pending"]:
            pending = await self._redis.xpending(self.key, group["name"])
            if pending["min"] is not None:
                return _position(pending["min"])
        return _position(group["last-delivered-id"]) + 1


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise UnavailableError(f"The stream of events cannot be reached: {type(error).__name__}") from error


def _position(entry_id: Any) -> int:
    text = entry_id.decode() if isinstance(entry_id, bytes) else str(entry_id)
    return int(text.partition("-")[0])

"""Feed orders kept in Redis, for all processes."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import structlog
from msgspec import DecodeError, msgpack
from redis.asyncio import Redis
from redis.exceptions import RedisError

from application.caller import Caller
from application.ports import FeedOrder

KEPT_SECONDS: Final = 300
"""How long an order is kept: five minutes from its last use."""

_log = structlog.get_logger(__name__)


class RedisFeedOrders:
    """As `FeedOrders`. When Redis is away every order is forgotten, and feeds are ranked anew."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis, self._prefix = redis, prefix
        self._encoder, self._decoder = msgpack.Encoder(), msgpack.Decoder(FeedOrder)

    async def put(self, caller: Caller, order: FeedOrder) -> None:
        """As `FeedOrders`."""
        encoded = self._encoder.encode(order)
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.set(self._key(caller, order.id), encoded, ex=KEPT_SECONDS)
                pipe.set(self._key(caller, None), encoded, ex=KEPT_SECONDS)
                await pipe.execute()
        except RedisError as error:
            _log.warning("feed order not kept", error=repr(error))

    async def get(self, caller: Caller, order_id: UUID | None = None) -> FeedOrder | None:
        """As `FeedOrders`."""
        try:
            encoded = await self._redis.get(self._key(caller, order_id))
            return self._decoder.decode(encoded) if isinstance(encoded, bytes) else None
        except (RedisError, DecodeError) as error:
            _log.warning("feed order forgotten", error=repr(error))
            return None

    def _key(self, caller: Caller, order_id: UUID | None) -> str:
        # A user id holds no slash, so the parts of a key cannot run into each other.
        return f"{self._prefix}{caller.org}/feed/{caller.user}/{order_id.hex if order_id else 'last'}"

"""Feed orders kept in Redis, for all processes."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import structlog
from msgspec import DecodeError, msgpack
from redis.asyncio import Redis
from redis.exceptions import RedisError

from application.caller import Caller
from application.ports.feeds import FeedOrder
from infrastructure.memory.feed_orders import find_order, with_order

KEPT_SECONDS: Final = 300
"""How long an order is kept: five minutes from its last use."""

_log = structlog.get_logger(__name__)


class RedisFeedOrders:
    """As `FeedOrders`. When Redis is away every order is forgotten, and feeds are ranked anew.

    The orders of one caller are one value; of two pages that put theirs at the same moment, one may be forgotten.
    """

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis, self._prefix = redis, prefix
        self._encoder, self._decoder = msgpack.Encoder(), msgpack.Decoder(tuple[FeedOrder, ...])

    async def put(self, caller: Caller, order: FeedOrder) -> None:
        """As `FeedOrders`."""
        try:
            orders = with_order(await self._orders(caller), order)
            await self._redis.set(self._key(caller), self._encoder.encode(orders), ex=KEPT_SECONDS)
        except RedisError as error:
            _log.warning("feed order not kept", error=repr(error))

    async def get(self, caller: Caller, order_id: UUID | None = None) -> FeedOrder | None:
        """As `FeedOrders`."""
        try:
            return find_order(await self._orders(caller), order_id)
        except RedisError as error:
            _log.warning("feed order forgotten", error=repr(error))
            return None

    async def forget(self, caller: Caller) -> None:
        """As `FeedOrders`."""
        try:
            await self._redis.delete(self._key(caller))
        except RedisError as error:
            _log.warning("feed orders not forgotten yet", error=repr(error))

    async def _orders(self, caller: Caller) -> tuple[FeedOrder, ...]:
        encoded = await self._redis.get(self._key(caller))
        try:
            return self._decoder.decode(encoded) if isinstance(encoded, bytes) else ()
        except DecodeError:  # of another version
            return ()

    def _key(self, caller: Caller) -> str:
        # A user id holds no slash, so the parts of a key cannot run into each other.
        return f"{self._prefix}{caller.org}/feed/{caller.user}"

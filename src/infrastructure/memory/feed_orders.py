"""Feed orders kept in the process."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final
from uuid import UUID

from application.caller import Caller
from application.ports.feeds import FeedOrder

KEPT_SECONDS: Final = 300.0
"""How long an order is kept: five minutes from its last use."""
ORDERS_OF_ONE: Final = 3
"""Of one caller: the feeds they have open at once, on as many devices."""
_RANKED_MAX: Final = 500_000
"""Stories in all orders together, some 50 MB; beyond it whole callers are forgotten, and ranked anew."""


class MemoryFeedOrders:
    """As `FeedOrders`."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._kept: OrderedDict[tuple[str, str], tuple[float, tuple[FeedOrder, ...]]] = OrderedDict()
        self._ranked = 0

    async def put(self, caller: Caller, order: FeedOrder) -> None:
        """As `FeedOrders`."""
        key = (caller.org, caller.user)
        orders = with_order(self._take(key), order)
        self._kept[key] = (self._now() + KEPT_SECONDS, orders)
        self._ranked += _size(orders)
        while self._kept and (self._ranked > _RANKED_MAX or next(iter(self._kept.values()))[0] <= self._now()):
            self._take(next(iter(self._kept)))

    async def get(self, caller: Caller, order_id: UUID | None = None) -> FeedOrder | None:
        """As `FeedOrders`."""
        until, orders = self._kept.get((caller.org, caller.user), (0.0, ()))
        return find_order(orders, order_id) if until > self._now() else None

    async def forget(self, caller: Caller) -> None:
        """As `FeedOrders`."""
        self._take((caller.org, caller.user))

    def _take(self, key: tuple[str, str]) -> tuple[FeedOrder, ...]:
        _, orders = self._kept.pop(key, (0.0, ()))
        self._ranked -= _size(orders)
        return orders


def with_order(orders: tuple[FeedOrder, ...], order: FeedOrder) -> tuple[FeedOrder, ...]:
    """The orders of one caller with this one first, in place of what it was before; the oldest are forgotten."""
    return (order, *(other for other in orders if other.id != order.id))[:ORDERS_OF_ONE]


def find_order(orders: tuple[FeedOrder, ...], order_id: UUID | None) -> FeedOrder | None:
    """The order of this id, or the last one."""
    return next((order for order in orders if order_id in {None, order.id}), None)


def _size(orders: tuple[FeedOrder, ...]) -> int:
    return sum(len(order.ranked) for order in orders)

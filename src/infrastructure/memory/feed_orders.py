"""Feed orders kept in the process."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final
from uuid import UUID

from application.caller import Caller
from application.ports import FeedOrder

KEPT_SECONDS: Final = 300.0
"""How long an order is kept: five minutes from its last use."""
_ORDERS_MAX: Final = 10_000
"""More are forgotten, oldest first; a forgotten order is ranked anew."""

_Key = tuple[str, str, UUID | None]


class MemoryFeedOrders:
    """As `FeedOrders`."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._kept: OrderedDict[_Key, tuple[float, FeedOrder]] = OrderedDict()

    async def put(self, caller: Caller, order: FeedOrder) -> None:
        """As `FeedOrders`."""
        for key in ((caller.org, caller.user, order.id), (caller.org, caller.user, None)):
            self._kept[key] = (self._now() + KEPT_SECONDS, order)
            self._kept.move_to_end(key)
        self._forget()

    async def get(self, caller: Caller, order_id: UUID | None = None) -> FeedOrder | None:
        """As `FeedOrders`."""
        until, order = self._kept.get((caller.org, caller.user, order_id), (0.0, None))
        return order if until > self._now() else None

    def _forget(self) -> None:
        while self._kept:
            key = next(iter(self._kept))
            if len(self._kept) <= _ORDERS_MAX and self._kept[key][0] > self._now():
                return
            del self._kept[key]

"""Allowances kept in the process."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

from application.ports.limits import Charge, Refusal

_KEPT_MAX: Final = 100_000
"""Allowances, some 20 MB; beyond it those charged longest ago are forgotten, and full again."""


class MemoryRateLimiter:
    """As `RateLimiter`, for one process: the generic cell rate algorithm (GCRA), exact and without counters.

    Of each allowance it is known until when it is in debt: every unit taken adds the seconds in which one comes back.
    It is used up when the debt would pass the seconds in which a whole burst comes back.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic, kept_max: int = _KEPT_MAX) -> None:
        self._now, self._kept_max = now, kept_max
        self._until: OrderedDict[str, float] = OrderedDict()

    async def take(self, *charges: Charge) -> Refusal | None:
        """As `RateLimiter`."""
        return self.take_now(charges)

    def take_now(self, charges: Iterable[Charge]) -> Refusal | None:
        """As `take`; it waits for nothing."""
        now = self._now()
        refusal: Refusal | None = None
        taken: list[tuple[str, float]] = []
        for charge in charges:
            until = max(self._until.get(charge.key, now), now) + debt(charge)
            over = until - now - charge.rate.burst / charge.rate.per_second
            if over > _ROUNDING and (refusal is None or over > refusal.seconds):
                refusal = Refusal(charge, over)
            taken.append((charge.key, until))
        if refusal is None:
            for key, until in taken:
                self._keep(key, until, now)
        return refusal

    def owed(self, key: str) -> float:
        """For how many seconds an allowance is in debt."""
        now = self._now()
        return max(self._until.get(key, now) - now, 0.0)

    def owe(self, key: str, seconds: float) -> None:
        """Learn that an allowance is in debt for so many seconds, or more if that is known, by whomever it was used."""
        now = self._now()
        self._keep(key, max(self._until.get(key, now), now + seconds), now)

    def _keep(self, key: str, until: float, now: float) -> None:
        self._until[key] = until
        self._until.move_to_end(key)
        while len(self._until) > self._kept_max or next(iter(self._until.values())) <= now:
            self._until.popitem(last=False)
            if not self._until:
                break


_ROUNDING: Final = 1e-6
"""Seconds: less than this is no debt but the rounding of it."""


def debt(charge: Charge) -> float:
    """The seconds in which what is taken comes back."""
    return min(charge.cost, charge.rate.burst) / charge.rate.per_second

"""How often something may be done, in all processes together."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct


class Rate(Struct, frozen=True):
    """So much at once, and so much a second from then on.

    Attributes:
        burst: units that may be taken at once by somebody who has taken none for a while.
        per_second: units that come back in a second.
    """

    burst: float
    per_second: float


class Charge(Struct, frozen=True):
    """What a request takes, and of whose allowance.

    Attributes:
        key: names the allowance; the same key always comes with the same rate.
        cost: units; more than a whole burst counts as one.
    """

    key: str
    rate: Rate
    cost: float = 1.0


class Refusal(Struct, frozen=True):
    """An allowance that is used up, and in how many seconds it is not."""

    charge: Charge
    seconds: float


class RateLimiter(Protocol):
    """Allowances that fill up again as time passes. May forget some at any time, in favour of those who ask."""

    async def take(self, *charges: Charge) -> Refusal | None:
        """Take from every allowance, or, if one of them is used up, from none; the refusal is the longest.

        Exact within a process. Processes that share allowances know of each other's within a moment: together they may
        let pass, once, what comes to each of them in that moment; it counts all the same.

        Never fails, and never waits long for anything: a store that is away leaves each process to limit by itself.
        """

"""Quotas: how much one user, and one organisation, may post in a day (UTC). Exact, whatever comes at once."""

from __future__ import annotations

from dataclasses import dataclass

from application.ports.quotas import EVERYBODY, Today
from application.ports.transactions import Transaction
from domain.values import UserId


class QuotaExceededError(Exception):
    """So much was posted today that this may not be.

    Attributes:
        seconds: until the next day begins.
    """

    def __init__(self, detail: str, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(detail)


@dataclass(frozen=True, slots=True)
class Quota:
    """What may be posted in a day; None: any number.

    Attributes:
        size: bytes of media, as they are uploaded.
    """

    stories: int | None = None
    size: int | None = None

    @property
    def is_set(self) -> bool:
        """Whether there is anything to count for."""
        return self.stories is not None or self.size is not None

    def require(self, today: Today, whose: str) -> None:
        """Let only so much pass.

        Raises:
            QuotaExceededError: it is more.
        """
        if self.stories is not None and today.stories > self.stories:
            raise QuotaExceededError(f"{whose} may post {self.stories:,} stories a day.", today.seconds_left)
        if self.size is not None and today.size > self.size:
            raise QuotaExceededError(f"{whose} may post {self.size:,} bytes of media a day.", today.seconds_left)


@dataclass(frozen=True, slots=True)
class Quotas:
    """The quotas of every user, and of every organisation. Only what has a quota is counted."""

    user: Quota = Quota()
    org: Quota = Quota()

    async def spend(self, tx: Transaction, user: UserId, *, size: int) -> None:
        """Count a story that is posted in this transaction.

        Raises:
            QuotaExceededError: it is one too many, or too large; the transaction is to be rolled back.
        """
        for who, quota, whose in self._set(user):  # always in this order, so that nobody waits in a circle
            quota.require(await tx.postings.add(who, size=size), whose)

    async def check(self, tx: Transaction, user: UserId, *, size: int) -> None:
        """Refuse early what `spend` would refuse now: one more story, of so many bytes at least.

        Raises:
            QuotaExceededError: there is no room for it.
        """
        for who, quota, whose in self._set(user):
            today = await tx.postings.today(who)
            quota.require(Today(today.stories + 1, today.size + size, today.seconds_left), whose)

    def _set(self, user: UserId) -> list[tuple[UserId, Quota, str]]:
        known = [(user, self.user, "A user"), (EVERYBODY, self.org, "An organisation")]
        return [each for each in known if each[1].is_set]

"""The backlog: what waits to be done by itself, over all organisations."""

from __future__ import annotations

from typing import Final, Protocol, runtime_checkable

from msgspec import Struct

COUNTED_MAX: Final = 100_000
"""Nothing is counted further: so many are too many, and counting costs."""


class Waiting(Struct, frozen=True):
    """What waits in one place.

    Attributes:
        count: how many, `COUNTED_MAX` at the most.
        oldest_seconds: for how long the oldest has waited; 0 if none does.
    """

    count: int
    oldest_seconds: float


class Backlog(Struct, frozen=True, kw_only=True):
    """What waits to be done.

    Attributes:
        events: written and not yet dispatched.
        unsequenced: events that have no position, and so nobody reads.
        stream: events that are not yet in the stream; None: there is none.
        overdue: stories that are over, and not yet in the archive; nobody sees them.
        processing: stories whose media are not yet rendered.
        objects: bytes that may be deleted, and are not yet.
        erasures: people who are to be erased, and of whom something is left.
        webhooks: webhooks that did not take their next event, and are sent it again.
    """

    events: Waiting
    unsequenced: Waiting
    stream: Waiting | None
    overdue: Waiting
    processing: Waiting
    objects: Waiting
    erasures: Waiting
    webhooks: Waiting


@runtime_checkable
class BacklogReader(Protocol):
    """Reads how much waits."""

    async def backlog(self) -> Backlog:
        """What waits now.

        Raises:
            UnavailableError: the database does not answer.
        """

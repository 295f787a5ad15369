"""List the events of an organisation, after a position; if there are none, wait for some."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec import Struct

from application.caller import Caller
from application.cloud_events import cloud_event
from application.ports.events import Arrivals, EventReader, SequencedEvent
from application.ports.people import Role
from domain.errors import GoneError


class PositionGoneError(GoneError):
    """Events after that position are no longer kept."""

    code = "position_gone"
    detail = "Events after this position are no longer kept. Read anew from the oldest there is: without a position."


class ListEvents(Struct, frozen=True, kw_only=True):
    """Ask for events.

    Attributes:
        after: the position of the last event that the caller knows; None: from the oldest that is kept.
        limit: how many at the most.
        wait: for how many seconds, if there are none yet.
    """

    caller: Caller
    after: int | None
    limit: int
    wait: float


@dataclass(frozen=True, slots=True)
class ListEventsHandler:
    """Answers events in JSON, oldest first.

    Attributes:
        source: the address of the service, which events name.
        clock: seconds that only grow.
    """

    reader: EventReader
    arrivals: Arrivals
    source: str
    clock: Callable[[], float] = time.monotonic

    async def __call__(self, query: ListEvents) -> Sequence[bytes]:
        """Answer them.

        Raises:
            RoleRequiredError: the caller is no service.
            PositionGoneError: some of them are no longer kept.
        """
        query.caller.require_role(Role.SERVICE)
        events = await self._events(query)
        # Asked after reading: had some been purged in between, they are missing above.
        if query.after is not None and query.after < await self.reader.purged():
            raise PositionGoneError
        return [cloud_event(event, self.source) for event in events]

    async def _events(self, query: ListEvents) -> Sequence[SequencedEvent]:
        until = self.clock() + query.wait
        known = await self.reader.last()  # before the events: what comes after it is waited for
        while True:
            events = await self.reader.after(query.caller.org, query.after or 0, limit=query.limit)
            left = until - self.clock()
            if events or left <= 0:
                return events
            known = await self.arrivals.wait(known, left)

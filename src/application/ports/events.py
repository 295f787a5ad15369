"""The events as those read them who go through all of them: in the order of positions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from msgspec import Struct

from domain.values import OrgId


class SequencedEvent(Struct, frozen=True, kw_only=True):
    """An event that has its position.

    Attributes:
        position: rises; between two of one organisation there are those of others.
        id: the same however often it is told.
        subject: the id of what it happened to.
        version: of the story, if it was the story that changed.
        at: when (UTC).
        data: what it tells, by names on the wire.
    """

    position: int
    id: UUID
    org: OrgId
    type: str
    subject: str
    version: int | None
    at: datetime
    data: Mapping[str, Any]


class EventReader(Protocol):
    """Reads events, by their positions. What has been read up to a position has been read completely."""

    async def after(self, org: OrgId | None, position: int, *, limit: int) -> Sequence[SequencedEvent]:
        """The events of an organisation, or (None) of all, after a position: the oldest, in their order."""

    async def purged(self) -> int:
        """The last position whose event is no longer kept; 0: all are. Ask after reading: it rises meanwhile."""

    async def last(self) -> int:
        """The last position that was given; 0: none was."""


class EventCursors(Protocol):
    """How far those have come who go through the events of all organisations, by their names."""

    async def position(self, name: str) -> int:
        """The position that a cursor has come to; 0: it has not begun."""

    async def move(self, name: str, position: int) -> None:
        """A cursor has come to a position, or must go back to it."""


class Arrivals(Protocol):
    """Tells when there are new events."""

    async def wait(self, known: int, seconds: float) -> int:
        """The last position that was given, once it is another than ``known``, or so many seconds have passed."""

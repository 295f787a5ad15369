"""Publish events to the stream: in the order of their positions, and once more whatever it has lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from application.cloud_events import cloud_event
from application.failpoints import Failpoint, failpoint
from application.ports.errors import UnavailableError
from application.ports.events import EventCursors, EventReader
from application.ports.streams import EventStream

STREAM: Final = "stream"
"""The cursor that says up to which position the stream has the events."""
BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class PublishEvents:
    """Goes on from where the stream ends, which the stream itself says: it may have lost what it once had.

    Any number may do so side by side, since nothing is appended but behind the end that was seen.

    Attributes:
        source: the address of the service, which events name.
    """

    reader: EventReader
    cursors: EventCursors
    stream: EventStream
    source: str

    async def __call__(self) -> int:
        """Publish all that wait, and answer how many.

        Raises:
            UnavailableError: the stream, or the database, cannot be reached; or the stream is of another database.
        """
        published = 0
        while True:
            end = await self.stream.last()
            if end > await self.reader.last():
                raise UnavailableError(
                    f"The stream is at {end}, where no event is: it is of another database, or others write to it"
                )
            if end != await self.cursors.position(STREAM):
                await self.cursors.move(STREAM, end)
            events = await self.reader.after(None, end, limit=BATCH)
            if not events:
                return published
            encoded = [(event.position, cloud_event(event, self.source)) for event in events]
            failpoint(Failpoint.STREAM_BEFORE_APPEND)
            if await self.stream.append(encoded, after=end):
                failpoint(Failpoint.STREAM_AFTER_APPEND)
                published += len(events)
                await self.stream.trim()

"""What waits to be done, as it was found last: however often it is asked for, the database is asked now and then."""

from __future__ import annotations

import time
from typing import Final

from application.ports.backlog import Backlog, BacklogReader
from application.ports.errors import UnavailableError

_SECONDS: Final = 5.0


class KnownBacklog:
    """The backlog, at most some seconds old."""

    def __init__(self, reader: BacklogReader) -> None:
        self._reader = reader
        self._found: Backlog | None = None
        self._due = 0.0

    async def __call__(self) -> Backlog | None:
        """What waits; None: the database does not tell."""
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + _SECONDS
            try:
                self._found = await self._reader.backlog()
            except UnavailableError:
                self._found = None
        return self._found

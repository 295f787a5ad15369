"""Export what is kept about a person, to the last line, at constant memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from msgspec import Struct

from application.caller import Caller

Record = Mapping[str, Any]
"""One thing that is kept, as plain values; its ``type`` says what it is."""


class ExportUser(Struct, frozen=True, kw_only=True):
    """Ask for all that is kept about the caller."""

    caller: Caller


class ExportReader(Protocol):
    """Reads what is kept about one person."""

    def records(self, caller: Caller) -> AsyncIterator[Sequence[Record]]:
        """All of it, a page at a time, each as it is when it is read: what changes meanwhile may be there or not.

        What others did without the person's knowing is not among it: who blocks or mutes them, who lists them.
        """


@dataclass(frozen=True, slots=True)
class ExportUserHandler:
    """Exports what there is, and says at the end how much it was: who misses the last record misses more."""

    reader: ExportReader

    async def __call__(self, query: ExportUser) -> AsyncIterator[Sequence[Record]]:
        """Begin; whoever reads the pages decides how fast it goes."""
        return self._pages(query.caller)

    async def _pages(self, caller: Caller) -> AsyncIterator[Sequence[Record]]:
        count = 0
        async for page in self.reader.records(caller):
            count += len(page)
            yield page
        yield [{"type": "end", "records": count}]

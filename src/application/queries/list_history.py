"""List all stories of their owner, or the archived ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct

from application.caller import Caller
from application.queries.cards import CardPage, OwnerStoryCard, pages


class ListHistory(Struct, frozen=True, kw_only=True):
    """Ask for the caller's own stories, newest first.

    Attributes:
        archived_only: only those archived by hand, by the clock or by a moderator.
    """

    caller: Caller
    archived_only: bool
    page: int
    page_size: int


class HistoryReader(Protocol):
    """Reads the stories of their owner."""

    async def history(
        self, caller: Caller, *, archived_only: bool, offset: int, limit: int
    ) -> tuple[Sequence[OwnerStoryCard], int]:
        """One page, newest first, and how many there are."""


@dataclass(frozen=True, slots=True)
class ListHistoryHandler:
    """Lists every story that was not deleted."""

    reader: HistoryReader

    async def __call__(self, query: ListHistory) -> CardPage:
        """List them."""
        offset = (query.page - 1) * query.page_size
        stories, total = await self.reader.history(
            query.caller, archived_only=query.archived_only, offset=offset, limit=query.page_size
        )
        return CardPage(
            stories=tuple(stories),
            page=query.page,
            page_size=query.page_size,
            total_count=total,
            total_pages=pages(total, query.page_size),
        )

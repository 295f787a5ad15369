"""List the feed by time, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct

from application.caller import Caller
from application.queries.cards import StoryCard


class ListFeed(Struct, frozen=True, kw_only=True):
    """Ask for the caller's feed, newest first."""

    caller: Caller
    limit: int
    skip: int


class Feed(Struct, frozen=True, kw_only=True, rename="camel"):
    """A part of a feed, and how many stories are in the whole of it."""

    stories: tuple[StoryCard, ...]
    total_count: int


class FeedReader(Protocol):
    """Reads a feed by time."""

    async def feed(self, caller: Caller, *, offset: int, limit: int) -> tuple[Sequence[StoryCard], int]:
        """A part of the caller's feed, newest first, and how many there are."""


@dataclass(frozen=True, slots=True)
class ListFeedHandler:
    """Lists what the recommended feed holds, in plain order of time."""

    reader: FeedReader

    async def __call__(self, query: ListFeed) -> Feed:
        """List it."""
        stories, total = await self.reader.feed(query.caller, offset=query.skip, limit=query.limit)
        return Feed(stories=tuple(stories), total_count=total)

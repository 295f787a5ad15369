"""List private replies: those about one story, or all that the caller got or sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import msgspec
from msgspec import Struct

from application.access import require_visible
from application.caller import Caller
from application.ports.stories import StoryAccess
from application.queries.cards import pages
from application.queries.times import Timestamp
from domain.values import ReplyId, StoryId, UserId


class Direction(StrEnum):
    """Which way messages went, seen from the caller."""

    RECEIVED = "received"
    SENT = "sent"


class ListStoryReplies(Struct, frozen=True, kw_only=True):
    """Ask for the messages about one story that are the caller's to read."""

    caller: Caller
    story_id: StoryId
    page: int
    page_size: int


class ListUserReplies(Struct, frozen=True, kw_only=True):
    """Ask for all messages the caller got or sent."""

    caller: Caller
    direction: Direction
    page: int
    page_size: int


class ReplyItem(Struct, frozen=True, kw_only=True, rename="camel"):
    """A message; name and picture are its sender's."""

    reply_id: ReplyId
    story_id: StoryId
    sender: UserId = msgspec.field(name="from")
    to: UserId
    username: str
    full_name: str | None
    avatar_url: str | None
    content: str
    created_at: Timestamp


class ReplyPage(Struct, frozen=True, kw_only=True, rename="camel"):
    """One page of messages."""

    replies: tuple[ReplyItem, ...]
    page: int
    page_size: int
    total_count: int
    total_pages: int


class RepliesReader(Protocol):
    """Reads replies."""

    async def access(self, caller: Caller, story_id: StoryId) -> StoryAccess | None:
        """What the caller may know of the story now. None: there is none."""

    async def about_story(
        self, caller: Caller, story_id: StoryId, *, offset: int, limit: int
    ) -> tuple[Sequence[ReplyItem], int]:
        """Messages of the threads the caller is in, oldest first, and how many there are."""

    async def of_user(
        self, caller: Caller, direction: Direction, *, offset: int, limit: int
    ) -> tuple[Sequence[ReplyItem], int]:
        """Messages the caller got or sent, newest first, and how many there are."""


@dataclass(frozen=True, slots=True)
class ListStoryRepliesHandler:
    """The owner reads all threads, a replier their own; they are messages, so they outlive the story's time."""

    reader: RepliesReader

    async def __call__(self, query: ListStoryReplies) -> ReplyPage:
        """List them, oldest first.

        Raises:
            StoryNotFoundError, StoryExpiredError: the caller does not see the story (any more) and wrote nothing.
        """
        known = await self.reader.access(query.caller, query.story_id)
        items, total = await self.reader.about_story(
            query.caller, query.story_id, offset=_offset(query), limit=query.page_size
        )
        if total == 0:
            require_visible(known)
        return _page(query, items, total)


@dataclass(frozen=True, slots=True)
class ListUserRepliesHandler:
    """The caller's messages across stories."""

    reader: RepliesReader

    async def __call__(self, query: ListUserReplies) -> ReplyPage:
        """List them, newest first."""
        items, total = await self.reader.of_user(
            query.caller, query.direction, offset=_offset(query), limit=query.page_size
        )
        return _page(query, items, total)


def _offset(query: ListStoryReplies | ListUserReplies) -> int:
    return (query.page - 1) * query.page_size


def _page(query: ListStoryReplies | ListUserReplies, items: Sequence[ReplyItem], total: int) -> ReplyPage:
    return ReplyPage(
        replies=tuple(items),
        page=query.page,
        page_size=query.page_size,
        total_count=total,
        total_pages=pages(total, query.page_size),
    )

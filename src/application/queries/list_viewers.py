"""List who viewed a story, with what it says of the story as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from application.caller import Caller
from application.ports.stories import StoryAccess
from application.queries.cards import pages
from application.queries.times import Timestamp
from domain.engagement import Reaction, ViewQuality
from domain.errors import NotTheOwnerError, StoryNotFoundError
from domain.story import Access
from domain.values import StoryId, UserId


class ViewerOrder(StrEnum):
    """How viewers are ordered."""

    RECENT = "recent"
    DURATION = "duration"
    REACTED = "reacted"


class ListViewers(Struct, frozen=True, kw_only=True):
    """Ask who viewed a story of the caller's.

    Attributes:
        search: only those whose name or id holds this, whatever its letter case.
    """

    caller: Caller
    story_id: StoryId
    page: int
    page_size: int
    search: str | None = None
    order: ViewerOrder = ViewerOrder.RECENT


class Viewer(Struct, frozen=True, kw_only=True, rename="camel"):
    """Somebody who viewed a story."""

    user_id: UserId
    username: str
    full_name: str | None
    avatar_url: str | None
    viewed_at: Timestamp
    view_duration_seconds: float
    view_quality: ViewQuality
    has_reacted: bool
    has_replied: bool
    reaction: Reaction | None
    shared: bool


class Insights(Struct, frozen=True, kw_only=True, rename="camel"):
    """How the viewers of a story watched it, and what they said."""

    average_view_duration_seconds: float
    quality: Mapping[ViewQuality, int]
    reaction_counts: Mapping[Reaction, int]


class Viewers(Struct, frozen=True, kw_only=True, rename="camel"):
    """One page of viewers, and the totals of the story."""

    data: tuple[Viewer, ...]
    total_viewers: int
    total_reactions: int
    total_replies: int
    page: int
    page_size: int
    total_pages: int
    insights: Insights


class Totals(Struct, frozen=True, kw_only=True):
    """What the viewers of a story come to."""

    viewers: int
    reactions: int
    replies: int
    insights: Insights


class ViewersReader(Protocol):
    """Reads viewers."""

    async def access(self, caller: Caller, story_id: StoryId) -> StoryAccess | None:
        """What the caller may know of the story now. None: there is none."""

    async def viewers(
        self, caller: Caller, story_id: StoryId, *, search: str | None, order: ViewerOrder, offset: int, limit: int
    ) -> tuple[Sequence[Viewer], int]:
        """One page, and how many match."""

    async def totals(self, caller: Caller, story_id: StoryId) -> Totals:
        """The totals of the story.

        Raises:
            StoryNotFoundError: there is no such story (any more).
        """


@dataclass(frozen=True, slots=True)
class ListViewersHandler:
    """Tells the owner, and nobody else."""

    reader: ViewersReader

    async def __call__(self, query: ListViewers) -> Viewers:
        """List them.

        Raises:
            StoryNotFoundError: there is none, or it is hidden from the caller.
            NotTheOwnerError: the caller did not post it.
        """
        require_owner(await self.reader.access(query.caller, query.story_id))
        viewers, matching = await self.reader.viewers(
            query.caller,
            query.story_id,
            search=query.search,
            order=query.order,
            offset=(query.page - 1) * query.page_size,
            limit=query.page_size,
        )
        totals = await self.reader.totals(query.caller, query.story_id)
        return Viewers(
            data=tuple(viewers),
            total_viewers=totals.viewers,
            total_reactions=totals.reactions,
            total_replies=totals.replies,
            page=query.page,
            page_size=query.page_size,
            total_pages=pages(matching, query.page_size),
            insights=totals.insights,
        )


def require_owner(known: StoryAccess | None) -> None:
    """Let only the owner of a story pass.

    Raises:
        StoryNotFoundError: there is none, or it is hidden from the caller.
        NotTheOwnerError: the caller did not post it.
    """
    if known is None or known.access is Access.HIDDEN:
        raise StoryNotFoundError
    if known.access is not Access.OWNER:
        raise NotTheOwnerError

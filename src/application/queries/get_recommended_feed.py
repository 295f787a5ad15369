"""Get the recommended feed: what the caller may see, most worth seeing first, in pages that fit together."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from msgspec import UNSET, Struct, structs

from application.caller import Caller
from application.ports.feeds import FeedOrder, FeedOrders, RankedStory
from application.ports.transactions import NewIds
from application.queries.cards import RankedStoryCard, ScoreDetails, StoryCard
from domain.errors import InvalidError
from domain.ranking import (
    Scores,
    displayed,
    interaction_score,
    popularity_score,
    recency_score,
    relationship_score,
)
from domain.values import StoryId

BATCH: Final = 50
"""Cards read at once, however few are missing: what has died since must not be asked for one by one."""


class CursorInvalidError(InvalidError):
    """The cursor is none that this service has made."""

    code = "cursor_invalid"


class Cursor(Struct, frozen=True):
    """Where a page has ended: in which order, and after how many stories."""

    order: UUID
    served: int


_CURSOR = re.compile(r"(?P<order>[0-9a-f]{32})-(?P<served>[0-9]{1,9})", re.ASCII)


class GetRecommendedFeed(Struct, frozen=True, kw_only=True):
    """Ask for a page.

    Attributes:
        skip: 0 ranks anew; more goes on in the caller's last order.
        cursor: where the page before has ended; wins over ``skip``.
    """

    caller: Caller
    limit: int
    skip: int
    cursor: str | None = None
    include_score_details: bool = False


class RecommendedFeed(Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of the feed.

    Attributes:
        total_count: stories that were ranked.
        next_cursor: where the next page begins; None: this is the last.
    """

    stories: tuple[RankedStoryCard, ...]
    total_count: int
    next_cursor: str | None


class Candidate(Struct, frozen=True, kw_only=True):
    """A story that may be in the feed, with all that its score depends on. Sums are faded; see `domain.ranking`."""

    story_id: StoryId
    created_at: datetime
    age_seconds: float
    lifetime_seconds: float
    friend: bool
    close_friend: bool
    mutual_friends: int
    points_received: float
    points_given: float
    engaged: float
    chances: float
    story_points: float
    story_hot: float
    story_views: int

    def scores(self) -> Scores:
        """Its four components."""
        return Scores(
            relationship=relationship_score(
                friend=self.friend,
                close_friend=self.close_friend,
                mutual_friends=self.mutual_friends,
                points_received=self.points_received,
            ),
            interaction=interaction_score(points=self.points_given, engaged=self.engaged, chances=self.chances),
            recency=recency_score(age_seconds=self.age_seconds, lifetime_seconds=self.lifetime_seconds),
            popularity=popularity_score(points=self.story_points, views=self.story_views, hot=self.story_hot),
        )


class CandidateReader(Protocol):
    """Reads what a feed is ranked from, and shows what was ranked."""

    async def candidates(self, caller: Caller) -> Sequence[Candidate]:
        """All stories of the caller's feed, in no order."""

    async def feed_cards(self, caller: Caller, ids: Sequence[StoryId]) -> Mapping[StoryId, StoryCard]:
        """Those of the stories that are in the caller's feed now, checked within the statement."""


@dataclass(frozen=True, slots=True)
class GetRecommendedFeedHandler:
    """Ranks, keeps the order, and shows from it what is still there: a kept order can hide, never reveal."""

    reader: CandidateReader
    orders: FeedOrders
    new_id: NewIds

    async def __call__(self, query: GetRecommendedFeed) -> RecommendedFeed:
        """Get a page.

        Raises:
            CursorInvalidError: a cursor of no form that is known.
        """
        cursor = _parse(query.cursor) if query.cursor is not None else None
        skip = cursor.served if cursor else query.skip
        order = await self._order(query.caller, cursor, skip)
        cards, stop = await self._page(query, order, _start(order, skip))
        served = skip + len(cards)
        await self.orders.put(query.caller, structs.replace(order, served={**order.served, served: stop}))
        at_end = stop >= len(order.ranked)
        return RecommendedFeed(
            stories=tuple(cards),
            total_count=len(order.ranked),
            next_cursor=None if at_end else f"{order.id.hex}-{served}",
        )

    async def _order(self, caller: Caller, cursor: Cursor | None, skip: int) -> FeedOrder:
        """The order to read from: the cursor's, the caller's last, or, at the start or if forgotten, a new one."""
        kept = await self.orders.get(caller, cursor.order if cursor else None) if cursor or skip else None
        return kept or await self._rank(caller)

    async def _rank(self, caller: Caller) -> FeedOrder:
        scored = [(candidate, candidate.scores()) for candidate in await self.reader.candidates(caller)]
        scored.sort(key=lambda pair: pair[0].story_id)
        scored.sort(key=lambda pair: (pair[1].combined(), pair[0].created_at), reverse=True)
        ranked = tuple(RankedStory(candidate.story_id, scores) for candidate, scores in scored)
        return FeedOrder(id=self.new_id(), ranked=ranked, served={0: 0})

    async def _page(self, query: GetRecommendedFeed, order: FeedOrder, start: int) -> tuple[list[RankedStoryCard], int]:
        """Up to ``limit`` cards from ``start`` on that are still there, and where the next page begins."""
        page: list[RankedStoryCard] = []
        position = start
        while len(page) < query.limit and position < len(order.ranked):
            batch = order.ranked[position : position + max(BATCH, query.limit)]
            cards = await self.reader.feed_cards(query.caller, [ranked.story_id for ranked in batch])
            for ranked in batch:
                position += 1
                if ranked.story_id in cards:
                    page.append(
                        _ranked_card(cards[ranked.story_id], ranked.scores, details=query.include_score_details)
                    )
                    if len(page) == query.limit:
                        break
        return page, position


def _start(order: FeedOrder, skip: int) -> int:
    """Where the page after ``skip`` served stories begins, as near as is known."""
    known = max((served for served in order.served if served <= skip), default=0)
    return order.served.get(known, 0) + skip - known


def _parse(text: str) -> Cursor:
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise CursorInvalidError("cursor", "Not a cursor of this feed")
    return Cursor(order=UUID(hex=match["order"]), served=int(match["served"]))


def _ranked_card(card: StoryCard, scores: Scores, *, details: bool) -> RankedStoryCard:
    return RankedStoryCard(
        **structs.asdict(card),
        recommendation_score=displayed(scores.combined()),
        score_details=ScoreDetails(
            recency_score=displayed(scores.recency),
            interaction_score=displayed(scores.interaction),
            relationship_score=displayed(scores.relationship),
            popularity_score=displayed(scores.popularity),
        )
        if details
        else UNSET,
    )

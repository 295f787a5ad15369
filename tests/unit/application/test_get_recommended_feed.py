"""The recommended feed: its ranking, and pages that fit together whatever dies in between."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, structs

from application.ports.feeds import FeedOrders
from application.queries.cards import ScoreDetails
from application.queries.get_recommended_feed import (
    CursorInvalidError,
    GetRecommendedFeed,
    GetRecommendedFeedHandler,
    RecommendedFeed,
)
from domain.audience import Visibility
from domain.ranking import displayed
from domain.values import StoryId
from infrastructure.memory.feed_orders import MemoryFeedOrders
from tests.stage import Stage, caller
from tests.unit.application.doubles import ForgetfulOrders, Shelf, candidate
from tests.unit.application.scenes import DAY


class Reader:
    """Somebody who reads a feed page by page."""

    def __init__(self, shelf: Shelf, orders: FeedOrders | None = None, user: str = "bob") -> None:
        ids = count(1)
        self.handler = GetRecommendedFeedHandler(shelf, orders or MemoryFeedOrders(), lambda: UUID(int=next(ids)))
        self.caller = caller(user)

    async def read(
        self, *, limit: int = 2, skip: int = 0, cursor: str | None = None, details: bool = False
    ) -> RecommendedFeed:
        return await self.handler(
            GetRecommendedFeed(caller=self.caller, limit=limit, skip=skip, cursor=cursor, include_score_details=details)
        )


def numbers(page: RecommendedFeed) -> list[int]:
    """The stories of a page by their numbers."""
    return [card.story_id.int for card in page.stories]


def stories(*wanted: int) -> set[StoryId]:
    return {StoryId(UUID(int=number)) for number in wanted}


def shelf_of(number: int) -> Shelf:
    """So many stories, the first the most worth seeing."""
    return Shelf(*(candidate(each, points=float(number - each)) for each in range(1, number + 1)))


# --- ranking ------------------------------------------------------------------------------------------------------


async def test_what_is_most_worth_seeing_comes_first() -> None:
    shelf = Shelf(candidate(1, points=0), candidate(2, points=9), candidate(3, points=4))
    assert numbers(await Reader(shelf).read(limit=9)) == [2, 3, 1]


async def test_of_equal_scores_the_newer_comes_first_and_of_equal_times_the_lower_id() -> None:
    # Times differ and ages do not: the scores are the same to the last bit.
    alike = [structs.replace(candidate(number, minutes_old=age), age_seconds=0.0) for number, age in
             ((4, 5), (3, 0), (1, 5), (2, 0))]  # fmt: skip
    assert numbers(await Reader(Shelf(*alike)).read(limit=9)) == [2, 3, 1, 4]


async def test_scores_that_look_the_same_still_differ() -> None:
    shelf = Shelf(candidate(1, points=1.0), candidate(2, points=1.0001))
    page = await Reader(shelf).read(limit=9)
    assert numbers(page) == [2, 1]
    assert page.stories[0].recommendation_score == page.stories[1].recommendation_score


async def test_a_story_shows_its_score_and_its_four_parts_only_if_asked() -> None:
    shelf = Shelf(candidate(1, points=2.0, close_friend=True, minutes_old=480))
    (plain,) = (await Reader(shelf).read()).stories
    assert plain.score_details is UNSET
    (detailed,) = (await Reader(shelf).read(details=True)).stories
    scores = shelf.candidates_now[0].scores()
    assert detailed.recommendation_score == plain.recommendation_score == displayed(scores.combined())
    assert detailed.score_details == ScoreDetails(
        recency_score=50.0,
        interaction_score=displayed(scores.interaction),
        relationship_score=50.0,
        popularity_score=displayed(scores.popularity),
    )


async def test_every_part_of_a_candidate_counts() -> None:
    plain = candidate(1, friend=False)
    better: Sequence[dict[str, Any]] = [
        {"friend": True},
        {"close_friend": True},
        {"mutual_friends": 3},
        {"points_received": 3.0},
        {"points_given": 3.0},
        {"engaged": 1.0},
        {"story_points": 3.0},
        {"story_hot": 3.0},
    ]
    worse: Sequence[dict[str, Any]] = [{"age_seconds": 60.0}, {"chances": 3.0}, {"story_views": 9}]
    for change in better:
        assert structs.replace(plain, **change).scores().combined() > plain.scores().combined(), change
    for change in worse:
        assert structs.replace(plain, **change).scores().combined() < plain.scores().combined(), change
    aged = structs.replace(plain, age_seconds=3_600.0)
    longer = structs.replace(aged, lifetime_seconds=7.0 * DAY)
    assert longer.scores().recency > aged.scores().recency


# --- pages --------------------------------------------------------------------------------------------------------


async def test_a_feed_of_nothing_is_one_empty_page() -> None:
    page = await Reader(Shelf()).read()
    assert (page.stories, page.total_count, page.next_cursor) == ((), 0, None)


async def test_the_last_page_has_no_cursor() -> None:
    reader = Reader(shelf_of(4))
    first = await reader.read()
    assert first.next_cursor is not None
    second = await reader.read(cursor=first.next_cursor)
    assert (numbers(first), numbers(second), second.next_cursor) == ([1, 2], [3, 4], None)
    assert (first.total_count, second.total_count) == (4, 4)


@pytest.mark.parametrize("by_cursor", [True, False])
async def test_what_changes_places_in_between_is_neither_repeated_nor_skipped(*, by_cursor: bool) -> None:
    shelf = shelf_of(4)
    reader = Reader(shelf)
    first = await reader.read()
    shelf.candidates_now = [candidate(number, points=float(number)) for number in range(1, 9)]
    second = await (reader.read(cursor=first.next_cursor) if by_cursor else reader.read(skip=2))
    assert numbers(first) + numbers(second) == [1, 2, 3, 4]
    assert shelf.ranked == 1


@pytest.mark.says(
    "story:recommended refreshing-story-feed  ",
    "story:recommended refreshing-story-feed ",
    "story:recommended refreshing-story-feed",
)
async def test_from_the_start_it_is_ranked_anew() -> None:
    shelf = shelf_of(3)
    reader = Reader(shelf)
    await reader.read()
    shelf.candidates_now = [candidate(number, points=float(number)) for number in range(1, 5)]
    page = await reader.read()
    assert (numbers(page), page.total_count, shelf.ranked) == ([4, 3], 4, 2)


async def test_a_cursor_wins_over_skip() -> None:
    reader = Reader(shelf_of(6))
    first = await reader.read()
    assert numbers(await reader.read(cursor=first.next_cursor, skip=5)) == [3, 4]


async def test_what_has_died_leaves_no_hole_in_the_page() -> None:
    shelf = shelf_of(7)
    reader = Reader(shelf)
    await reader.read()
    shelf.gone = stories(3, 4)
    second = await reader.read(skip=2)
    assert numbers(second) == [5, 6]
    assert numbers(await reader.read(cursor=second.next_cursor)) == [7]
    assert numbers(await reader.read(skip=4)) == [7]


async def test_what_has_died_on_a_page_already_read_moves_nothing() -> None:
    shelf = shelf_of(6)
    reader = Reader(shelf)
    first = await reader.read()
    shelf.gone = stories(1, 2)
    assert numbers(await reader.read(skip=2)) == [3, 4]
    assert numbers(await reader.read(cursor=first.next_cursor)) == [3, 4]


async def test_a_page_read_again_begins_where_it_began() -> None:
    shelf = shelf_of(6)
    reader = Reader(shelf)
    await reader.read()
    shelf.gone = stories(3)
    assert numbers(await reader.read(skip=2)) == [4, 5]
    shelf.gone = stories(3, 4)
    assert numbers(await reader.read(skip=2)) == [5, 6]


async def test_where_all_that_is_left_has_died_the_page_is_empty_and_the_last() -> None:
    shelf = shelf_of(5)
    reader = Reader(shelf)
    await reader.read()
    shelf.gone = stories(3, 4, 5)
    page = await reader.read(skip=2)
    assert (numbers(page), page.next_cursor) == ([], None)


async def test_skipping_to_where_no_page_has_ended_counts_from_the_nearest() -> None:
    shelf = shelf_of(9)
    reader = Reader(shelf)
    await reader.read()
    shelf.gone = stories(3)
    await reader.read(skip=2)
    assert numbers(await reader.read(skip=5)) == [7, 8]


async def test_skipping_past_the_end_is_an_empty_last_page() -> None:
    reader = Reader(shelf_of(3))
    await reader.read()
    page = await reader.read(skip=2**62)
    assert (numbers(page), page.next_cursor, page.total_count) == ([], None, 3)
    assert numbers(await reader.read(skip=2)) == [3]


async def test_each_cursor_goes_on_in_its_own_order() -> None:
    shelf = shelf_of(4)
    reader = Reader(shelf)
    old = await reader.read()
    shelf.candidates_now = [candidate(number, points=float(number)) for number in range(1, 5)]
    new = await reader.read()
    assert numbers(await reader.read(cursor=old.next_cursor)) == [3, 4]
    assert numbers(await reader.read(cursor=new.next_cursor)) == [2, 1]


# --- orders that are forgotten, or of others ----------------------------------------------------------------------


@pytest.mark.parametrize("by_cursor", [True, False])
async def test_a_forgotten_order_is_ranked_anew_and_the_page_goes_on_by_number(*, by_cursor: bool) -> None:
    shelf = shelf_of(5)
    reader = Reader(shelf, ForgetfulOrders())
    first = await reader.read()
    second = await (reader.read(cursor=first.next_cursor) if by_cursor else reader.read(skip=2))
    assert (numbers(second), shelf.ranked) == ([3, 4], 2)
    assert second.next_cursor is not None
    assert second.next_cursor != first.next_cursor


async def test_an_order_is_kept_for_five_minutes() -> None:
    now, shelf = [0.0], shelf_of(6)
    reader = Reader(shelf, MemoryFeedOrders(lambda: now[0]))
    await reader.read()
    now[0] = 299.0
    await reader.read(skip=2)
    assert shelf.ranked == 1
    now[0] += 301.0
    assert numbers(await reader.read(skip=4)) == [5, 6]
    assert shelf.ranked == 2


async def test_a_cursor_of_somebody_else_shows_ones_own_feed() -> None:
    orders = MemoryFeedOrders()
    theirs = await Reader(shelf_of(6), orders, "alice").read()
    mine = Shelf(candidate(11), candidate(12), candidate(13))
    assert numbers(await Reader(mine, orders, "bob").read(cursor=theirs.next_cursor)) == [13]


@pytest.mark.says(
    "story:privacy recommendations-consider-privacy  ",
    "story:privacy recommendations-consider-privacy ",
    "story:privacy recommendations-consider-privacy",
)
async def test_a_kept_order_can_hide_but_never_reveal() -> None:
    shelf = shelf_of(3)
    reader = Reader(shelf)
    first = await reader.read()
    shelf.gone = stories(3)
    assert numbers(await reader.read(cursor=first.next_cursor)) == []


@pytest.mark.parametrize(
    "cursor",
    ["", "-", "x", "0" * 32, "0" * 31 + "-2", "0" * 32 + "-", "0" * 32 + "--2", "G" * 32 + "-2",
     "0" * 32 + "-1234567890", "0" * 32 + "-٣", "0" * 32 + "-2\n", " " + "0" * 32 + "-2"],
)  # fmt: skip
async def test_what_no_feed_has_made_is_no_cursor(cursor: str) -> None:
    with pytest.raises(CursorInvalidError) as caught:
        await Reader(shelf_of(3)).read(cursor=cursor)
    assert (caught.value.code, caught.value.field) == ("cursor_invalid", "cursor")


# --- whatever happens ---------------------------------------------------------------------------------------------

READINGS = st.tuples(
    st.integers(min_value=0, max_value=14),
    st.lists(
        st.tuples(
            st.integers(min_value=1, max_value=4),  # how many the page may hold
            st.sets(st.integers(min_value=1, max_value=14), max_size=4),  # who dies after it
            st.booleans(),  # whether the next is asked for by cursor
            st.booleans(),  # whether the page is asked for twice
        ),
        min_size=20,
        max_size=20,
    ),
)


@settings(max_examples=150, deadline=None)
@given(READINGS)
def test_read_to_its_end_a_feed_shows_all_that_lives_once_in_order_and_without_holes(
    reading: tuple[int, list[tuple[int, set[int], bool, bool]]],
) -> None:
    number, pages = reading
    shelf = shelf_of(number)
    reader = Reader(shelf)

    async def read_all() -> None:
        shown: list[int] = []
        dead: set[int] = set()
        cursor, at_end = None, False
        for limit, dying, by_cursor, twice in pages:
            page = await reader.read(limit=limit, skip=len(shown), cursor=cursor if by_cursor else None)
            if twice:
                again = await reader.read(limit=limit, skip=len(shown), cursor=cursor if by_cursor else None)
                assert numbers(again) == numbers(page)
                page = again
            left = [each for each in range(1, number + 1) if each > max(shown, default=0) and each not in dead]
            assert numbers(page) == left[:limit]
            shown += numbers(page)
            if at_end := page.next_cursor is None:
                break
            cursor = page.next_cursor
            dead |= dying
            shelf.gone = stories(*dead)
        assert at_end

    asyncio.run(read_all())


# --- over the real reader -----------------------------------------------------------------------------------------


async def recommended(stage: Stage, who: str = "bob", **query: Any) -> RecommendedFeed:
    query = {"limit": 50, "skip": 0, **query}
    return await stage.container.get_recommended_feed()(GetRecommendedFeed(caller=stage.caller(who), **query))


async def test_the_feed_is_made_of_friends_and_of_those_who_listed_the_reader(stage: Stage) -> None:
    await stage.befriend("alice", "bob")
    friends = await stage.post_text("alice")
    listed = await stage.post_text("zoe", visibility=Visibility.CUSTOM, allowed=frozenset({"bob"}))
    await stage.post_text("bob")
    await stage.post_text("stranger", visibility=Visibility.PUBLIC)
    await stage.post_text("alice", visibility=Visibility.CLOSE_FRIENDS)
    page = await recommended(stage)
    assert [card.story_id for card in page.stories] == [friends, listed]
    assert page.total_count == 2


async def test_muted_people_stay_out(stage: Stage) -> None:
    await stage.befriend("alice", "bob")
    await stage.post_text("alice")
    await stage.mute("bob", "alice")
    assert (await recommended(stage)).stories == ()


async def test_who_unfriends_in_between_is_not_on_the_next_page(stage: Stage) -> None:
    for friend in ("alice", "carol"):
        await stage.befriend(friend, "bob")
    ids = {"alice": await stage.post_text("alice"), "carol": await stage.post_text("carol")}
    first = await recommended(stage, limit=1)
    (shown,) = (card.user_id for card in first.stories)
    (other,) = ids.keys() - {shown}
    await stage.block(other, "bob")
    second = await recommended(stage, limit=1, cursor=first.next_cursor)
    assert (second.stories, second.next_cursor, second.total_count) == ((), None, 2)

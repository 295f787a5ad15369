"""How a feed is ranked: known values, bounds, and what the formula promises to those who read it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.engagement import Reaction
from domain.ranking import (
    FORMULA,
    HOT_HALF_LIFE_SECONDS,
    PAIR_HALF_LIFE_SECONDS,
    REACTION_POINTS,
    REPLY_POINTS,
    Scores,
    Weights,
    displayed,
    interaction_score,
    popularity_score,
    recency_score,
    relationship_score,
)
from tests.unit.domain import strategies

HOUR = 3_600.0
DAY = 86_400.0
ROUNDING = 1e-9
"""What floating point may take from a promise."""

points = st.floats(-1e9, 1e9)
sums = st.floats(0, 1e9)
counts = st.integers(0, 10**9)
ages = st.floats(-DAY, 1e12)
life_lengths = st.integers(1, 604_800)


def relationship(*, friend: bool = True, close: bool = False, mutual: int = 0, received: float = 0.0) -> float:
    return relationship_score(friend=friend, close_friend=close, mutual_friends=mutual, points_received=received)


def interaction(given_points: float, engaged: float, chances: float) -> float:
    return interaction_score(points=given_points, engaged=engaged, chances=chances)


@pytest.mark.parametrize(
    ("close", "mutual", "received", "score"),
    [(False, 5, 3, 46.443), (True, 12, 20, 93.705), (False, 0, 0, 30), (True, 0, 0, 50)],
)
def test_relationship_has_known_values(*, close: bool, mutual: int, received: float, score: float) -> None:
    assert relationship(close=close, mutual=mutual, received=received) == pytest.approx(score, abs=1e-3)


@pytest.mark.parametrize(
    ("given_points", "engaged", "chances", "score"),
    [
        (0, 0, 0, 33.812),
        (0, 0, 4, 18.377),
        (1, 1, 1, 44.329),
        (4, 4, 4, 59.520),
        (10, 8, 10, 62.852),
        (40, 10, 10, 87.502),
    ],
)
def test_interaction_has_known_values(given_points: float, engaged: float, chances: float, score: float) -> None:
    assert interaction(given_points, engaged, chances) == pytest.approx(score, abs=1e-3)


@pytest.mark.parametrize(("hours", "score"), [(0, 100), (1, 91.700), (8, 50), (16, 25), (24, 12.5)])
def test_recency_has_known_values(hours: float, score: float) -> None:
    assert recency_score(age_seconds=hours * HOUR, lifetime_seconds=DAY) == pytest.approx(score, abs=1e-3)


@pytest.mark.parametrize(
    ("story_points", "views", "hot", "score"),
    [(0, 0, 0, 22.863), (10, 10, 10, 57.714), (2, 10, 1, 20.316)],
)
def test_popularity_has_known_values(story_points: float, views: int, hot: float, score: float) -> None:
    assert popularity_score(points=story_points, views=views, hot=hot) == pytest.approx(score, abs=1e-3)


def test_the_worked_example_is_shown_as_87_5() -> None:
    scores = Scores(relationship=90, interaction=85, recency=92, popularity=78)

    assert scores.combined() == pytest.approx(87.45)
    assert displayed(scores.combined()) == 87.5


def test_the_formula_weighs_people_before_time_before_the_crowd() -> None:
    assert Weights(relationship=0.35, interaction=0.35, recency=0.20, popularity=0.10) == FORMULA


def test_a_reply_is_worth_more_than_a_share_than_a_feeling_and_a_dislike_costs() -> None:
    assert REPLY_POINTS == 6
    assert REACTION_POINTS == {
        Reaction.LIKE: 3,
        Reaction.LOVE: 3,
        Reaction.HAHA: 3,
        Reaction.SHARE: 4,
        Reaction.DISLIKE: -2,
    }


def test_people_are_remembered_for_weeks_and_trends_for_hours() -> None:
    assert PAIR_HALF_LIFE_SECONDS == 14 * DAY
    assert HOT_HALF_LIFE_SECONDS == 6 * HOUR


@given(st.booleans(), st.booleans(), counts, points)
def test_relationship_is_0_to_100(friend: bool, close: bool, mutual: int, received: float) -> None:  # noqa: FBT001 - drawn
    assert 0 <= relationship(friend=friend, close=close, mutual=mutual, received=received) <= 100


@given(points, sums, sums)
@example(given_points=0.0, engaged=100.0, chances=0.0)
@example(given_points=-100.0, engaged=0.0, chances=0.0)
def test_interaction_is_0_to_100(given_points: float, engaged: float, chances: float) -> None:
    assert 0 <= interaction(given_points, engaged, chances) <= 100


@given(ages, life_lengths)
def test_recency_is_0_to_100(age: float, lifetime: float) -> None:
    assert 0 <= recency_score(age_seconds=age, lifetime_seconds=lifetime) <= 100


@given(points, counts, points)
@example(story_points=-100.0, views=1, hot=-100.0)
def test_popularity_is_0_to_100(story_points: float, views: int, hot: float) -> None:
    assert 0 <= popularity_score(points=story_points, views=views, hot=hot) <= 100


@given(strategies.scores, strategies.weights)
def test_the_whole_lies_between_its_components(scores: Scores, weights: Weights) -> None:
    components = (scores.relationship, scores.interaction, scores.recency, scores.popularity)

    assert min(components) - ROUNDING <= scores.combined(weights) <= max(components) + ROUNDING


@given(strategies.scores)
def test_the_formula_stands_in_until_there_are_better_weights(scores: Scores) -> None:
    assert scores.combined() == scores.combined(FORMULA)


@pytest.mark.parametrize(
    "weights",
    [
        Weights(relationship=1, interaction=0, recency=0, popularity=0),
        Weights(relationship=0, interaction=1, recency=0, popularity=0),
        Weights(relationship=0, interaction=0, recency=1, popularity=0),
        Weights(relationship=0, interaction=0, recency=0, popularity=1),
    ],
)
def test_each_weight_is_that_of_its_component(weights: Weights) -> None:
    scores = Scores(relationship=1, interaction=2, recency=3, popularity=4)

    assert scores.combined(weights) == (
        weights.relationship + 2 * weights.interaction + 3 * weights.recency + 4 * weights.popularity
    )


@given(strategies.scores)
def test_what_is_shown_of_the_components_explains_what_is_shown_of_the_whole(scores: Scores) -> None:
    shown = Scores(
        relationship=displayed(scores.relationship),
        interaction=displayed(scores.interaction),
        recency=displayed(scores.recency),
        popularity=displayed(scores.popularity),
    )

    assert displayed(scores.combined()) == pytest.approx(shown.combined(), abs=0.1 + ROUNDING)


@given(st.booleans(), counts, points)
def test_a_close_friend_is_20_nearer_than_a_friend(friend: bool, mutual: int, received: float) -> None:  # noqa: FBT001 - drawn
    near = relationship(friend=friend, close=True, mutual=mutual, received=received)

    assert near - relationship(friend=friend, close=False, mutual=mutual, received=received) == pytest.approx(20)


@given(st.booleans(), counts, points)
def test_a_friend_is_30_nearer_than_a_stranger(close: bool, mutual: int, received: float) -> None:  # noqa: FBT001 - drawn
    near = relationship(friend=True, close=close, mutual=mutual, received=received)

    assert near - relationship(friend=False, close=close, mutual=mutual, received=received) == pytest.approx(30)


@given(counts, counts, points, points)
def test_more_shared_friends_and_more_given_back_never_lower_a_relationship(
    mutual: int,
    more: int,
    received: float,
    other: float,
) -> None:
    low, high = sorted([received, other])

    assert relationship(mutual=mutual + more, received=high) >= relationship(mutual=mutual, received=low) - ROUNDING


def test_more_shared_friends_and_more_given_back_make_a_relationship() -> None:
    assert relationship(mutual=6) > relationship(mutual=5)
    assert relationship(received=4) > relationship(received=3)


@given(st.floats(-1e9, 0))
def test_an_author_who_dislikes_is_as_near_as_one_who_is_silent(received: float) -> None:
    assert relationship(received=received) == relationship(received=0)


def test_a_rate_beats_a_count() -> None:
    assert interaction(5, 5, 5) > interaction(5, 5, 25)


@given(st.floats(0, 1e3), st.floats(0, 1e3), st.floats(0, 1e3), st.floats(1, 1e3))
def test_the_same_attention_out_of_more_chances_is_worth_less(
    given_points: float,
    engaged: float,
    unused: float,
    more: float,
) -> None:
    chances = engaged + unused

    assert interaction(given_points, engaged, chances) > interaction(given_points, engaged, chances + more)


@given(points, points, sums, sums, sums)
def test_more_attention_is_never_worth_less(
    given_points: float,
    other: float,
    engaged: float,
    more: float,
    chances: float,
) -> None:
    low, high = sorted([given_points, other])

    assert interaction(high, engaged + more, chances) >= interaction(low, engaged, chances) - ROUNDING


def test_who_is_always_passed_over_goes_to_nothing() -> None:
    rates = [interaction(0, 0, chances) for chances in (0, 1, 4, 20, 100, 10_000)]

    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.1


def test_who_is_always_answered_goes_to_100() -> None:
    rates = [interaction(7 * chances, chances, chances) for chances in (0, 1, 4, 20, 100, 10_000)]

    assert rates == sorted(rates)
    assert rates[-1] > 99.9


def test_somebody_new_is_tried_before_somebody_passed_over_and_after_somebody_answered() -> None:
    assert interaction(0, 0, 3) < interaction(0, 0, 0) < interaction(3, 3, 3)


@given(life_lengths)
def test_a_new_story_has_100_and_one_at_its_end_an_eighth_whatever_its_lifetime(lifetime: float) -> None:
    assert recency_score(age_seconds=0, lifetime_seconds=lifetime) == 100
    assert recency_score(age_seconds=lifetime, lifetime_seconds=lifetime) == pytest.approx(12.5)


@given(ages, ages, life_lengths)
def test_an_older_story_is_never_fresher(one: float, other: float, lifetime: float) -> None:
    younger, older = sorted([one, other])

    assert recency_score(age_seconds=older, lifetime_seconds=lifetime) <= recency_score(
        age_seconds=younger,
        lifetime_seconds=lifetime,
    )


@given(st.floats(-1e6, 0), life_lengths)
def test_a_story_from_a_clock_ahead_of_ours_is_new(age: float, lifetime: float) -> None:
    assert recency_score(age_seconds=age, lifetime_seconds=lifetime) == 100


@given(points, points, counts, points, points)
def test_more_points_never_make_a_story_less_popular(
    story_points: float,
    more: float,
    views: int,
    hot: float,
    hotter: float,
) -> None:
    low, high = sorted([story_points, more])
    cool, warm = sorted([hot, hotter])

    assert (
        popularity_score(points=high, views=views, hot=warm)
        >= popularity_score(points=low, views=views, hot=cool) - ROUNDING
    )


def test_one_like_of_one_viewer_does_not_top_the_list() -> None:
    lucky = popularity_score(points=4, views=1, hot=4)

    assert lucky < popularity_score(points=40, views=10, hot=40)
    assert lucky < popularity_score(points=12, views=10, hot=12)


def test_a_story_that_is_seen_and_left_is_less_popular_than_a_new_one() -> None:
    assert popularity_score(points=0, views=20, hot=0) < popularity_score(points=0, views=0, hot=0)


def test_a_trend_of_the_hour_counts_beside_the_worth_of_a_view() -> None:
    assert popularity_score(points=10, views=10, hot=10) > popularity_score(points=10, views=10, hot=1)


def test_every_score_of_two_decimals_is_shown_rounded_half_up() -> None:
    for hundredths in range(10_001):
        assert displayed(hundredths / 100) == (hundredths + 5) // 10 / 10


@pytest.mark.parametrize(
    ("score", "shown"),
    [
        (0.0, 0.0),
        (100.0, 100.0),
        (99.95, 100.0),
        (99.949, 99.9),
        (0.05, 0.1),
        (0.049999, 0.0),
        (1e-12, 0.0),
        (87.449, 87.4),
        (0.35 * 90 + 0.35 * 85 + 0.2 * 92 + 0.1 * 78, 87.5),
        (87.44999999999999, 87.5),
        (2.675 - 2.6 + 87.375, 87.5),
    ],
)
def test_a_score_is_shown_as_people_round(score: float, shown: float) -> None:
    assert displayed(score) == shown


@given(st.floats(0, 100), st.floats(0, 100))
def test_what_is_shown_is_near_and_in_order(one: float, other: float) -> None:
    low, high = sorted([one, other])

    assert displayed(low) <= displayed(high)
    assert abs(displayed(one) - one) <= 0.05 + ROUNDING
    assert 0 <= displayed(one) <= 100

"""How a feed is ranked: four component scores, each 0-100, and one convex combination of them. Pure functions.

Points say what one viewer's attention to one story is worth: the watched fraction (0-1), plus the reaction, plus the
reply. Sums of points, chances and engaged stories fade with a half-life, so that old habits weigh less.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from domain.engagement import Reaction

PAIR_HALF_LIFE_SECONDS: Final = 14 * 86_400.0
"""Half-life of what passes between two people: long enough to remember a friend, short enough to forget one."""
HOT_HALF_LIFE_SECONDS: Final = 6 * 3_600.0
"""Half-life of a story's points: what is trending now."""
REPLY_POINTS: Final = 6.0
REACTION_POINTS: Final = {
    Reaction.LIKE: 3.0,
    Reaction.LOVE: 3.0,
    Reaction.HAHA: 3.0,
    Reaction.SHARE: 4.0,
    Reaction.DISLIKE: -2.0,
}
RECENCY_HALVINGS: Final = 3.0
"""Halvings of recency in a lifetime: 8 hours each for a story of 24, and 12.5 left at its end."""


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each component counts; they sum to 1."""

    relationship: float
    interaction: float
    recency: float
    popularity: float


FORMULA: Final = Weights(relationship=0.35, interaction=0.35, recency=0.20, popularity=0.10)
"""The weights until better ones have been learned: 90, 85, 92, 78 give 87.45."""


@dataclass(frozen=True, slots=True)
class Scores:
    """The four components of one story for one viewer, each 0-100."""

    relationship: float
    interaction: float
    recency: float
    popularity: float

    def combined(self, weights: Weights = FORMULA) -> float:
        """The recommendation score, 0-100."""
        return (
            weights.relationship * self.relationship
            + weights.interaction * self.interaction
            + weights.recency * self.recency
            + weights.popularity * self.popularity
        )


def relationship_score(*, friend: bool, close_friend: bool, mutual_friends: int, points_received: float) -> float:
    """How near the author is: friendship, closeness, shared friends, and what the author gives the viewer back.

    Args:
        friend: confirmed friends.
        close_friend: the author put the viewer on the close-friends list.
        mutual_friends: friends they share.
        points_received: faded points that the author gave the viewer's stories.
    """
    return (
        30 * friend
        + 20 * close_friend
        + 10 * _saturating(mutual_friends, 10)
        + 40 * _saturating(max(0.0, points_received), 8)
    )


def interaction_score(*, points: float, engaged: float, chances: float) -> float:
    """How often the viewer engages with the author *when there is a chance to*: a rate, not a count.

    Somebody new starts at 33.8, so that new friends are tried; somebody always passed over goes to 0.

    Args:
        points: faded points that the viewer gave the author's stories.
        engaged: faded number of the author's stories the viewer engaged with.
        chances: faded number of the author's stories the viewer could have engaged with.
    """
    worth = max(0.0, points + 2) / (chances + 4)
    rate = min(1.0, (engaged + 1) / (chances + 4))
    return 50 * _saturating(worth, 0.9) + 50 * rate


def recency_score(*, age_seconds: float, lifetime_seconds: float) -> float:
    """How fresh the story is within its own lifetime: 100 at first, halved three times until its end."""
    return 100 * 2 ** (-RECENCY_HALVINGS * max(0.0, age_seconds) / lifetime_seconds)


def popularity_score(*, points: float, views: int, hot: float) -> float:
    """How a story does with everybody: trending now, and its smoothed worth per view.

    Args:
        points: all points it was given.
        views: number of viewers.
        hot: its points, faded with a half-life of six hours.
    """
    worth = max(0.0, points + 4.4) / (views + 8)
    return 50 * _saturating(max(0.0, hot), 12) + 50 * _saturating(worth, 0.9)


def displayed(score: float) -> float:
    """Round a score as people do, half up to one decimal: 87.45 is shown as 87.5 although its float lies below."""
    return float(Decimal(repr(round(score, 9))).quantize(Decimal("0.1"), ROUND_HALF_UP))


def _saturating(amount: float, scale: float) -> float:
    """0 for nothing, towards 1 for much."""
    return 1 - math.exp(-amount / scale)

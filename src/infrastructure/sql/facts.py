"""What was done with stories, as facts that are worth points, as long as it is known who did it.

The points stand in `domain/ranking.py` and once more here; a contract test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Subquery, Table, and_, case, func, literal, or_, select, union_all

from domain.content import STILL_SECONDS
from domain.engagement import HIGH_FROM, Reaction
from domain.ranking import REACTION_POINTS, REPLY_POINTS
from infrastructure.sql.tables import replies, stories, story_reactions, story_views

Narrow = Callable[[Table, ColumnElement[str]], Sequence[ColumnElement[bool]]]
"""Which rows count, given a table of them and its column of who did it."""

_one, _zero = literal(1.0), literal(0.0)
_length = func.coalesce(stories.c.duration_seconds, STILL_SECONDS)
_fraction = case((story_views.c.duration_seconds >= _length, _one), else_=story_views.c.duration_seconds / _length)
_feeling_points = case(
    *(
        (story_reactions.c.feeling == reaction.value, literal(points))
        for reaction, points in REACTION_POINTS.items()
        if reaction is not Reaction.SHARE
    ),
    else_=_zero,
)
_share_points = case((story_reactions.c.shared, literal(REACTION_POINTS[Reaction.SHARE])), else_=_zero)
_likes = or_(
    story_reactions.c.shared,
    and_(story_reactions.c.feeling.is_not(None), story_reactions.c.feeling != Reaction.DISLIKE.value),
)


def engagement(name: str, narrow: Narrow) -> Subquery:
    """Who (``actor``) did something with whose (``owner``) ``story`` in which ``org`` and when (``at``).

    Each fact has its ``points``, whether somebody was ``engaged``, and whether it was a ``chance`` to be, as 1 or 0.
    A frozen story has no facts: its rows are forgotten, but for replies, which its owner may still read.
    """
    viewed = _facts(
        story_views,
        story_views.c.viewer_id,
        {
            "at": story_views.c.viewed_at,
            "points": _fraction,
            "engaged": case((_fraction >= HIGH_FROM, _one), else_=_zero),
            "chance": _one,
        },
        _with_story(story_views),
        narrow,
    )
    reacted = _facts(
        story_reactions,
        story_reactions.c.user_id,
        {
            "at": story_reactions.c.reacted_at,
            "points": _feeling_points + _share_points,
            "engaged": case((_likes, _one), else_=_zero),
            "chance": _zero,
        },
        story_reactions,
        narrow,
    )
    replied = (
        _facts(
            replies,
            replies.c.sender_id,
            {"at": func.min(replies.c.created_at), "points": literal(REPLY_POINTS), "engaged": _one, "chance": _zero},
            _with_story(replies),
            narrow,
        )
        .where(replies.c.sender_id == replies.c.thread_id, stories.c.frozen_at.is_(None))
        .group_by(replies.c.org_id, replies.c.sender_id, replies.c.owner_id, replies.c.story_id)
    )
    return union_all(viewed, reacted, replied).subquery(name)


def _with_story(table: Table) -> FromClause:
    return table.join(stories, and_(stories.c.org_id == table.c.org_id, stories.c.id == table.c.story_id))


def _facts(
    table: Table, actor: ColumnElement[str], worth: Mapping[str, ColumnElement[Any]], source: FromClause, narrow: Narrow
) -> Any:
    who = {"org": table.c.org_id, "actor": actor, "owner": table.c.owner_id, "story": table.c.story_id}
    columns = (column.label(label) for label, column in (who | dict(worth)).items())
    return select(*columns).select_from(source).where(*narrow(table, actor))

"""Who sees a story, in SQL: `domain/audience.py` once more, and only here. Parameters: ``org`` and ``viewer``.

Every statement that shows a story to somebody is built from these conditions. A contract test drives them and the
domain's rule through every combination of relation, visibility, status and time, and compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, bindparam, case, exists, literal, literal_column, or_
from sqlalchemy.sql.util import ClauseAdapter
from sqlalchemy.sql.visitors import replacement_traverse

from domain.audience import Visibility
from domain.moderation import ReportStatus, TargetType
from domain.story import Access, Status
from infrastructure.sql.dialect import clock
from infrastructure.sql.tables import blocks, close_friends, friendships, mutes, reports, stories, story_audience

org: ColumnElement[str] = bindparam("org", type_=stories.c.org_id.type)
viewer: ColumnElement[str] = bindparam("viewer", type_=stories.c.owner_id.type)

_replaced: Any = replacement_traverse  # typed as if it replaced everything

# Each condition looks only at the story of the statement around it (`correlate`), whatever else that statement reads.
owned: ColumnElement[bool] = stories.c.owner_id == viewer

friend: ColumnElement[bool] = (
    exists()
    .where(
        friendships.c.org_id == org,
        friendships.c.user_id == viewer,
        friendships.c.friend_id == stories.c.owner_id,
        friendships.c.confirmed,
    )
    .correlate(stories)
)

close_friend: ColumnElement[bool] = (
    exists()
    .where(
        close_friends.c.org_id == org,
        close_friends.c.user_id == stories.c.owner_id,
        close_friends.c.friend_id == viewer,
    )
    .correlate(stories)
)

listed: ColumnElement[bool] = (
    exists()
    .where(
        story_audience.c.org_id == org,
        story_audience.c.story_id == stories.c.id,
        story_audience.c.user_id == viewer,
    )
    .correlate(stories)
)

blocked: ColumnElement[bool] = or_(
    *(
        exists()
        .where(blocks.c.org_id == org, blocks.c.user_id == blocker, blocks.c.target_id == other)
        .correlate(stories)
        for blocker, other in ((viewer, stories.c.owner_id), (stories.c.owner_id, viewer))
    )
)

muted: ColumnElement[bool] = (
    exists()
    .where(mutes.c.org_id == org, mutes.c.user_id == viewer, mutes.c.target_id == stories.c.owner_id)
    .correlate(stories)
)

active: ColumnElement[bool] = and_(stories.c.status == Status.ACTIVE.value, clock() < stories.c.expires_at)
"""By the clock: from ``expires_at`` on a story is over, whether or not a job has run."""

admitted: ColumnElement[bool] = and_(
    ~blocked,
    or_(
        stories.c.visibility == Visibility.PUBLIC.value,
        and_(stories.c.visibility == Visibility.FRIENDS.value, friend),
        and_(stories.c.visibility == Visibility.CLOSE_FRIENDS.value, close_friend),
        and_(stories.c.visibility == Visibility.CUSTOM.value, listed),
    ),
)
"""The viewer, who is not the owner, belongs to the audience."""

visible: ColumnElement[bool] = and_(active, or_(owned, admitted))
"""The viewer sees the story among active ones."""

visible_to_others: ColumnElement[bool] = and_(active, ~owned, admitted)

followed: ColumnElement[bool] = and_(
    ~owned,
    admitted,
    ~muted,
    or_(
        friend,
        stories.c.visibility == Visibility.CUSTOM.value,
        and_(
            bindparam("feed_public", type_=friendships.c.confirmed.type),
            stories.c.visibility == Visibility.PUBLIC.value,
        ),
    ),
)
"""While it lasts, the story belongs in the viewer's feed: of friends, of those who listed them, by setting public."""

in_feed: ColumnElement[bool] = and_(active, followed)
"""The story is in the viewer's feed."""

access: ColumnElement[str] = case(
    (owned, literal(Access.OWNER.value)),
    (or_(stories.c.published_at.is_(None), ~admitted), literal(Access.HIDDEN.value)),
    (active, literal(Access.VISIBLE.value)),
    else_=literal(Access.GONE.value),
)
"""What the viewer may know of the story: an `Access`."""


reported: ColumnElement[bool] = exists().where(
    reports.c.org_id == org,
    reports.c.target_type == TargetType.STORY.value,
    reports.c.target_id == bindparam("target", type_=reports.c.target_id.type),
    reports.c.status == literal_column(f"'{ReportStatus.OPEN}'"),  # no parameter: the index is of open ones alone
)
"""A report of the story whose id is ``target``, as text, waits for a moderator, who may look at it."""

in_community: ColumnElement[bool] = and_(visible, ~muted)
"""The story is listed for everybody who sees it and has not muted its owner. Nobody mutes themselves."""


def of(condition: ColumnElement[Any], others: FromClause) -> ColumnElement[Any]:
    """The same condition of another alias of the stories, where one statement compares two of them."""
    adapted: ColumnElement[Any] = ClauseAdapter(others).traverse(condition)
    return adapted


def about(condition: ColumnElement[Any], others: Mapping[ColumnElement[Any], ColumnElement[Any]]) -> ColumnElement[Any]:
    """The same condition, asked of other columns: of many viewers in one statement, or of what a story was.

    What is put in stays as it is: columns without a table, or a condition within would read that table anew.
    """
    instead = {id(asked): other for asked, other in others.items()}
    changed: ColumnElement[Any] = _replaced(condition, {}, lambda part, **_: instead.get(id(part)))
    return changed

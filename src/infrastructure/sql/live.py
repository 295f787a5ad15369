"""Who may hear of events, of all who listen: one statement, made of the conditions of `visibility.py`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    String,
    and_,
    bindparam,
    func,
    literal,
    literal_column,
    or_,
    select,
    union,
    union_all,
)

from application.ports.live import Hearer
from domain.audience import Visibility
from domain.values import OrgId, UserId
from infrastructure.sql import visibility
from infrastructure.sql.database import Database
from infrastructure.sql.dialect import is_key, keys
from infrastructure.sql.past_audiences import EVERYBODY
from infrastructure.sql.tables import friendships, outbox, past_audiences, stories, story_audience

_PAIRS_MAX: Final = 100_000
"""Events times listeners in one statement: what it may have to answer, where public stories go to all."""

_org = visibility.org
_listening = bindparam("listening", type_=String())
_everybody = keys(_listening).table_valued("key", name="everybody")
_feed_public = bindparam("feed_public", type_=friendships.c.confirmed.type)

_told_of = and_(outbox.c.org_id == _org, outbox.c.position.between(bindparam("first"), bindparam("last")))
_of_story = and_(stories.c.org_id == outbox.c.org_id, stories.c.id == outbox.c.story_id)


def _column(of: str, name: str, like: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column by its name alone: a condition that is asked of it does not read its table anew."""
    return literal_column(f"{of}.{name}", like.type)


# --- whom a story may concern: from its owner to the few who follow, never from all who listen to all stories ---------


def _may_concern(story: FromClause, owner: Any, audience: Any, named: Select[Any], *more: Any) -> Any:
    """Listening friends of an owner, those who are named, and of public stories, by setting, everybody who listens."""
    friends = select(outbox.c.position, friendships.c.user_id, literal(value=False).label("named"), *more).select_from(
        story.join(friendships, and_(friendships.c.org_id == outbox.c.org_id, friendships.c.friend_id == owner))
    )
    everybody = select(outbox.c.position, _everybody.c.key, literal(value=False).label("named"), *more).select_from(
        story.join(_everybody, and_(_feed_public, audience == Visibility.PUBLIC.value))
    )
    return union(
        friends.where(_told_of, friendships.c.confirmed, is_key(_listening, friendships.c.user_id)),
        named.where(_told_of),
        everybody.where(_told_of),
    )


_of_stories = outbox.join(stories, _of_story)
_shown = _may_concern(
    _of_stories,
    stories.c.owner_id,
    stories.c.visibility,
    select(outbox.c.position, story_audience.c.user_id, literal(value=True).label("named"))
    .select_from(
        _of_stories.join(
            story_audience,
            and_(story_audience.c.org_id == outbox.c.org_id, story_audience.c.story_id == outbox.c.story_id),
        )
    )
    .where(is_key(_listening, story_audience.c.user_id)),
).subquery("shown")
_shown_to = {visibility.viewer: _column("shown", "user_id", visibility.viewer)}
_archived = outbox.c.type == "story.archived"
_SHOWN = (
    select(_shown.c.position, _shown.c.user_id, _archived.label("before"))
    .select_from(_shown.join(outbox, outbox.c.position == _shown.c.position).join(stories, _of_story))
    .where(
        _told_of,
        or_(
            and_(
                outbox.c.type.in_(("story.published", "story.updated")),
                visibility.about(visibility.in_feed, _shown_to),
            ),
            and_(_archived, stories.c.published_at.is_not(None), visibility.about(visibility.followed, _shown_to)),
        ),
    )
)

_of_past = outbox.join(
    past_audiences,
    and_(
        past_audiences.c.org_id == outbox.c.org_id,
        past_audiences.c.story_id == outbox.c.story_id,
        past_audiences.c.version == outbox.c.version,
    ),
)
_was = (past_audiences.c.owner_id, past_audiences.c.visibility)
_past = _may_concern(
    _of_past,
    past_audiences.c.owner_id,
    past_audiences.c.visibility,
    select(outbox.c.position, past_audiences.c.user_id, literal(value=True).label("named"), *_was)
    .select_from(_of_past)
    .where(past_audiences.c.user_id != EVERYBODY, is_key(_listening, past_audiences.c.user_id)),
    *_was,
).subquery("past")
_PAST = select(_past.c.position, _past.c.user_id, literal(value=True).label("before")).where(
    visibility.about(
        visibility.followed,
        {
            visibility.viewer: _column("past", "user_id", visibility.viewer),
            visibility.listed: _column("past", "named", visibility.listed),
            stories.c.owner_id: _column("past", "owner_id", stories.c.owner_id),
            stories.c.visibility: _column("past", "visibility", stories.c.visibility),
        },
    )
)

# --- what others did, for the owner and for whom the owner answers --------------------------------------------------


def _said(name: str) -> ColumnElement[str]:
    told: ColumnElement[str] = outbox.c.data[name].as_string()
    return told


_ABOUT_PEOPLE: Final = ("story.viewed", "story.reacted", "story.reaction_removed")
_actor = func.coalesce(_said("viewerId"), _said("userId"), _said("sender")).label("actor")
_addressed = union(
    select(outbox.c.position, stories.c.owner_id.label("user_id"), _actor)
    .select_from(_of_stories)
    .where(
        _told_of,
        or_(
            outbox.c.type == "story.replied",
            and_(outbox.c.type.in_(_ABOUT_PEOPLE), stories.c.frozen_at.is_(None)),
        ),
        is_key(_listening, stories.c.owner_id),
    ),
    select(outbox.c.position, _said("recipient").label("user_id"), _actor)
    .select_from(_of_stories)
    .where(_told_of, outbox.c.type == "story.replied", is_key(_listening, _said("recipient"))),
).subquery("addressed")
_between = {
    visibility.viewer: _column("addressed", "user_id", visibility.viewer),
    stories.c.owner_id: _column("addressed", "actor", stories.c.owner_id),
}
_ADDRESSED = select(_addressed.c.position, _addressed.c.user_id, literal(value=False).label("before")).where(
    ~visibility.about(visibility.blocked, _between), ~visibility.about(visibility.muted, _between)
)

_HEARERS = union_all(_SHOWN.distinct(), _PAST.distinct(), _ADDRESSED)


@dataclass(frozen=True, slots=True)
class SqlLiveAudience:
    """As `LiveAudience`.

    Attributes:
        public: whether public stories of strangers belong in feeds.
    """

    database: Database
    public: bool

    async def hearers(self, org: OrgId, positions: Sequence[int], listening: Collection[UserId]) -> Sequence[Hearer]:
        """As `LiveAudience`."""
        listed = msgspec.json.encode(dict.fromkeys(listening, 1)).decode()
        parameters = {"org": org, "listening": listed, "feed_public": self.public}
        at_once = max(1, _PAIRS_MAX // max(1, len(listening)))
        found: list[Hearer] = []
        async with self.database.read(org) as connection:
            for start in range(0, len(positions), at_once):
                some = positions[start : start + at_once]
                rows = await connection.execute(_HEARERS, {**parameters, "first": some[0], "last": some[-1]})
                found += [Hearer(row[0], row[1], bool(row[2])) for row in rows]
        return found

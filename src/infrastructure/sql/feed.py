"""Feeds in SQL: which stories are in one, and what they are ranked by. Only active stories are read, by their index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Float, and_, bindparam, cast, func, select, union

from application.caller import Caller
from application.queries.cards import StoryCard
from application.queries.get_recommended_feed import Candidate
from domain.audience import Visibility
from domain.ranking import HOT_HALF_LIFE_SECONDS
from domain.story import Status
from domain.values import StoryId
from infrastructure.sql import visibility
from infrastructure.sql.affinities import faded, pair_sums
from infrastructure.sql.cards import MediaLinks, select_cards, to_card
from infrastructure.sql.database import Database
from infrastructure.sql.dialect import clock, seconds_between
from infrastructure.sql.facts import engagement
from infrastructure.sql.readers import count_of, who
from infrastructure.sql.tables import friendships, stories, story_audience, story_stats

_org, _viewer = visibility.org, visibility.viewer
_feed_public = bindparam("feed_public", type_=friendships.c.confirmed.type)

# --- membership: from the few (friends, listings) to their active stories, never from all stories to the few ---------

_of_friends = (
    select(stories.c.id)
    .select_from(
        friendships.join(
            stories, and_(stories.c.org_id == friendships.c.org_id, stories.c.owner_id == friendships.c.friend_id)
        )
    )
    .where(friendships.c.org_id == _org, friendships.c.user_id == _viewer, friendships.c.confirmed)
)
_listing_me = (
    select(stories.c.id)
    .select_from(
        story_audience.join(
            stories, and_(stories.c.org_id == story_audience.c.org_id, stories.c.id == story_audience.c.story_id)
        )
    )
    .where(story_audience.c.org_id == _org, story_audience.c.user_id == _viewer)
)
_public = select(stories.c.id).where(
    stories.c.org_id == _org, _feed_public, stories.c.visibility == Visibility.PUBLIC.value
)
_MEMBERS = union(
    *(
        members.where(stories.c.status == Status.ACTIVE.value, visibility.in_feed)
        for members in (_of_friends, _listing_me, _public)
    )
).cte("members")

_COUNT = select(func.count()).select_from(_MEMBERS)
_FEED = (
    select_cards()
    .where(stories.c.id.in_(select(_MEMBERS.c.id)))
    .order_by(stories.c.created_at.desc(), stories.c.id.desc())
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)
_CARDS = select_cards().where(stories.c.id.in_(bindparam("ids", expanding=True)), visibility.in_feed)

# --- what they are ranked by ---------------------------------------------------------------------------------------

_given = pair_sums("actor")
_received = pair_sums("owner")

_done = engagement("done", lambda table, _: (table.c.org_id == _org, table.c.story_id.in_(select(_MEMBERS.c.id))))
_worth = (
    select(
        _done.c.story,
        func.sum(_done.c.points).label("points"),
        func.sum(_done.c.points * faded(_done.c.at, HOT_HALF_LIFE_SECONDS)).label("hot"),
    )
    .group_by(_done.c.story)
    .cte("worth")
)

_mine, _theirs = friendships.alias("mine"), friendships.alias("theirs")
_authors = (
    select(stories.c.owner_id)
    .distinct()
    .where(stories.c.org_id == _org, stories.c.id.in_(select(_MEMBERS.c.id)))
    .cte("authors")
)
_mutual = (
    select(_theirs.c.user_id.label("author"), func.count().label("friends"))
    .select_from(
        _mine.join(
            _theirs,
            and_(_theirs.c.org_id == _mine.c.org_id, _theirs.c.friend_id == _mine.c.friend_id, _theirs.c.confirmed),
        )
    )
    .where(
        _mine.c.org_id == _org,
        _mine.c.user_id == _viewer,
        _mine.c.confirmed,
        _theirs.c.user_id.in_(select(_authors.c.owner_id)),
    )
    .group_by(_theirs.c.user_id)
    .cte("mutual")
)

_CANDIDATES = select(
    stories.c.id,
    stories.c.created_at,
    seconds_between(clock(), stories.c.created_at).label("age"),
    stories.c.lifetime_seconds,
    visibility.friend.label("friend"),
    visibility.close_friend.label("close_friend"),
    func.coalesce(_mutual.c.friends, 0).label("mutual"),
    *(
        cast(func.coalesce(column, 0.0), Float).label(name)
        for name, column in {
            "received": _received.c.points,
            "given": _given.c.points,
            "engaged": _given.c.engaged,
            "chances": _given.c.chances,
            "points": _worth.c.points,
            "hot": _worth.c.hot,
        }.items()
    ),
    story_stats.c.views,
).select_from(
    _MEMBERS.join(stories, and_(stories.c.org_id == _org, stories.c.id == _MEMBERS.c.id))
    .join(story_stats, and_(story_stats.c.org_id == _org, story_stats.c.story_id == stories.c.id))
    .outerjoin(_given, _given.c.other == stories.c.owner_id)
    .outerjoin(_received, _received.c.other == stories.c.owner_id)
    .outerjoin(_worth, _worth.c.story == stories.c.id)
    .outerjoin(_mutual, _mutual.c.author == stories.c.owner_id)
)


@dataclass(frozen=True, slots=True)
class SqlFeedReader:
    """Reads feeds.

    Attributes:
        public: whether public stories of strangers belong in them.
    """

    database: Database
    links: MediaLinks
    public: bool

    async def feed(self, caller: Caller, *, offset: int, limit: int) -> tuple[Sequence[StoryCard], int]:
        """As `FeedReader`."""
        parameters = {**who(caller), "feed_public": self.public}
        async with self.database.read(caller.org) as connection:
            rows = (await connection.execute(_FEED, {**parameters, "offset": offset, "limit": limit})).all()
            total = await count_of(connection, _COUNT, parameters)
        return [to_card(row, caller, self.links) for row in rows], total

    async def candidates(self, caller: Caller) -> Sequence[Candidate]:
        """As `CandidateReader`."""
        async with self.database.read(caller.org) as connection:
            rows = await connection.execute(_CANDIDATES, {**who(caller), "feed_public": self.public})
            return [
                Candidate(
                    story_id=row.id,
                    created_at=row.created_at,
                    age_seconds=row.age,
                    lifetime_seconds=row.lifetime_seconds,
                    friend=bool(row.friend),
                    close_friend=bool(row.close_friend),
                    mutual_friends=row.mutual,
                    points_received=row.received,
                    points_given=row.given,
                    engaged=row.engaged,
                    chances=row.chances,
                    story_points=row.points,
                    story_hot=row.hot,
                    story_views=row.views,
                )
                for row in rows
            ]

    async def feed_cards(self, caller: Caller, ids: Sequence[StoryId]) -> Mapping[StoryId, StoryCard]:
        """As `CandidateReader`."""
        async with self.database.read(caller.org) as connection:
            rows = await connection.execute(_CARDS, {**who(caller), "feed_public": self.public, "ids": ids})
            return {row.id: to_card(row, caller, self.links) for row in rows}

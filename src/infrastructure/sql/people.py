"""The read side of people: who viewed, who wrote, who is a friend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    FromClause,
    Row,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    union,
)

from application.caller import Caller
from application.ports.stories import StoryAccess
from application.queries.list_blocks import Block
from application.queries.list_friends import Friend
from application.queries.list_replies import Direction, ReplyItem
from application.queries.list_viewers import Insights, Totals, Viewer, ViewerOrder
from application.queries.times import timestamp
from domain.content import STILL_SECONDS
from domain.engagement import Reaction, ViewQuality
from domain.errors import StoryNotFoundError
from domain.friendship import FriendshipStatus
from domain.story import Access
from domain.values import StoryId
from infrastructure.sql import visibility
from infrastructure.sql.archives import INSIGHTS
from infrastructure.sql.database import Database
from infrastructure.sql.readers import count_of, who
from infrastructure.sql.stories import ACCESS
from infrastructure.sql.tables import (
    blocks,
    friendships,
    profiles,
    replies,
    stories,
    story_reactions,
    story_stats,
    story_views,
)

_org, _viewer = visibility.org, visibility.viewer
_story: BindParameter[UUID] = bindparam("story", type_=stories.c.id.type)
_limit: BindParameter[int] = bindparam("limit")
_offset: BindParameter[int] = bindparam("offset")
_profile_columns = (profiles.c.username, profiles.c.full_name, profiles.c.avatar_url)


def _with_profile(source: FromClause, user: ColumnElement[Any]) -> FromClause:
    return source.outerjoin(profiles, and_(profiles.c.org_id == _org, profiles.c.user_id == user))


# --- viewers ------------------------------------------------------------------------------------------------------

_length = func.coalesce(stories.c.duration_seconds, STILL_SECONDS)
_of_this_story = and_(story_views.c.org_id == _org, story_views.c.story_id == _story)
_views_of_story = story_views.join(
    stories, and_(stories.c.org_id == story_views.c.org_id, stories.c.id == story_views.c.story_id)
)
_reacted = func.coalesce(or_(story_reactions.c.feeling.is_not(None), story_reactions.c.shared), False)
_replied = (
    exists()
    .where(replies.c.org_id == _org, replies.c.story_id == _story, replies.c.sender_id == story_views.c.viewer_id)
    .correlate(story_views)
)
_search: ColumnElement[str | None] = bindparam("search", type_=profiles.c.username.type)
_searched = or_(
    _search.is_(None),
    *(
        func.lower(column).like(_search, escape="\\")
        for column in (story_views.c.viewer_id, profiles.c.username, profiles.c.full_name)
    ),
)
_viewers_from = _with_profile(
    _views_of_story.outerjoin(
        story_reactions,
        and_(
            story_reactions.c.org_id == story_views.c.org_id,
            story_reactions.c.story_id == story_views.c.story_id,
            story_reactions.c.user_id == story_views.c.viewer_id,
        ),
    ),
    story_views.c.viewer_id,
)
_VIEWERS = (
    select(
        story_views.c.viewer_id,
        *_profile_columns,
        story_views.c.viewed_at,
        story_views.c.duration_seconds,
        _length.label("length"),
        _reacted.label("reacted"),
        _replied.label("replied"),
        story_reactions.c.feeling,
        story_reactions.c.shared,
    )
    .select_from(_viewers_from)
    .where(_of_this_story, _searched)
    .limit(_limit)
    .offset(_offset)
)
_recent = (story_views.c.viewed_at.desc(), story_views.c.viewer_id)
_VIEWERS_BY: Mapping[ViewerOrder, Any] = {
    ViewerOrder.RECENT: _VIEWERS.order_by(*_recent),
    ViewerOrder.DURATION: _VIEWERS.order_by(story_views.c.duration_seconds.desc(), *_recent),
    ViewerOrder.REACTED: _VIEWERS.order_by(case((_reacted, 0), else_=1), *_recent),
}
_COUNT_VIEWERS = select(func.count()).select_from(_viewers_from).where(_of_this_story, _searched)
_TOTALS = (
    select(
        story_stats.c.views,
        story_stats.c.replies,
        *(story_stats.c[kind.value] for kind in Reaction),
        stories.c.insights,
        *INSIGHTS,
    )
    .select_from(
        stories.join(
            story_stats, and_(story_stats.c.org_id == stories.c.org_id, story_stats.c.story_id == stories.c.id)
        ).outerjoin(story_views, and_(story_views.c.org_id == stories.c.org_id, story_views.c.story_id == stories.c.id))
    )
    .where(stories.c.org_id == _org, stories.c.id == _story)
    .group_by(stories.c.id, stories.c.insights, *story_stats.c)
)

# --- replies ------------------------------------------------------------------------------------------------------

_mine_to_read = or_(replies.c.owner_id == _viewer, replies.c.thread_id == _viewer)
_about_story = and_(replies.c.org_id == _org, replies.c.story_id == _story, _mine_to_read)
_REPLIES = select(
    replies.c.id,
    replies.c.story_id,
    replies.c.sender_id,
    replies.c.recipient_id,
    *_profile_columns,
    replies.c.content,
    replies.c.created_at,
).select_from(_with_profile(replies, replies.c.sender_id))
_REPLIES_ABOUT = _REPLIES.where(_about_story).order_by(replies.c.created_at, replies.c.id).limit(_limit).offset(_offset)
_COUNT_REPLIES_ABOUT = select(func.count()).select_from(replies).where(_about_story)
_side = {Direction.RECEIVED: replies.c.recipient_id, Direction.SENT: replies.c.sender_id}
_REPLIES_OF = {
    direction: _REPLIES.where(replies.c.org_id == _org, side == _viewer)
    .order_by(replies.c.created_at.desc(), replies.c.id.desc())
    .limit(_limit)
    .offset(_offset)
    for direction, side in _side.items()
}
_COUNT_REPLIES_OF = {
    direction: select(func.count()).select_from(replies).where(replies.c.org_id == _org, side == _viewer)
    for direction, side in _side.items()
}

# --- friends ------------------------------------------------------------------------------------------------------

_put = select(
    friendships.c.friend_id.label("other"),
    case(
        (friendships.c.confirmed, literal(FriendshipStatus.CONFIRMED.value)),
        else_=literal(FriendshipStatus.REQUESTED.value),
    ).label("status"),
).where(friendships.c.org_id == _org, friendships.c.user_id == _viewer)
_got = select(friendships.c.user_id.label("other"), literal(FriendshipStatus.PENDING.value).label("status")).where(
    friendships.c.org_id == _org, friendships.c.friend_id == _viewer, ~friendships.c.confirmed
)
_others = union(_put, _got).subquery("others")
_FRIENDS = (
    select(_others.c.other, _others.c.status, *_profile_columns)
    .select_from(_with_profile(_others, _others.c.other))
    .order_by(_others.c.other)
    .limit(_limit)
    .offset(_offset)
)
_COUNT_FRIENDS = select(func.count()).select_from(_others)

# --- blocks -------------------------------------------------------------------------------------------------------

_blocked_by_me = and_(blocks.c.org_id == _org, blocks.c.user_id == _viewer)
_BLOCKS = (
    select(blocks.c.target_id, blocks.c.reason, blocks.c.created_at, *_profile_columns)
    .select_from(_with_profile(blocks, blocks.c.target_id))
    .where(_blocked_by_me)
    .order_by(blocks.c.target_id)
    .limit(_limit)
    .offset(_offset)
)
_COUNT_BLOCKS = select(func.count()).select_from(blocks).where(_blocked_by_me)


@dataclass(frozen=True, slots=True)
class SqlPeopleReader:
    """Reads what people did, for those it is told."""

    database: Database

    async def access(self, caller: Caller, story_id: StoryId) -> StoryAccess | None:
        """As `ViewersReader`."""
        async with self.database.read(caller.org) as connection:
            row = (await connection.execute(ACCESS, {**who(caller), "story": story_id})).one_or_none()
        return None if row is None else StoryAccess(Access(row[0]), row[1], row[2])

    async def viewers(
        self, caller: Caller, story_id: StoryId, *, search: str | None, order: ViewerOrder, offset: int, limit: int
    ) -> tuple[Sequence[Viewer], int]:
        """As `ViewersReader`."""
        question = {**who(caller), "story": story_id, "search": None if search is None else _containing(search)}
        async with self.database.read(caller.org) as connection:
            rows = (await connection.execute(_VIEWERS_BY[order], {**question, "offset": offset, "limit": limit})).all()
            total = await count_of(connection, _COUNT_VIEWERS, question)
        return [_to_viewer(row) for row in rows], total

    async def totals(self, caller: Caller, story_id: StoryId) -> Totals:
        """As `ViewersReader`."""
        async with self.database.read(caller.org) as connection:
            row = (await connection.execute(_TOTALS, {**who(caller), "story": story_id})).one_or_none()
        if row is None:
            raise StoryNotFoundError
        counts = {kind: count for kind in Reaction if (count := getattr(row, kind.value))}
        seen = row.insights or row._asdict()
        return Totals(
            viewers=row.views,
            reactions=sum(counts.values()),
            replies=row.replies,
            insights=Insights(
                average_view_duration_seconds=round(float(seen["average"]), 3),
                quality={
                    ViewQuality.LOW: seen["low"],
                    ViewQuality.MEDIUM: seen["medium"],
                    ViewQuality.HIGH: seen["high"],
                },
                reaction_counts=counts,
            ),
        )

    async def about_story(
        self, caller: Caller, story_id: StoryId, *, offset: int, limit: int
    ) -> tuple[Sequence[ReplyItem], int]:
        """As `RepliesReader`."""
        question = {**who(caller), "story": story_id}
        async with self.database.read(caller.org) as connection:
            rows = (await connection.execute(_REPLIES_ABOUT, {**question, "offset": offset, "limit": limit})).all()
            total = await count_of(connection, _COUNT_REPLIES_ABOUT, question)
        return [_to_reply(row) for row in rows], total

    async def of_user(
        self, caller: Caller, direction: Direction, *, offset: int, limit: int
    ) -> tuple[Sequence[ReplyItem], int]:
        """As `RepliesReader`."""
        page = {**who(caller), "offset": offset, "limit": limit}
        async with self.database.read(caller.org) as connection:
            rows = (await connection.execute(_REPLIES_OF[direction], page)).all()
            total = await count_of(connection, _COUNT_REPLIES_OF[direction], who(caller))
        return [_to_reply(row) for row in rows], total

    async def friends(self, caller: Caller, *, offset: int, limit: int) -> tuple[Sequence[Friend], int]:
        """As `FriendsReader`."""
        async with self.database.read(caller.org) as connection:
            rows = (await connection.execute(_FRIENDS, {**who(caller), "offset": offset, "limit": limit})).all()
            total = await count_of(connection, _COUNT_FRIENDS, who(caller))
        return [
            Friend(
                user_id=row.other,
                username=row.username or row.other,
                full_name=row.full_name,
                avatar_url=row.avatar_url,
                status=FriendshipStatus(row.status),
            )
            for row in rows
        ], total

    async def blocks(self, caller: Caller, *, offset: int, limit: int) -> tuple[Sequence[Block], int]:
        """As `BlocksReader`."""
        async with self.database.read(caller.org) as connection:
            rows = (await connection.execute(_BLOCKS, {**who(caller), "offset": offset, "limit": limit})).all()
            total = await count_of(connection, _COUNT_BLOCKS, who(caller))
        return [
            Block(
                target_id=row.target_id,
                username=row.username or row.target_id,
                full_name=row.full_name,
                avatar_url=row.avatar_url,
                reason=row.reason,
                created_at=row.created_at and timestamp(row.created_at),
            )
            for row in rows
        ], total


def _containing(text: str) -> str:
    """A pattern for what holds the text, letter for letter, whatever its case."""
    literally = text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{literally}%"


def _to_viewer(row: Row[Any]) -> Viewer:
    return Viewer(
        user_id=row.viewer_id,
        username=row.username or row.viewer_id,
        full_name=row.full_name,
        avatar_url=row.avatar_url,
        viewed_at=timestamp(row.viewed_at),
        view_duration_seconds=row.duration_seconds,
        view_quality=ViewQuality.of(row.duration_seconds, row.length),
        has_reacted=bool(row.reacted),
        has_replied=bool(row.replied),
        reaction=Reaction(row.feeling) if row.feeling else None,
        shared=bool(row.shared),
    )


def _to_reply(row: Any) -> ReplyItem:
    return ReplyItem(
        reply_id=row.id,
        story_id=row.story_id,
        sender=row.sender_id,
        to=row.recipient_id,
        username=row.username or row.sender_id,
        full_name=row.full_name,
        avatar_url=row.avatar_url,
        content=row.content,
        created_at=timestamp(row.created_at),
    )

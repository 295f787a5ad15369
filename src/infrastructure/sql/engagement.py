"""Views, reactions and replies as rows, and their counts beside the story."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Update, bindparam, exists, insert, literal, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from application.ports.stories import FirstView
from domain.engagement import Reaction, Reactions, Reply
from domain.errors import StoryExpiredError, StoryNotFoundError
from domain.values import OrgId, StoryId, UserId
from infrastructure.sql import visibility
from infrastructure.sql.dialect import clock, upsert_into
from infrastructure.sql.locks import engage_with_story
from infrastructure.sql.tables import replies, stories, story_reactions, story_stats, story_views

_ENGINES = ("postgresql", "sqlite")


def _count(**steps: ColumnElement[int]) -> Update:
    return (
        update(story_stats)
        .where(story_stats.c.org_id == bindparam("of_org"), story_stats.c.story_id == bindparam("of_story"))
        .values({story_stats.c[name]: story_stats.c[name] + step for name, step in steps.items()})
    )


_VIEW_COLUMNS = ("org_id", "story_id", "viewer_id", "owner_id", "viewed_at", "duration_seconds")
_RECORD_VIEW = {
    engine: upsert_into(story_views, engine)
    .from_select(
        _VIEW_COLUMNS,
        select(
            stories.c.org_id,
            stories.c.id,
            visibility.viewer.label("viewer_id"),
            stories.c.owner_id,
            clock().label("viewed_at"),
            bindparam("duration", type_=story_views.c.duration_seconds.type).label("duration_seconds"),
        ).where(
            stories.c.org_id == visibility.org,
            stories.c.id == bindparam("story"),
            visibility.visible_to_others,
        ),
    )
    .on_conflict_do_nothing()
    .returning(story_views.c.owner_id, story_views.c.viewed_at)
    for engine in _ENGINES
}
_EXTEND_VIEW = (
    update(story_views)
    .where(
        story_views.c.org_id == bindparam("of_org"),
        story_views.c.story_id == bindparam("of_story"),
        story_views.c.viewer_id == bindparam("of_viewer"),
        story_views.c.duration_seconds < bindparam("duration"),
    )
    .values(duration_seconds=bindparam("duration"))
)
_COUNT_VIEW = _count(views=literal(1))
_COUNT_REPLY = _count(replies=literal(1))
_COUNT_REACTIONS = _count(**{reaction.value: bindparam(f"step_{reaction.value}") for reaction in Reaction})

_STORY_OWNER = (
    select(stories.c.owner_id)
    .where(stories.c.org_id == bindparam("org"), stories.c.id == bindparam("story"))
    .with_for_update(read=True, key_share=True)
)
_OPEN_REACTIONS = {
    engine: upsert_into(story_reactions, engine).on_conflict_do_nothing().values(reacted_at=clock())
    for engine in _ENGINES
}
_REACTIONS = (
    select(story_reactions.c.feeling, story_reactions.c.shared)
    .where(
        story_reactions.c.org_id == bindparam("org"),
        story_reactions.c.story_id == bindparam("story"),
        story_reactions.c.user_id == bindparam("user"),
    )
    .with_for_update()
)
_SAVE_REACTIONS = (
    update(story_reactions)
    .where(
        story_reactions.c.org_id == bindparam("of_org"),
        story_reactions.c.story_id == bindparam("of_story"),
        story_reactions.c.user_id == bindparam("of_user"),
    )
    .values(reacted_at=clock())
)

_INSERT_REPLY = insert(replies)
_THREAD = select(
    exists().where(
        replies.c.org_id == bindparam("org"),
        replies.c.story_id == bindparam("story"),
        replies.c.thread_id == bindparam("thread"),
    )
)


class SqlViews:
    """As `Views`."""

    def __init__(self, connection: AsyncConnection, org: OrgId) -> None:
        self._connection, self._org = connection, org

    async def record(self, story_id: StoryId, viewer: UserId, duration_seconds: float) -> FirstView | None:
        """As `Views`."""
        await engage_with_story(self._connection, story_id)
        parameters = {"org": self._org, "story": story_id, "viewer": viewer, "duration": duration_seconds}
        try:
            row = (await self._connection.execute(_of(_RECORD_VIEW, self._connection), parameters)).one_or_none()
        except IntegrityError:  # the story was deleted while the view was written
            raise StoryNotFoundError from None
        if row is None:
            return None
        await self._connection.execute(_COUNT_VIEW, {"of_org": self._org, "of_story": story_id})
        return FirstView(owner=row[0], at=row[1])

    async def extend(self, story_id: StoryId, viewer: UserId, duration_seconds: float) -> None:
        """As `Views`."""
        key = {"of_org": self._org, "of_story": story_id, "of_viewer": viewer}
        await self._connection.execute(_EXTEND_VIEW, {**key, "duration": duration_seconds})


class SqlReactions:
    """As `ReactionBook`. A row is opened before it is read, so that there is one to hold on to."""

    def __init__(self, connection: AsyncConnection, org: OrgId) -> None:
        self._connection, self._org = connection, org

    async def get(self, story_id: StoryId, user: UserId) -> Reactions:
        """As `ReactionBook`."""
        await engage_with_story(self._connection, story_id)
        key = {"org": self._org, "story": story_id}
        owner = (await self._connection.execute(_STORY_OWNER, key)).scalar_one_or_none()
        if owner is None:
            raise StoryNotFoundError
        row = {"org_id": self._org, "story_id": story_id, "user_id": user, "owner_id": owner, "shared": False}
        await self._connection.execute(_of(_OPEN_REACTIONS, self._connection), row)
        said = (await self._connection.execute(_REACTIONS, {**key, "user": user})).one_or_none()
        if said is None:  # it was forgotten while this waited for it: the story was archived some time ago
            raise StoryExpiredError
        return Reactions(Reaction(said.feeling) if said.feeling else None, said.shared)

    async def save(self, story_id: StoryId, user: UserId, before: Reactions, after: Reactions) -> None:
        """As `ReactionBook`."""
        if after == before:
            return
        key = {"of_org": self._org, "of_story": story_id}
        await self._connection.execute(
            _SAVE_REACTIONS,
            {**key, "of_user": user, "feeling": after.feeling and after.feeling.value, "shared": after.shared},
        )
        await self._connection.execute(_COUNT_REACTIONS, {**key, **_steps(before, after)})


class SqlReplies:
    """As `Replies`."""

    def __init__(self, connection: AsyncConnection, org: OrgId) -> None:
        self._connection, self._org = connection, org

    async def add(self, reply: Reply) -> None:
        """As `Replies`."""
        await engage_with_story(self._connection, reply.story)
        owner = reply.recipient if reply.sender == reply.thread else reply.sender
        try:
            await self._connection.execute(
                _INSERT_REPLY,
                {
                    "org_id": self._org,
                    "id": reply.id,
                    "story_id": reply.story,
                    "owner_id": owner,
                    "thread_id": reply.thread,
                    "sender_id": reply.sender,
                    "recipient_id": reply.recipient,
                    "content": reply.content,
                    "created_at": reply.at,
                },
            )
        except IntegrityError:  # the story was deleted while the reply was written
            raise StoryNotFoundError from None
        await self._connection.execute(_COUNT_REPLY, {"of_org": self._org, "of_story": reply.story})

    async def thread_exists(self, story_id: StoryId, thread: UserId) -> bool:
        """As `Replies`."""
        key = {"org": self._org, "story": story_id, "thread": thread}
        return bool((await self._connection.execute(_THREAD, key)).scalar_one())


def _of(statements: Mapping[str, Any], connection: AsyncConnection) -> Any:
    return statements[connection.dialect.name]


def _steps(before: Reactions, after: Reactions) -> dict[str, int]:
    return {f"step_{reaction.value}": (reaction in after) - (reaction in before) for reaction in Reaction}

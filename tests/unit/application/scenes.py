"""What tests of use cases look at and turn by hand: cards, events, the bin, and time where the stage cannot."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from msgspec import structs
from sqlalchemy import select, update

from application.caller import Caller
from application.commands.react_to_story import ReactToStory
from application.commands.reply_to_story import ReplyToStory
from application.commands.track_view import TrackView
from application.policies.empty_bin import LEASE_SECONDS
from application.ports.people import Role
from application.queries.cards import OwnerStoryCard, StoryCard
from application.queries.get_story import GetStory
from domain.engagement import Reaction
from domain.errors import StoryExpiredError, StoryNotFoundError
from domain.events import UserErased
from domain.story import Access
from domain.values import MediaFileId, ReplyId, StoryId, UserId
from infrastructure.sql.dialect import seconds_from_now
from infrastructure.sql.tables import erasures, objects, stories, uploads
from tests.stage import Stage

DAY = 86_400


async def card(stage: Stage, who: str, story_id: StoryId) -> StoryCard:
    """The story as somebody sees it."""
    return await stage.container.get_story()(GetStory(caller=stage.caller(who), story_id=story_id))


async def own_card(stage: Stage, story_id: StoryId, owner: str = "alice") -> OwnerStoryCard:
    """The story as its owner sees it."""
    found = await card(stage, owner, story_id)
    assert isinstance(found, OwnerStoryCard)
    return found


def as_admin(stage: Stage, who: str) -> Caller:
    """Somebody with the role of an admin."""
    return structs.replace(stage.caller(who), roles=frozenset({Role.ADMIN}))


async def access(stage: Stage, who: str, story_id: StoryId) -> Access:
    """What somebody learns of a story by asking for it."""
    try:
        found = await card(stage, who, story_id)
    except StoryNotFoundError:
        return Access.HIDDEN
    except StoryExpiredError:
        return Access.GONE
    return Access.OWNER if isinstance(found, OwnerStoryCard) else Access.VISIBLE


async def told(stage: Stage, story_id: StoryId) -> list[str]:
    """The types of the events of a story, oldest first."""
    return [event.type for event in await stage.events(story_id)]


async def last_event(stage: Stage, story_id: StoryId) -> Any:
    """The youngest event of a story."""
    return (await stage.events(story_id))[-1]


async def view(stage: Stage, who: str, story_id: StoryId, seconds: float = 1.0) -> None:
    """Somebody watches a story."""
    await stage.container.track_view()(TrackView(caller=stage.caller(who), story_id=story_id, duration_seconds=seconds))


async def react(stage: Stage, who: str, story_id: StoryId, reaction: Reaction = Reaction.LIKE) -> None:
    """Somebody reacts to a story."""
    await stage.container.react_to_story()(ReactToStory(caller=stage.caller(who), story_id=story_id, reaction=reaction))


async def reply(stage: Stage, who: str, story_id: StoryId, content: str = "Hi!", to: str | None = None) -> ReplyId:
    """Somebody writes about a story."""
    return await stage.container.reply_to_story()(
        ReplyToStory(
            caller=stage.caller(who), story_id=story_id, content=content, to=None if to is None else UserId(to)
        )
    )


async def erased(stage: Stage, who: str) -> None:
    """It is told that nothing is left of somebody."""
    async with stage.container.unit_of_work().begin(stage.org) as tx:
        await tx.publish(UserErased(org=stage.org, at=await tx.clock(), user=UserId(who)))


async def all_story_ids(stage: Stage) -> list[StoryId]:
    """Every story there is."""
    async with stage.container.database().read(None) as connection:
        return [StoryId(story_id) for (story_id,) in await connection.execute(select(stories.c.id))]


async def let_upload_expire(stage: Stage, media_file: MediaFileId) -> None:
    """A day and a moment pass for an upload and its bytes."""
    async with stage.container.database().write(None) as connection:
        row = (await connection.execute(select(uploads).where(uploads.c.id == media_file))).one()
        over = row.expires_at - timedelta(days=1, seconds=1)
        await connection.execute(update(uploads).where(uploads.c.id == media_file).values(expires_at=over))
        await connection.execute(
            update(objects)
            .where(objects.c.object_key == row.object_key, objects.c.delete_after.is_not(None))
            .values(delete_after=over)
        )


async def empty_bin_after_days(stage: Stage) -> None:
    """Days pass for all objects that are not in use, and the bin is emptied."""
    async with stage.container.database().write(None) as connection:
        await connection.execute(
            update(objects).where(objects.c.delete_after.is_not(None)).values(delete_after=seconds_from_now(-1.0))
        )
    await stage.container.empty_bin()()


async def let_leases_end(stage: Stage) -> None:
    """Whoever holds work, people to erase, or objects to delete, has held them for too long."""
    async with stage.container.database().write(None) as connection:
        await connection.execute(
            update(stories)
            .where(stories.c.processing_due_at.is_not(None))
            .values(processing_due_at=stories.c.created_at)
        )
        await connection.execute(
            update(objects)
            .where(objects.c.delete_after < seconds_from_now(LEASE_SECONDS))
            .values(delete_after=seconds_from_now(-1.0))
        )
        await connection.execute(update(erasures).values(due_at=seconds_from_now(-1.0)))

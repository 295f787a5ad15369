"""Deleting: the rows now, the bytes by the bin, and nothing is left."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import Table, func, select

from application.commands.delete_story import DeleteStory
from application.policies.dispatch_events import DispatchEvents
from application.ports.work import Policy
from domain.audience import Visibility
from domain.errors import StoryNotFoundError
from domain.values import StoryId
from infrastructure.sql.tables import (
    replies,
    stories,
    story_audience,
    story_reactions,
    story_stats,
    story_views,
)
from tests.stage import Stage
from tests.unit.application.doubles import MemoryObjects, RecordingWakeups
from tests.unit.application.scenes import react, reply, told, view

HANGS_ON_A_STORY: tuple[Table, ...] = (
    stories,
    story_audience,
    story_reactions,
    story_stats,
    story_views,
    replies,
)


async def delete(stage: Stage, story_id: StoryId) -> None:
    await stage.container.delete_story()(DeleteStory(caller=stage.caller("alice"), story_id=story_id))


async def rows(stage: Stage) -> dict[str, int]:
    """How many rows there are of stories and what hangs on them."""
    async with stage.container.database().read(None) as connection:
        return {
            table.name: (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            for table in HANGS_ON_A_STORY
        }


async def test_views_reactions_replies_and_the_audience_go_with_the_story(stage: Stage) -> None:
    story_id = await stage.post_text("alice", visibility=Visibility.CUSTOM, allowed=frozenset({"bob"}))
    await view(stage, "bob", story_id)
    await react(stage, "bob", story_id)
    await reply(stage, "bob", story_id)
    assert set((await rows(stage)).values()) == {1}
    await delete(stage, story_id)
    assert set((await rows(stage)).values()) == {0}


async def test_all_other_stories_stay(stage: Stage) -> None:
    kept, story_id = await stage.post_text("alice"), await stage.post_text("alice")
    await delete(stage, story_id)
    assert (await rows(stage))["stories"] == 1
    assert await told(stage, kept) == ["story.created", "story.published"]


async def test_the_deletion_is_the_last_thing_told_of_a_story(stage: Stage) -> None:
    story_id = await stage.post_text("alice")
    await delete(stage, story_id)
    events = await stage.events(story_id)
    assert [(event.type, event.version) for event in events] == [
        ("story.created", 1),
        ("story.published", 2),
        ("story.deleted", 3),
    ]


@pytest.mark.parametrize("processed", [True, False])
async def test_all_bytes_of_a_deleted_story_are_given_to_the_bin(
    stage: Stage, objects: MemoryObjects, *, processed: bool
) -> None:
    kept = await stage.post_image("alice")
    story_id = await stage.post_image("alice", processed=processed)
    await delete(stage, story_id)
    await stage.container.empty_bin()()
    assert sorted(objects.held.values()) == [b"rendition 0", b"thumbnail 0"]
    await delete(stage, kept)
    await stage.container.empty_bin()()
    assert objects.held == {}


async def test_the_bin_is_emptied_soon_after(stage: Stage, wakeups: RecordingWakeups) -> None:
    story_id = await stage.post_text("alice")
    await delete(stage, story_id)
    await stage.container.sequence_events()()
    await DispatchEvents(stage.container.unit_of_work(), wakeups)()
    assert wakeups.of(Policy.EMPTY_BIN) == [story_id]


async def test_of_two_who_delete_at_once_one_finds_it_gone(stage: Stage) -> None:
    story_id = await stage.post_text("alice")
    both = await asyncio.gather(delete(stage, story_id), delete(stage, story_id), return_exceptions=True)
    assert [type(each) for each in both if each is not None] == [StoryNotFoundError]
    assert (await told(stage, story_id)).count("story.deleted") == 1

"""Archiving by hand: once, and never against the clock."""

from __future__ import annotations

import asyncio

from application.commands.archive_story import ArchiveStory
from domain.story import Access, ArchiveReason, Status
from domain.values import StoryId
from tests.stage import Stage
from tests.unit.application.doubles import MemoryObjects
from tests.unit.application.scenes import DAY, access, last_event, own_card, told


async def archive(stage: Stage, story_id: StoryId) -> None:
    await stage.container.archive_story()(ArchiveStory(caller=stage.caller("alice"), story_id=story_id))


async def test_an_archived_story_leaves_its_audience_and_stays_with_its_owner(stage: Stage) -> None:
    await stage.befriend("alice", "bob")
    story_id = await stage.post_text("alice")
    await archive(stage, story_id)
    assert await access(stage, "bob", story_id) is Access.GONE
    card = await own_card(stage, story_id)
    assert (card.status, card.archive_reason, card.is_expired) == (Status.ARCHIVED, ArchiveReason.MANUAL, False)
    event = await last_event(stage, story_id)
    assert (event.type, event.version, event.data["reason"]) == ("story.archived", 3, "manual")


async def test_archiving_again_changes_and_tells_nothing(stage: Stage) -> None:
    story_id = await stage.post_text("alice")
    await archive(stage, story_id)
    first = await own_card(stage, story_id)
    await asyncio.sleep(0.002)
    await archive(stage, story_id)
    assert (await own_card(stage, story_id)).archived_at == first.archived_at
    assert (await told(stage, story_id)).count("story.archived") == 1


async def test_of_two_who_archive_at_once_one_is_told(stage: Stage) -> None:
    story_id = await stage.post_text("alice")
    await asyncio.gather(archive(stage, story_id), archive(stage, story_id))
    assert (await told(stage, story_id)).count("story.archived") == 1


async def test_where_the_clock_was_first_the_story_has_expired(stage: Stage) -> None:
    story_id = await stage.post_text("alice")
    await stage.pass_time(story_id, DAY)
    await archive(stage, story_id)
    assert (await own_card(stage, story_id)).archive_reason is ArchiveReason.EXPIRED
    assert (await last_event(stage, story_id)).data["reason"] == "expired"


async def test_a_story_archived_before_it_was_processed_is_never_seen_and_its_upload_is_deleted(
    stage: Stage, objects: MemoryObjects
) -> None:
    await stage.befriend("alice", "bob")
    story_id = await stage.post_image("alice", processed=False)
    await archive(stage, story_id)
    await stage.container.process_media()(stage.org, story_id)
    assert await access(stage, "bob", story_id) is Access.HIDDEN
    assert (await own_card(stage, story_id)).status is Status.ARCHIVED
    await stage.container.clean_archives()()
    await stage.container.empty_bin()()
    assert objects.held == {}

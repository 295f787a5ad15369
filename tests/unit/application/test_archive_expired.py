"""Archiving what the clock has ended: durable, told once, in small batches."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from application.commands.archive_story import ArchiveStory
from application.policies.archive_expired import BATCH, ArchiveExpired
from domain.audience import Visibility
from domain.story import Access, ArchiveReason, FailureReason, Status
from domain.values import StoryId
from infrastructure.sql.tables import outbox, stories
from tests.stage import Stage
from tests.unit.application.doubles import PlainRenderer, WatchedUnitOfWork
from tests.unit.application.scenes import DAY, access, last_event, own_card, told


async def sweep(stage: Stage) -> int:
    return await stage.container.archive_expired()()


async def expired(stage: Stage, number: int) -> list[StoryId]:
    """So many stories whose time is over."""
    ids = [await stage.post_text("alice") for _ in range(number)]
    for story_id in ids:
        await stage.pass_time(story_id, DAY)
    return ids


async def archived_rows(stage: Stage) -> dict[StoryId, str | None]:
    statement = select(stories.c.id, stories.c.archive_reason).where(stories.c.status == Status.ARCHIVED.value)
    async with stage.container.database().read(None) as connection:
        return {StoryId(row.id): row.archive_reason for row in await connection.execute(statement)}


async def archivings(stage: Stage) -> list[StoryId]:
    """The stories of which it was told that they were archived."""
    statement = select(outbox.c.story_id).where(outbox.c.type == "story.archived")
    async with stage.container.database().read(None) as connection:
        return [StoryId(story_id) for story_id in (await connection.execute(statement)).scalars()]


@pytest.mark.says(
    "story:expiration cleanup-triggers-domain  ",
    "story:flow publish-storyarchivedevent  ",
    "story:expiration cleanup-triggers-domain ",
    "story:flow publish-storyarchivedevent ",
    "story:expiration cleanup-triggers-domain",
    "story:flow publish-storyarchivedevent",
)
async def test_an_expired_story_is_moved_to_the_archive_and_told(stage: Stage) -> None:
    (story_id,) = await expired(stage, 1)
    assert await archived_rows(stage) == {}
    assert await sweep(stage) == 1
    assert await archived_rows(stage) == {story_id: ArchiveReason.EXPIRED}
    event = await last_event(stage, story_id)
    assert (event.type, event.version, event.data["reason"]) == ("story.archived", 3, "expired")


async def test_what_readers_see_does_not_depend_on_the_sweep(stage: Stage) -> None:
    await stage.befriend("alice", "bob")
    (story_id,) = await expired(stage, 1)
    before = (await access(stage, "bob", story_id), (await own_card(stage, story_id)).status)
    await sweep(stage)
    after = (await access(stage, "bob", story_id), (await own_card(stage, story_id)).status)
    assert before == after == (Access.GONE, Status.ARCHIVED)


async def test_stories_still_alive_or_archived_before_are_left_alone(stage: Stage) -> None:
    alive, by_hand = await stage.post_text("alice"), await stage.post_text("alice")
    await stage.container.archive_story()(ArchiveStory(caller=stage.caller("alice"), story_id=by_hand))
    await stage.pass_time(by_hand, DAY)
    assert await sweep(stage) == 0
    assert await access(stage, "alice", alive) is Access.OWNER
    assert await archived_rows(stage) == {by_hand: ArchiveReason.MANUAL}


async def test_what_was_never_seen_expires_too(stage: Stage, renderer: PlainRenderer) -> None:
    processing = await stage.post_image("alice", visibility=Visibility.PUBLIC, processed=False)
    renderer.fails = [FailureReason.MEDIA_INVALID]
    failed = await stage.post_image("alice", visibility=Visibility.PUBLIC)
    for story_id in (processing, failed):
        await stage.pass_time(story_id, DAY)
    assert await sweep(stage) == 2
    assert set(await archived_rows(stage)) == {processing, failed}
    for story_id in (processing, failed):
        assert await access(stage, "bob", story_id) is Access.HIDDEN


async def test_a_custom_audience_outlives_its_storys_time(stage: Stage) -> None:
    story_id = await stage.post_text("alice", visibility=Visibility.CUSTOM, allowed=frozenset({"bob"}))
    await stage.pass_time(story_id, DAY)
    await sweep(stage)
    assert await access(stage, "bob", story_id) is Access.GONE
    assert (await own_card(stage, story_id)).allowed_user_ids == ("bob",)


async def test_a_second_sweep_moves_and_tells_nothing(stage: Stage) -> None:
    (story_id,) = await expired(stage, 1)
    assert [await sweep(stage), await sweep(stage)] == [1, 0]
    assert (await told(stage, story_id)).count("story.archived") == 1


async def test_stories_of_all_organisations_are_swept(stage: Stage) -> None:
    elsewhere = Stage(stage.container, "another")
    ids = [*await expired(stage, 1), *await expired(elsewhere, 1)]
    assert await sweep(stage) == 2
    assert set(await archived_rows(stage)) == set(ids)


async def test_many_are_moved_in_small_batches(stage: Stage) -> None:
    await expired(stage, 1)
    async with stage.container.database().write(None) as connection:  # copies are quicker than posts
        one = (await connection.execute(select(stories))).mappings().one()
        await connection.execute(
            stories.insert(), [{**one, "id": stage.container.new_id()()} for _ in range(2 * BATCH)]
        )
    counted = WatchedUnitOfWork(stage.container.unit_of_work())
    assert await ArchiveExpired(counted)() == 2 * BATCH + 1
    assert counted.system_transactions == 4
    assert len(await archivings(stage)) == len(set(await archivings(stage))) == 2 * BATCH + 1


async def test_of_several_sweeps_side_by_side_one_archives_each_story(stage: Stage) -> None:
    ids = await expired(stage, 12)
    moved = await asyncio.gather(*(sweep(stage) for _ in range(4)))
    assert sum(moved) == 12
    assert sorted(await archivings(stage)) == sorted(ids)

"""Cleaning up after archived stories: totals stay, who made them goes, and in the end the media."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from application.commands.archive_story import ArchiveStory
from application.policies.clean_archives import BATCH, CleanArchives
from application.queries.list_viewers import ListViewers, Viewers
from domain.audience import Visibility
from domain.engagement import Reaction, ViewQuality
from domain.values import StoryId
from infrastructure.sql.tables import replies, stories, story_reactions, story_views
from tests.stage import Stage
from tests.unit.application.doubles import MemoryObjects, WatchedUnitOfWork
from tests.unit.application.scenes import own_card, react, reply, view

RETENTION, GRACE = 1_000.0, 5_000.0


@pytest.fixture
async def story_id(stage: Stage) -> StoryId:
    """A picture that was viewed, reacted and replied to, and then archived."""
    story_id = await stage.post_image("alice", visibility=Visibility.PUBLIC)
    await view(stage, "bob", story_id, 1)
    await view(stage, "carol", story_id, 5)
    await react(stage, "bob", story_id, Reaction.LOVE)
    await reply(stage, "carol", story_id)
    await archive(stage, story_id)
    return story_id


async def archive(stage: Stage, story_id: StoryId) -> None:
    await stage.container.archive_story()(ArchiveStory(caller=stage.caller("alice"), story_id=story_id))


async def let_it_rest(stage: Stage, story_id: StoryId, seconds: float) -> None:
    """So much time passes for an archived story."""
    async with stage.container.database().write(None) as connection:
        row = (await connection.execute(select(stories.c.archived_at).where(stories.c.id == story_id))).one()
        earlier = row.archived_at - timedelta(seconds=seconds)
        await connection.execute(update(stories).where(stories.c.id == story_id).values(archived_at=earlier))


def cleaner(stage: Stage, retention: float = RETENTION, grace: float = GRACE) -> CleanArchives:
    return CleanArchives(stage.container.unit_of_work(), retention, grace)


async def rows(stage: Stage) -> list[int]:
    """How many views, reactions and replies are kept."""
    async with stage.container.database().read(None) as connection:
        return [
            (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            for table in (story_views, story_reactions, replies)
        ]


async def viewers(stage: Stage, story_id: StoryId) -> Viewers:
    return await stage.container.list_viewers()(
        ListViewers(caller=stage.caller("alice"), story_id=story_id, page=1, page_size=20)
    )


async def test_until_the_retention_is_over_all_is_kept(stage: Stage, story_id: StoryId) -> None:
    await let_it_rest(stage, story_id, RETENTION - 60)
    assert await cleaner(stage)() == 0
    assert await rows(stage) == [2, 1, 1]


@pytest.mark.says(
    "story:system uses-background-workers  ",
    "story:archive archiving-triggers-cleanup  ",
    "story:summary-archive triggers-cleanup  ",
    "story:expiration analytics-data-cleaned  ",
    "story:flow cleanup-analytics-data  ",
    "story:system uses-background-workers ",
    "story:archive archiving-triggers-cleanup ",
    "story:summary-archive triggers-cleanup ",
    "story:expiration analytics-data-cleaned ",
    "story:flow cleanup-analytics-data ",
    "story:system uses-background-workers",
    "story:archive archiving-triggers-cleanup",
    "story:summary-archive triggers-cleanup",
    "story:expiration analytics-data-cleaned",
    "story:flow cleanup-analytics-data",
)
async def test_after_it_who_viewed_and_reacted_is_forgotten_and_replies_stay(stage: Stage, story_id: StoryId) -> None:
    await let_it_rest(stage, story_id, RETENTION)
    assert await cleaner(stage)() == 1
    assert await rows(stage) == [0, 0, 1]
    assert (await viewers(stage, story_id)).data == ()


async def test_what_the_story_came_to_stays(stage: Stage, story_id: StoryId) -> None:
    before = await viewers(stage, story_id)
    await let_it_rest(stage, story_id, RETENTION)
    await cleaner(stage)()
    after = await viewers(stage, story_id)
    assert after.insights == before.insights
    assert after.insights.quality == {ViewQuality.LOW: 1, ViewQuality.MEDIUM: 0, ViewQuality.HIGH: 1}
    assert (after.total_viewers, after.total_reactions, after.total_replies) == (2, 1, 1)
    card = await own_card(stage, story_id)
    assert (card.view_count, card.reaction_counts, card.reply_count) == (2, {Reaction.LOVE: 1}, 1)


async def test_a_retention_of_nothing_forgets_at_once(stage: Stage, story_id: StoryId) -> None:
    assert await cleaner(stage, retention=0)() == 1
    assert await rows(stage) == [0, 0, 1]


async def test_cleaning_again_does_nothing(stage: Stage, story_id: StoryId) -> None:
    await let_it_rest(stage, story_id, GRACE)
    assert await cleaner(stage)() == 2
    assert await cleaner(stage)() == 0


async def test_stories_that_are_alive_keep_all(stage: Stage) -> None:
    story_id = await stage.post_image("alice", visibility=Visibility.PUBLIC)
    await view(stage, "bob", story_id)
    assert await cleaner(stage, retention=0, grace=0.001)() == 0
    assert await rows(stage) == [1, 0, 0]
    assert (await own_card(stage, story_id)).media_url


@pytest.mark.says(
    "story:lifecycle cleanup-background-job  ",
    "story:expiration media-cleanup-media media-files-may  ",
    "story:flow media-may-deleted  ",
    "story:lifecycle cleanup-background-job ",
    "story:expiration media-cleanup-media media-files-may ",
    "story:flow media-may-deleted ",
    "story:lifecycle cleanup-background-job",
    "story:expiration media-cleanup-media media-files-may",
    "story:flow media-may-deleted",
)
async def test_media_are_kept_for_the_grace_and_then_deleted(
    stage: Stage, story_id: StoryId, objects: MemoryObjects
) -> None:
    await let_it_rest(stage, story_id, GRACE - 60)
    await cleaner(stage)()
    await stage.container.empty_bin()()
    assert len(objects.held) == 2
    assert (await own_card(stage, story_id)).media_url
    await let_it_rest(stage, story_id, 60)
    await cleaner(stage)()
    await stage.container.empty_bin()()
    assert objects.held == {}
    card = await own_card(stage, story_id)
    assert (card.media_url, card.thumbnail_url) == (None, None)


async def test_a_grace_of_nothing_keeps_media_for_ever(stage: Stage, story_id: StoryId, objects: MemoryObjects) -> None:
    await let_it_rest(stage, story_id, 10 * GRACE)
    await cleaner(stage, grace=0)()
    await stage.container.empty_bin()()
    assert len(objects.held) == 2


async def test_media_nobody_ever_saw_are_not_kept(stage: Stage, objects: MemoryObjects) -> None:
    story_id = await stage.post_image("alice", processed=False)
    await archive(stage, story_id)
    await cleaner(stage, grace=0)()
    await stage.container.empty_bin()()
    assert objects.held == {}


async def test_many_are_cleaned_in_small_batches(stage: Stage) -> None:
    await archive(stage, await stage.post_text("alice"))
    async with stage.container.database().write(None) as connection:  # copies are quicker than posts
        one = (await connection.execute(select(stories))).mappings().one()
        await connection.execute(stories.insert(), [{**one, "id": stage.container.new_id()()} for _ in range(BATCH)])
    counted = WatchedUnitOfWork(stage.container.unit_of_work())
    assert await replace(cleaner(stage, retention=0), unit_of_work=counted)() == BATCH + 1
    assert counted.system_transactions == 3

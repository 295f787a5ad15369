"""Views: one record per viewer, with the first time and the longest duration."""

from __future__ import annotations

import asyncio
import math

import pytest
from sqlalchemy import select

from domain.audience import Visibility
from domain.errors import InvalidError, StoryNotFoundError
from domain.values import StoryId
from infrastructure.sql.tables import story_views
from tests.stage import Stage
from tests.unit.application.scenes import card, last_event, own_card, told, view


async def recorded(stage: Stage, story_id: StoryId) -> dict[str, tuple[object, float]]:
    """By viewer: when, and for how long."""
    statement = select(story_views).where(story_views.c.story_id == story_id)
    async with stage.container.database().read(None) as connection:
        rows = (await connection.execute(statement)).all()
    return {row.viewer_id: (row.viewed_at, row.duration_seconds) for row in rows}


@pytest.fixture
async def story_id(stage: Stage) -> StoryId:
    """A story everybody sees."""
    return await stage.post_text("alice", visibility=Visibility.PUBLIC)


async def test_a_first_view_is_recorded_counted_and_told(stage: Stage, story_id: StoryId) -> None:
    await view(stage, "bob", story_id, 2.5)
    ((viewer, (at, duration)),) = (await recorded(stage, story_id)).items()
    assert (viewer, duration) == ("bob", 2.5)
    event = await last_event(stage, story_id)
    assert (event.type, event.version, event.occurred_at) == ("story.viewed", None, at)
    assert event.data == {"ownerId": "alice", "viewerId": "bob"}
    assert (await own_card(stage, story_id)).view_count == 1


async def test_who_has_viewed_a_story_sees_that_they_have(stage: Stage, story_id: StoryId) -> None:
    assert not (await card(stage, "bob", story_id)).is_viewed
    await view(stage, "bob", story_id)
    assert (await card(stage, "bob", story_id)).is_viewed
    assert not (await card(stage, "carol", story_id)).is_viewed


async def test_of_several_views_the_first_time_is_kept_and_the_longest_duration(
    stage: Stage, story_id: StoryId
) -> None:
    await view(stage, "bob", story_id, 2)
    first, _ = (await recorded(stage, story_id))["bob"]
    kept = []
    for seconds in (1, 4, 3):
        await asyncio.sleep(0.002)
        await view(stage, "bob", story_id, seconds)
        kept.append((await recorded(stage, story_id))["bob"])
    assert kept == [(first, 2), (first, 4), (first, 4)]


async def test_a_viewer_is_counted_and_told_once(stage: Stage, story_id: StoryId) -> None:
    for _ in range(3):
        await view(stage, "bob", story_id)
    await view(stage, "carol", story_id)
    assert (await own_card(stage, story_id)).view_count == 2
    assert (await told(stage, story_id)).count("story.viewed") == 2


async def test_of_many_views_at_once_one_is_the_first(stage: Stage, story_id: StoryId) -> None:
    await asyncio.gather(*(view(stage, "bob", story_id, seconds) for seconds in range(1, 11)))
    assert {viewer: longest for viewer, (_, longest) in (await recorded(stage, story_id)).items()} == {"bob": 10}
    assert (await own_card(stage, story_id)).view_count == 1
    assert (await told(stage, story_id)).count("story.viewed") == 1


async def test_owners_watching_their_own_story_are_not_recorded(stage: Stage, story_id: StoryId) -> None:
    await view(stage, "alice", story_id)
    assert await recorded(stage, story_id) == {}
    assert (await own_card(stage, story_id)).view_count == 0
    assert "story.viewed" not in await told(stage, story_id)


@pytest.mark.parametrize("seconds", [0, 3_600])
async def test_a_view_lasts_up_to_an_hour(stage: Stage, story_id: StoryId, seconds: float) -> None:
    await view(stage, "bob", story_id, seconds)
    assert (await recorded(stage, story_id))["bob"][1] == seconds


@pytest.mark.parametrize("seconds", [-0.001, 3_600.001, math.inf, math.nan])
async def test_a_view_of_another_duration_is_refused_and_not_recorded(
    stage: Stage, story_id: StoryId, seconds: float
) -> None:
    with pytest.raises(InvalidError) as caught:
        await view(stage, "bob", story_id, seconds)
    assert caught.value.field == "viewDurationSeconds"
    assert await recorded(stage, story_id) == {}


@pytest.mark.says(
    "story:privacy view-tracking-respects  ",
    "story:privacy view-tracking-respects ",
    "story:privacy view-tracking-respects",
)
async def test_a_hidden_story_records_no_view(stage: Stage) -> None:
    story_id = await stage.post_text("alice")
    with pytest.raises(StoryNotFoundError):
        await view(stage, "bob", story_id)
    assert await recorded(stage, story_id) == {}
    assert (await own_card(stage, story_id)).view_count == 0


async def test_who_was_let_in_before_is_no_longer_recorded_once_shut_out(stage: Stage) -> None:
    await stage.befriend("alice", "bob")
    story_id = await stage.post_text("alice")
    await view(stage, "bob", story_id, 1)
    await stage.block("bob", "alice")
    with pytest.raises(StoryNotFoundError):
        await view(stage, "bob", story_id, 9)
    assert (await recorded(stage, story_id))["bob"][1] == 1

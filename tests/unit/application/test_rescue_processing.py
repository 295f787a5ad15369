"""Rescuing: wake-ups for work that waits and nobody holds."""

from __future__ import annotations

import pytest

from application.commands.archive_story import ArchiveStory
from application.policies.rescue_processing import RescueProcessing
from application.ports.errors import UnavailableError
from application.ports.work import Policy
from domain.values import StoryId
from tests.stage import Stage
from tests.unit.application.doubles import RecordingWakeups
from tests.unit.application.scenes import DAY, let_leases_end


async def rescue(stage: Stage) -> int:
    return await stage.container.rescue_processing()()


async def test_a_new_story_waits_for_its_first_wake_up(stage: Stage, wakeups: RecordingWakeups) -> None:
    await stage.post_image("alice", processed=False)
    assert (await rescue(stage), wakeups.woken) == (0, [])


async def test_a_story_nobody_took_is_told_of_again(stage: Stage, wakeups: RecordingWakeups) -> None:
    story_id = await stage.post_image("alice", processed=False)
    await let_leases_end(stage)
    assert await rescue(stage) == 1
    assert wakeups.woken == [(Policy.PROCESS_MEDIA, stage.org, story_id)]


async def test_it_is_not_told_of_twice_at_a_time(stage: Stage, wakeups: RecordingWakeups) -> None:
    await stage.post_image("alice", processed=False)
    await let_leases_end(stage)
    assert [await rescue(stage), await rescue(stage)] == [1, 0]
    await let_leases_end(stage)
    assert await rescue(stage) == 1


async def test_stories_of_all_organisations_are_rescued(stage: Stage, wakeups: RecordingWakeups) -> None:
    elsewhere = Stage(stage.container, "another")
    ids = {await where.post_image("alice", processed=False) for where in (stage, elsewhere)}
    await let_leases_end(stage)
    assert await rescue(stage) == 2
    assert {(org, story_id) for _, org, story_id in wakeups.woken} == set(
        zip((stage.org, elsewhere.org), sorted(ids), strict=True)
    )


async def test_what_is_done_over_or_no_media_is_left_alone(stage: Stage, wakeups: RecordingWakeups) -> None:
    await stage.post_text("alice")
    await stage.post_image("alice")
    expired: StoryId = await stage.post_image("alice", processed=False)
    archived = await stage.post_image("alice", processed=False)
    await stage.pass_time(expired, DAY)
    await stage.container.archive_story()(ArchiveStory(caller=stage.caller("alice"), story_id=archived))
    await let_leases_end(stage)
    wakeups.woken.clear()
    assert (await rescue(stage), wakeups.woken) == (0, [])


async def test_where_workers_cannot_be_reached_it_is_tried_again_later(stage: Stage, wakeups: RecordingWakeups) -> None:
    story_id = await stage.post_image("alice", processed=False)
    await let_leases_end(stage)
    wakeups.away_after = 0
    with pytest.raises(UnavailableError):
        await RescueProcessing(stage.container.unit_of_work(), wakeups)()
    wakeups.away_after = None
    await let_leases_end(stage)
    assert await rescue(stage) == 1
    assert wakeups.of(Policy.PROCESS_MEDIA) == [story_id]

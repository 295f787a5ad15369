"""Dispatching the outbox: all that follows is woken, in order, and no event is lost or marked too early."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from application.commands.archive_story import ArchiveStory
from application.commands.delete_story import DeleteStory
from application.policies.dispatch_events import FOLLOWS
from application.policies.sequence_events import BATCH
from application.ports.errors import UnavailableError
from application.ports.work import Policy
from domain import events
from infrastructure.sql.tables import outbox
from tests.stage import Stage
from tests.unit.application.doubles import RecordingWakeups
from tests.unit.application.scenes import erased, react, view


async def dispatch(stage: Stage) -> int:
    await stage.container.sequence_events()()
    return await stage.container.dispatch_events()()


async def waiting(stage: Stage) -> int:
    """How many events nobody has dispatched."""
    return sum(event.published_at is None for event in await stage.events())


@pytest.mark.says(
    "story:flow publish-storycreatedevent background-process-media  ",
    "story:flow publish-storycreatedevent background-process-media ",
    "story:flow publish-storycreatedevent background-process-media",
)
async def test_a_new_story_is_processed_and_its_events_are_dispatched_once(
    stage: Stage, wakeups: RecordingWakeups
) -> None:
    story_id = await stage.post_text("alice")
    assert [await dispatch(stage), await dispatch(stage)] == [2, 0]
    assert wakeups.woken == [(Policy.PROCESS_MEDIA, stage.org, story_id)]
    assert await waiting(stage) == 0


@pytest.mark.says(
    "story:archive archiving-triggers-cleanup  ",
    "story:summary-archive triggers-cleanup  ",
    "story:archive archiving-triggers-cleanup ",
    "story:summary-archive triggers-cleanup ",
    "story:archive archiving-triggers-cleanup",
    "story:summary-archive triggers-cleanup",
)
async def test_each_change_wakes_what_follows_from_it_in_the_order_of_writing(
    stage: Stage, wakeups: RecordingWakeups
) -> None:
    who = stage.caller("alice")
    elsewhere = Stage(stage.container, "another")
    one, other = await stage.post_text("alice"), await elsewhere.post_text("alice")
    await view(stage, "alice", one)
    await react(stage, "alice", one)
    await stage.container.archive_story()(ArchiveStory(caller=who, story_id=one))
    await stage.container.delete_story()(DeleteStory(caller=who, story_id=one))
    await dispatch(stage)
    assert wakeups.woken == [
        (Policy.PROCESS_MEDIA, stage.org, one),
        (Policy.PROCESS_MEDIA, elsewhere.org, other),
        (Policy.CLEAN_ARCHIVES, stage.org, one),
        (Policy.EMPTY_BIN, stage.org, one),
    ]


async def test_where_workers_cannot_be_reached_the_events_wait(stage: Stage, wakeups: RecordingWakeups) -> None:
    ids = [await stage.post_text("alice") for _ in range(3)]
    wakeups.away_after = 1
    with pytest.raises(UnavailableError):
        await dispatch(stage)
    assert await waiting(stage) == 6
    wakeups.away_after = None
    assert await dispatch(stage) == 6
    assert wakeups.of(Policy.PROCESS_MEDIA) == [ids[0], *ids]
    assert await waiting(stage) == 0


async def test_more_than_a_batch_is_given_positions_and_dispatched_in_one_go(
    stage: Stage, wakeups: RecordingWakeups
) -> None:
    await stage.post_text("alice")
    async with stage.container.database().write(None) as connection:  # copies are quicker than posts
        one = dict((await connection.execute(select(outbox).limit(1))).mappings().one())
        del one["number"]
        rows = [{**one, "event_id": stage.container.new_id()()} for _ in range(BATCH)]
        await connection.execute(outbox.insert(), rows)
    assert await dispatch(stage) == BATCH + 2
    assert len(wakeups.woken) == BATCH + 1
    assert await waiting(stage) == 0


async def test_of_several_dispatchers_side_by_side_one_takes_each_event(
    stage: Stage, wakeups: RecordingWakeups
) -> None:
    ids = [await stage.post_text("alice") for _ in range(5)]
    assert sum(await asyncio.gather(*(dispatch(stage) for _ in range(3)))) == 10
    assert sorted(wakeups.of(Policy.PROCESS_MEDIA)) == sorted(ids)


async def test_events_without_a_position_wait_for_it(stage: Stage, wakeups: RecordingWakeups) -> None:
    await stage.post_text("alice")
    assert await stage.container.dispatch_events()() == 0
    assert not wakeups.woken
    assert await waiting(stage) == 2


async def test_nothing_is_woken_by_what_is_not_of_a_story(stage: Stage, wakeups: RecordingWakeups) -> None:
    await erased(stage, "alice")
    assert await dispatch(stage) == 1
    assert not wakeups.woken


@pytest.mark.says(
    "story:architecture event-handlers-story  ",
    "story:architecture event-handlers-story ",
    "story:architecture event-handlers-story",
)
def test_whatever_is_followed_is_an_event_there_is() -> None:
    assert set(FOLLOWS) <= {event.type for event in events.ALL}

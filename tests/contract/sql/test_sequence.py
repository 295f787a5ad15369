"""Positions of events: whoever reads past one has read all before it, however long writers take; on both engines."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import delete

from application.commands.archive_story import ArchiveStory
from application.commands.delete_story import DeleteStory
from domain.events import UserErased
from domain.values import UserId
from infrastructure.container import Container
from infrastructure.sql.tables import outbox
from tests.bench.writers import Event, Writing, compared, written
from tests.patience import PATIENCE_SECONDS
from tests.stage import Stage

EVENTS = 1_500


async def _sequence(container: Container) -> int:
    done: int = await container.sequence_events()()
    return done


async def test_events_get_positions_one_after_the_other_in_the_order_of_writing(
    container: Container, stage: Stage
) -> None:
    who = stage.caller("alice")
    one, other = await stage.post_text("alice"), await stage.post_text("bob")
    await stage.container.archive_story()(ArchiveStory(caller=who, story_id=one))
    assert await _sequence(container) == 5
    await stage.container.delete_story()(DeleteStory(caller=who, story_id=one))
    assert [await _sequence(container), await _sequence(container)] == [1, 0]
    events = await stage.events()
    assert [event.position for event in events] == [1, 2, 3, 4, 5, 6]
    assert [event.version for event in events if event.story_id == one] == [1, 2, 3, 4]
    assert [event.subject for event in events] == [str(event.story_id) for event in events]
    assert {event.story_id for event in events} == {one, other}


async def test_a_position_is_never_given_twice_also_when_the_events_are_gone(
    container: Container, stage: Stage
) -> None:
    await stage.post_text("alice")
    await _sequence(container)
    async with container.database().write(None) as connection:
        await connection.execute(delete(outbox))
    await stage.post_text("alice")
    await _sequence(container)
    assert [event.position for event in await stage.events()] == [3, 4]


async def test_sequencers_side_by_side_give_each_event_one_position(container: Container, stage: Stage) -> None:
    for _ in range(10):
        await stage.post_text("alice")
    assert sum(await asyncio.gather(*(_sequence(container) for _ in range(4)))) == 20
    assert sorted(event.position for event in await stage.events()) == list(range(1, 21))


@pytest.mark.postgres
@pytest.mark.parametrize("engine", ["postgresql"])
async def test_what_is_written_first_and_committed_last_is_read_last(container: Container, stage: Stage) -> None:
    """On SQLite nobody can: writers take turns."""
    async with container.unit_of_work().begin(stage.org) as tx:
        await tx.publish(UserErased(org=stage.org, at=await tx.clock(), user=UserId("carol")))
        await stage.post_text("bob")
        assert await _sequence(container) == 2
    assert await _sequence(container) == 1
    events = await stage.events()
    assert [(event.type, event.position) for event in events] == [
        ("user.erased", 3),
        ("story.created", 1),
        ("story.published", 2),
    ]


@pytest.mark.postgres
@pytest.mark.parametrize("engine", ["postgresql"])
async def test_events_that_others_hold_keep_their_order(container: Container, stage: Stage) -> None:
    """Who dispatches holds events for as long as a broker takes; no later one may pass by them."""
    await stage.post_text("alice")
    assert await _sequence(container) == 2
    async with container.unit_of_work().begin_system() as tx:
        assert len(await tx.undispatched(limit=10)) == 2
        await stage.post_text("alice")
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await _sequence(container) == 2
    assert [event.position for event in await stage.events()] == [1, 2, 3, 4]


@pytest.mark.postgres
@pytest.mark.parametrize("engine", ["postgresql"])
async def test_who_reads_on_from_the_last_position_misses_nothing_however_long_writers_take(
    container: Container, stage: Stage
) -> None:
    """As `make bench-events`, where it is a hundred thousand events."""
    writing, over, read = Writing(stage.org, events=EVENTS, hold_seconds=0.3), asyncio.Event(), list[Event]()

    async def sequence() -> None:
        while not over.is_set():
            await _sequence(container)
            await asyncio.sleep(0)

    async def follow() -> None:
        position = 0
        while not over.is_set() or await container.event_reader().last() > position:
            for event in await container.event_reader().after(stage.org, position, limit=100):
                read.append(Event(str(event.id), event.subject, event.version))
                position = event.position

    following = [asyncio.create_task(each) for each in (sequence(), sequence(), follow())]
    await writing.run([container.unit_of_work()] * 14)
    while await _sequence(container) or await _unsequenced(container):  # noqa: ASYNC110 - the sequencers are what is tried
        await asyncio.sleep(0.01)
    over.set()
    await asyncio.gather(*following)

    kept = await written(container.database())
    assert len(kept) == len(writing.committed) == EVENTS
    assert compared(read, kept) == (0, 0, 0, 0)


def test_a_reader_who_misses_something_or_reads_it_again_or_too_soon_is_seen() -> None:
    kept = [Event(name, "story", version) for version, name in enumerate("abc", 1)]
    assert compared(kept, kept) == (0, 0, 0, 0)
    assert compared(kept[:2], kept) == (1, 0, 0, 0)
    assert compared([kept[1], kept[0], kept[2]], kept) == (0, 0, 0, 1)
    assert compared([*kept, kept[2]], kept) == (0, 1, 0, 1)
    assert compared(kept, kept[:2]) == (0, 0, 1, 0)


async def _unsequenced(container: Container) -> int:
    return (await container.backlog_reader().backlog()).unsequenced.count

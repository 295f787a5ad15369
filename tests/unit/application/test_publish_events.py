"""Publishing: all events, in order, each once while the stream holds what it was given."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import pytest
from sqlalchemy import select

from application.policies.publish_events import BATCH, STREAM, PublishEvents
from application.ports.errors import UnavailableError
from infrastructure.sql.tables import outbox
from tests.stage import Stage
from tests.unit.application.doubles import MemoryEventStream


def publisher(stage: Stage, stream: MemoryEventStream) -> PublishEvents:
    """Who publishes."""
    container = stage.container
    return PublishEvents(container.event_reader(), container.event_cursors(), stream, "http://stories.test")


async def test_events_of_all_organisations_are_published_in_the_order_of_positions(stage: Stage) -> None:
    stream = MemoryEventStream(max_length=1_000)
    for org in ("one", "another", "one"):
        await Stage(stage.container, org).post_text("alice")
    assert await publisher(stage, stream)() == 0, "without a position nothing is published"
    await stage.container.sequence_events()()
    assert await publisher(stage, stream)() == 6
    events = [msgspec.json.decode(event) for event in stream.entries.values()]
    assert list(stream.entries) == [event["position"] for event in events] == [1, 2, 3, 4, 5, 6]
    assert [event["orgid"] for event in events] == ["one", "one", "another", "another", "one", "one"]
    assert await stage.container.event_cursors().position(STREAM) == 6


async def test_more_than_a_batch_is_published_in_one_go_and_the_stream_trimmed(stage: Stage) -> None:
    await stage.post_text("alice")
    async with stage.container.database().write(None) as connection:  # copies are quicker than posts
        one = dict((await connection.execute(select(outbox).limit(1))).mappings().one())
        del one["number"]
        rows = [{**one, "event_id": stage.container.new_id()()} for _ in range(BATCH)]
        await connection.execute(outbox.insert(), rows)
    await stage.container.sequence_events()()
    stream = MemoryEventStream(max_length=100)
    assert await publisher(stage, stream)() == BATCH + 2
    assert list(stream.entries) == list(range(BATCH + 2 - 99, BATCH + 3))


async def test_publishers_side_by_side_publish_each_event_once(stage: Stage) -> None:
    for _ in range(5):
        await stage.post_text("alice")
    await stage.container.sequence_events()()
    stream = MemoryEventStream(max_length=1_000)
    assert sum(await asyncio.gather(*(publisher(stage, stream)() for _ in range(3)))) == 10
    assert list(stream.entries) == list(range(1, 11))


class Raced(MemoryEventStream):
    """Another appends at the last moment."""

    async def append(self, events: Sequence[tuple[int, bytes]], *, after: int) -> bool:
        await super().append(events[:1], after=0)
        return await super().append(events, after=after)


async def test_who_comes_second_goes_on_from_the_new_end(stage: Stage) -> None:
    await stage.post_text("alice")
    await stage.container.sequence_events()()
    stream = Raced(max_length=1_000)
    assert await publisher(stage, stream)() == 1
    assert list(stream.entries) == [1, 2]


async def test_a_stream_that_is_further_than_the_events_is_left_alone(stage: Stage) -> None:
    stream = MemoryEventStream(max_length=1_000)
    await stream.append([(1_000, b"")], after=0)
    await stage.post_text("alice")
    await stage.container.sequence_events()()
    with pytest.raises(UnavailableError, match="another database"):
        await publisher(stage, stream)()
    assert list(stream.entries) == [1_000]


async def test_where_the_stream_has_lost_events_it_is_known_that_they_wait(stage: Stage) -> None:
    await stage.post_text("alice")
    await stage.container.sequence_events()()
    await publisher(stage, MemoryEventStream(max_length=1_000))()
    cursors, emptied = stage.container.event_cursors(), MemoryEventStream(max_length=1_000)
    assert await cursors.position(STREAM) == 2

    async def told_to_wait(*_: object, **__: object) -> bool:
        assert await cursors.position(STREAM) == 0
        raise UnavailableError

    emptied.append = told_to_wait  # type: ignore[method-assign] # what it is like while the stream is filled again
    with pytest.raises(UnavailableError):
        await publisher(stage, emptied)()

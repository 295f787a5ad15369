"""Every stream of events keeps the same promises; and whatever one in Redis loses is published once more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from application.policies.publish_events import STREAM, PublishEvents
from application.ports.errors import UnavailableError
from application.ports.streams import EventStream
from infrastructure.container import Container
from infrastructure.redis.client import open_redis
from infrastructure.redis.event_stream import RedisEventStream
from tests.conftest import REDIS_URL
from tests.processes import free_port
from tests.stage import Stage
from tests.unit.application.doubles import MemoryEventStream

LENGTH = 5


@pytest.fixture
async def redis() -> AsyncIterator[Any]:
    """A client of the shared server."""
    client = open_redis(REDIS_URL)
    assert client is not None
    yield client
    await client.aclose()


@pytest.fixture
async def kept(redis: Any, redis_prefix: str) -> RedisEventStream:
    """A stream in Redis."""
    return RedisEventStream(redis, redis_prefix, max_length=LENGTH)


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
def stream(request: pytest.FixtureRequest) -> EventStream:
    """A stream."""
    if request.param == "memory":
        return MemoryEventStream(max_length=LENGTH)
    found: EventStream = request.getfixturevalue("kept")
    return found


def some(first: int, last: int) -> list[tuple[int, bytes]]:
    """Events from a position to another."""
    return [(position, b"%d" % position) for position in range(first, last + 1)]


async def test_events_are_appended_behind_the_end_that_was_seen(stream: EventStream) -> None:
    assert await stream.last() == 0
    assert await stream.append(some(1, 3), after=0)
    assert await stream.last() == 3
    assert await stream.append([(5, b"5"), (9, b"9")], after=3)
    assert await stream.last() == 9


async def test_nothing_is_appended_behind_an_end_that_is_another(stream: EventStream) -> None:
    await stream.append(some(1, 3), after=0)
    for end in (0, 2, 4):
        assert not await stream.append(some(end + 1, 6), after=end)
    assert await stream.last() == 3


async def test_what_is_trimmed_was_there(stream: EventStream) -> None:
    await stream.append(some(1, 9), after=0)
    await stream.trim()
    assert await stream.last() == 9
    assert await stream.append(some(10, 10), after=9)


@pytest.mark.redis
async def test_entries_have_their_positions_as_ids_and_the_event_as_data(redis: Any, kept: RedisEventStream) -> None:
    await kept.append(some(7, 8), after=0)
    assert await redis.xrange(kept.key) == [(b"7-0", {b"data": b"7"}), (b"8-0", {b"data": b"8"})]


@pytest.mark.redis
async def test_it_is_trimmed_to_its_length_if_nobody_needs_the_rest(redis: Any, kept: RedisEventStream) -> None:
    await kept.append(some(1, 9), after=0)
    await kept.trim()
    assert [int(entry.partition(b"-")[0]) for entry, _ in await redis.xrange(kept.key)] == [5, 6, 7, 8, 9]


@pytest.mark.redis
async def test_nothing_is_trimmed_that_the_slowest_group_has_not_acknowledged(
    redis: Any, kept: RedisEventStream
) -> None:
    async def left() -> int:
        await kept.trim()
        return int((await redis.xrange(kept.key))[0][0].partition(b"-")[0])

    await kept.append(some(1, 20), after=0)
    for group in ("quick", "slow"):
        await redis.xgroup_create(kept.key, group, "0")
    await redis.xreadgroup("quick", "one", {kept.key: ">"}, count=20, noack=True)
    assert await left() == 1, "the slow one has read nothing"
    await redis.xreadgroup("slow", "one", {kept.key: ">"}, count=10)
    assert await left() == 1, "it has acknowledged nothing"
    await redis.xack(kept.key, "slow", *(f"{position}-0" for position in (1, 2, 3, 5)))
    assert await left() == 4, "one in between is missing"
    await redis.xack(kept.key, "slow", *(f"{position}-0" for position in range(4, 11)))
    assert await left() == 11, "there are some that it has not read"
    await redis.xgroup_destroy(kept.key, "slow")
    assert await left() == 16


async def test_a_stream_that_is_away_is_said_to_be() -> None:
    client = open_redis(f"redis://127.0.0.1:{free_port()}")
    assert client is not None
    stream = RedisEventStream(client, "", max_length=1)
    for act in (stream.last(), stream.append(some(1, 1), after=0), stream.trim()):
        with pytest.raises(UnavailableError):
            await act
    await client.aclose()


# --- and what is published to it ---


def publisher(container: Container, stream: EventStream) -> PublishEvents:
    """Who publishes to the stream."""
    return PublishEvents(container.event_reader(), container.event_cursors(), stream, "http://stories.test")


async def published(redis: Any, stream: RedisEventStream) -> list[Any]:
    """The events in the stream."""
    return [msgspec.json.decode(entry[b"data"]) for _, entry in await redis.xrange(stream.key)]


@pytest.fixture
async def ample(redis: Any, redis_prefix: str) -> RedisEventStream:
    """A stream with room for all."""
    return RedisEventStream(redis, redis_prefix, max_length=1_000)


@pytest.mark.redis
async def test_whatever_is_lost_is_published_again(
    container: Container, stage: Stage, redis: Any, ample: RedisEventStream
) -> None:
    publish = publisher(container, ample)
    for _ in range(3):
        await stage.post_text("alice")
    await container.sequence_events()()
    assert [await publish(), await publish()] == [6, 0]
    before = await published(redis, ample)
    assert [event["position"] for event in before] == [1, 2, 3, 4, 5, 6]
    await redis.delete(ample.key)  # wiped
    assert await publish() == 6
    assert await published(redis, ample) == before
    await redis.delete(ample.key)  # the end of it lost: as a copy of earlier has it
    for event in before[:4]:
        await redis.xadd(ample.key, {"data": msgspec.json.encode(event)}, id=f"{event['position']}-0")
    await stage.post_text("bob")
    await container.sequence_events()()
    assert await publish() == 4
    after = await published(redis, ample)
    assert after[:6] == before
    assert [event["position"] for event in after] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert await container.event_cursors().position(STREAM) == 8


@pytest.mark.redis
async def test_a_stream_of_another_database_is_not_written_to(
    container: Container, stage: Stage, redis: Any, ample: RedisEventStream
) -> None:
    await redis.xadd(ample.key, {"data": "{}"})
    await stage.post_text("alice")
    await container.sequence_events()()
    with pytest.raises(UnavailableError, match="another database"):
        await publisher(container, ample)()
    assert await redis.xlen(ample.key) == 1

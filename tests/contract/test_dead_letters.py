"""Dead letters: what workers give up on is kept, listed, and sent again on demand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import Retries

from application.ports.errors import UnavailableError
from application.ports.work import Policy
from domain.values import OrgId, StoryId
from infrastructure.messaging.broker import BrokerWakeups, open_broker
from infrastructure.messaging.dead_letters import DeadLetters
from infrastructure.messaging.worker import PolicyWorker
from tests.conftest import REDIS_URL
from tests.patience import PATIENCE_SECONDS
from tests.processes import free_port

pytestmark = [pytest.mark.redis, pytest.mark.slow]

STORIES = [StoryId(UUID(int=number)) for number in (1, 2)]


@pytest.fixture
async def broker(redis_prefix: str) -> AsyncIterator[RedisBroker]:
    """A broker over Redis that gives up at the second attempt."""
    broker = open_broker(REDIS_URL, namespace=redis_prefix)
    assert isinstance(broker, RedisBroker)
    for middleware in broker.middleware:
        if isinstance(middleware, Retries):
            middleware.max_retries, middleware.min_backoff, middleware.max_backoff = 1, 1, 10
    yield broker
    broker.close()


async def test_what_was_given_up_is_listed_with_its_reason_and_works_when_sent_again(broker: RedisBroker) -> None:
    ran: asyncio.Queue[StoryId] = asyncio.Queue()
    broken = True

    async def run(_: OrgId, story: StoryId) -> None:
        await ran.put(story)
        if broken:
            raise LookupError("the disk is full")

    worker = PolicyWorker(broker, {Policy.EMPTY_BIN: run, Policy.PROCESS_MEDIA: run})
    letters = DeadLetters(broker)
    await worker.start()
    wakeups = BrokerWakeups(broker)
    await wakeups.wake(Policy.EMPTY_BIN, OrgId("acme"), STORIES[0])
    await wakeups.wake(Policy.PROCESS_MEDIA, OrgId("acme"), STORIES[1])
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert {await ran.get() for _ in range(4)} == set(STORIES)
        while len(found := await asyncio.to_thread(letters.all)) < 2:  # noqa: ASYNC110 - the broker tells nobody
            await asyncio.sleep(0.05)
    assert {(letter.policy, letter.queue, letter.org, letter.story) for letter in found} == {
        ("empty_bin", "upkeep", "acme", str(STORIES[0])),
        ("process_media", "media", "acme", str(STORIES[1])),
    }
    assert {letter.reason for letter in found} == {"LookupError: the disk is full"}
    assert await asyncio.to_thread(letters.replay, frozenset({"another"})) == 0

    broken = False
    first = next(letter for letter in found if letter.policy == "empty_bin")
    assert await asyncio.to_thread(letters.replay, frozenset({first.id})) == 1
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await ran.get() == STORIES[0]
    assert [letter.policy for letter in await asyncio.to_thread(letters.all)] == ["process_media"]
    assert await asyncio.to_thread(letters.replay, frozenset()) == 1
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await ran.get() == STORIES[1]
    await worker.stop()
    assert await asyncio.to_thread(letters.all) == []


def test_without_redis_there_is_nothing_to_tell() -> None:
    broker = open_broker(f"redis://127.0.0.1:{free_port()}", namespace="test")
    assert isinstance(broker, RedisBroker)
    with pytest.raises(UnavailableError):
        DeadLetters(broker).all()
    broker.close()

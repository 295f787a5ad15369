"""Every keeper of feed orders keeps the same promises."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
from msgspec import structs
from redis.asyncio import Redis

from application.ports.feeds import FeedOrder, FeedOrders, RankedStory
from domain.ranking import Scores
from domain.values import StoryId
from infrastructure.memory.feed_orders import KEPT_SECONDS, MemoryFeedOrders
from infrastructure.redis.client import open_redis
from infrastructure.redis.feed_orders import RedisFeedOrders
from tests.conftest import REDIS_URL
from tests.patience import PATIENCE_SECONDS
from tests.stage import caller

ADAPTERS = ["memory", pytest.param("redis", marks=pytest.mark.redis)]


@pytest.fixture(params=ADAPTERS)
async def orders(request: pytest.FixtureRequest) -> AsyncIterator[FeedOrders]:
    if request.param == "memory":
        yield MemoryFeedOrders()
        return
    prefix = request.getfixturevalue("redis_prefix")
    client = open_redis(REDIS_URL)
    assert client is not None
    yield RedisFeedOrders(client, prefix)
    await client.aclose()


def order(stories: int = 3) -> FeedOrder:
    ranked = tuple(RankedStory(StoryId(uuid.uuid4()), Scores(90.0, 85.0, 92.0, 78.0)) for _ in range(stories))
    return FeedOrder(id=uuid.uuid4(), ranked=ranked, served={0: 0, 2: 3})


@pytest.mark.says(
    "story:architecture redis-caching-story  ",
    "story:architecture redis-caching-story ",
    "story:architecture redis-caching-story",
)
async def test_an_order_is_found_by_its_id_and_as_the_last_one(orders: FeedOrders) -> None:
    kept = order()
    await orders.put(caller("bob"), kept)
    assert await orders.get(caller("bob"), kept.id) == kept
    assert await orders.get(caller("bob")) == kept


async def test_an_older_order_is_still_found_by_its_id(orders: FeedOrders) -> None:
    first, second = order(), order()
    await orders.put(caller("bob"), first)
    await orders.put(caller("bob"), second)
    assert await orders.get(caller("bob"), first.id) == first
    assert await orders.get(caller("bob")) == second


async def test_of_one_caller_only_the_last_three_are_kept(orders: FeedOrders) -> None:
    ranked = [order() for _ in range(5)]
    for each in ranked:
        await orders.put(caller("bob"), each)
    found = [await orders.get(caller("bob"), each.id) for each in ranked]
    assert found == [None, None, *ranked[2:]]


async def test_an_order_put_again_takes_its_own_place(orders: FeedOrders) -> None:
    kept = order()
    await orders.put(caller("bob"), kept)
    later = structs.replace(kept, served={0: 0, 50: 51})
    await orders.put(caller("bob"), later)
    assert await orders.get(caller("bob"), kept.id) == later


async def test_nobody_finds_the_order_of_another_user_or_of_another_organisation(orders: FeedOrders) -> None:
    kept = order()
    await orders.put(caller("bob"), kept)
    for other in (caller("carol"), caller("bob", org="elsewhere")):
        assert await orders.get(other, kept.id) is None
        assert await orders.get(other) is None


async def test_an_order_that_was_never_kept_is_not_found(orders: FeedOrders) -> None:
    assert await orders.get(caller("bob")) is None
    assert await orders.get(caller("bob"), uuid.uuid4()) is None


async def test_an_empty_order_is_kept_like_any_other(orders: FeedOrders) -> None:
    kept = order(stories=0)
    await orders.put(caller("bob"), kept)
    assert await orders.get(caller("bob")) == kept


async def test_memory_forgets_after_five_minutes() -> None:
    now = 0.0
    orders = MemoryFeedOrders(lambda: now)
    kept = order()
    await orders.put(caller("bob"), kept)
    now = KEPT_SECONDS - 0.001
    assert await orders.get(caller("bob")) == kept
    now = KEPT_SECONDS
    assert await orders.get(caller("bob")) is None


@pytest.mark.says(
    "story:for-developers caching-cache-story  ",
    "story:for-developers caching-cache-story ",
    "story:for-developers caching-cache-story",
)
@pytest.mark.redis
async def test_redis_forgets_after_five_minutes(redis_prefix: str) -> None:
    client = open_redis(REDIS_URL)
    assert client is not None
    await RedisFeedOrders(client, redis_prefix).put(caller("bob"), order())
    left = [await client.ttl(key) async for key in client.scan_iter(f"{redis_prefix}*")]
    await client.aclose()
    assert len(left) == 1
    assert all(290 <= seconds <= 300 for seconds in left)


async def test_orders_are_forgotten_and_nothing_fails_while_redis_is_away() -> None:
    away = Redis.from_url("redis://127.0.0.1:1/0", socket_timeout=0.2, socket_connect_timeout=0.2)
    orders = RedisFeedOrders(away, "x:")
    async with asyncio.timeout(PATIENCE_SECONDS):
        await orders.put(caller("bob"), order())
        assert await orders.get(caller("bob")) is None
    await away.aclose()


async def test_memory_forgets_whole_callers_before_it_grows_without_bound() -> None:
    orders = MemoryFeedOrders()
    large = order(stories=200_000)
    for user in ("bob", "carol", "dave"):
        await orders.put(caller(user), large)
    assert await orders.get(caller("bob")) is None
    assert await orders.get(caller("dave")) == large


async def test_what_is_forgotten_is_gone_and_nobody_elses(orders: FeedOrders) -> None:
    for user in ("bob", "carol"):
        for _ in range(2):
            await orders.put(caller(user), order())
    await orders.forget(caller("bob"))
    await orders.forget(caller("nobody"))
    assert await orders.get(caller("bob")) is None
    assert await orders.get(caller("carol")) is not None
    assert await orders.get(caller("bob", "another")) is None

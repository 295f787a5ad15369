"""Every limiter of rates keeps the same promises."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from application.ports.limits import Charge, Rate, RateLimiter
from infrastructure.memory.rate_limiter import MemoryRateLimiter
from infrastructure.redis.client import open_redis
from infrastructure.redis.rate_limiter import RedisRateLimiter
from tests.conftest import REDIS_URL
from tests.logs import heard

ADAPTERS = ["memory", pytest.param("redis", marks=pytest.mark.redis)]
MINUTELY = Rate(burst=5, per_second=5 / 60)


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    client = open_redis(REDIS_URL)
    assert client is not None
    yield client
    await client.aclose()


@pytest.fixture(params=ADAPTERS)
async def limiter(request: pytest.FixtureRequest) -> AsyncIterator[RateLimiter]:
    if request.param == "memory":
        yield MemoryRateLimiter()
        return
    prefix = request.getfixturevalue("redis_prefix")
    client = open_redis(REDIS_URL)
    assert client is not None
    yield RedisRateLimiter(client, prefix)
    await client.aclose()


def charge(key: str = "bob", rate: Rate = MINUTELY, cost: float = 1.0) -> Charge:
    return Charge(key, rate, cost)


async def passed(limiter: RateLimiter, *charges: Charge, of: int = 20) -> int:
    """How many of so many, one after the other, were let pass."""
    return sum([await limiter.take(*charges) is None for _ in range(of)])


async def test_a_burst_passes_and_no_more(limiter: RateLimiter) -> None:
    assert await passed(limiter, charge()) == 5


async def test_a_refusal_says_which_allowance_is_used_up_and_when_it_is_not(limiter: RateLimiter) -> None:
    await passed(limiter, charge())
    refusal = await limiter.take(charge())
    assert refusal is not None
    assert refusal.charge == charge()
    assert 11 < refusal.seconds <= 12, "five a minute: one comes back each twelve seconds"


async def test_what_was_taken_comes_back_as_time_passes(limiter: RateLimiter) -> None:
    quick, let_pass = charge(rate=Rate(burst=5, per_second=20)), 0
    while (refusal := await limiter.take(quick)) is None:
        let_pass += 1
    assert let_pass >= 5
    await asyncio.sleep(refusal.seconds + 0.05)
    assert await limiter.take(quick) is None


async def test_one_pays_for_nobody_else(limiter: RateLimiter) -> None:
    await passed(limiter, charge("bob"))
    assert await passed(limiter, charge("carol")) == 5


async def test_if_one_allowance_is_used_up_none_is_taken_from(limiter: RateLimiter) -> None:
    org = Charge("org", Rate(burst=7, per_second=7 / 60))
    assert await passed(limiter, charge("bob"), org) == 5
    assert await passed(limiter, charge("carol"), org) == 2
    refusal = await limiter.take(charge("carol"), org)
    assert refusal is not None
    assert refusal.charge == org


async def test_what_costs_more_takes_more_and_at_most_all(limiter: RateLimiter) -> None:
    assert await passed(limiter, charge(cost=2)) == 2
    assert await passed(limiter, charge()) == 1
    assert await passed(limiter, charge("carol", cost=1_000)) == 1


async def test_many_at_once_are_counted_exactly(limiter: RateLimiter) -> None:
    refusals = await asyncio.gather(*(limiter.take(charge()) for _ in range(200)))
    assert refusals.count(None) == 5


async def test_refusals_cost_nothing(limiter: RateLimiter) -> None:
    await passed(limiter, charge(), of=500)
    refusal = await limiter.take(charge())
    assert refusal is not None
    assert refusal.seconds <= 12


async def test_a_second_is_a_second_to_the_last_of_them() -> None:
    now = 0.0
    limiter = MemoryRateLimiter(lambda: now)
    assert await passed(limiter, charge()) == 5
    now = 11.99
    assert await limiter.take(charge()) is not None
    now = 12.0
    assert await passed(limiter, charge()) == 1
    now = 1_000.0
    assert await passed(limiter, charge()) == 5


async def test_memory_forgets_who_owes_nothing_and_has_an_end() -> None:
    now = 0.0
    limiter = MemoryRateLimiter(lambda: now, kept_max=100)
    for number in range(110):
        await limiter.take(charge(str(number)))
    assert await passed(limiter, charge("109")) == 4, "the last is remembered"
    assert await passed(limiter, charge("0")) == 5, "the first is forgotten"
    now = 1_000.0
    assert await passed(limiter, charge("another")) == 5


@pytest.mark.redis
async def test_processes_that_share_redis_share_allowances(redis: Redis, redis_prefix: str) -> None:
    one, other = (RedisRateLimiter(redis, redis_prefix) for _ in range(2))
    assert await passed(one, charge(), of=3) == 3
    await asyncio.sleep(0.06)
    assert await one.take(charge("somebody else")) is None, "it tells what was taken"
    await asyncio.sleep(0.06)
    assert await passed(other, charge()) == 2
    assert await passed(RedisRateLimiter(redis, redis_prefix), charge()) <= 2, "it has heard of three, perhaps of five"


@pytest.mark.redis
async def test_a_flood_over_many_processes_is_let_pass_hardly_more_than_over_one(
    redis: Redis, redis_prefix: str
) -> None:
    processes = [RedisRateLimiter(redis, redis_prefix) for _ in range(4)]
    many = charge(rate=Rate(burst=100, per_second=100 / 60))
    until, let_pass = time.monotonic() + 1.5, 0
    while time.monotonic() < until:
        let_pass += sum([await process.take(many) is None for process in processes])
        await asyncio.sleep(0.005)
    assert 100 <= let_pass < 200


@pytest.mark.redis
async def test_what_came_back_before_it_was_told_is_not_told(redis: Redis, redis_prefix: str) -> None:
    limiter, quick = RedisRateLimiter(redis, redis_prefix), Rate(burst=5, per_second=10)
    await asyncio.gather(*(limiter.take(charge(rate=quick)) for _ in range(20)))
    await asyncio.sleep(0.6)
    assert await passed(limiter, charge(rate=quick), of=5) == 5


@pytest.mark.redis
async def test_redis_forgets_who_owes_nothing(redis: Redis, redis_prefix: str) -> None:
    limiter = RedisRateLimiter(redis, redis_prefix)
    await limiter.take(charge())
    await asyncio.sleep(0.06)
    await limiter.take(charge("carol"))
    keys = [key.decode() async for key in redis.scan_iter(f"{redis_prefix}*")]
    assert keys == [f"{redis_prefix}bob"]
    assert 0 < await redis.pttl(keys[0]) <= 12_000


@pytest.mark.redis
async def test_a_redis_that_was_emptied_makes_no_process_forget(redis: Redis, redis_prefix: str) -> None:
    limiter = RedisRateLimiter(redis, redis_prefix)
    for _ in range(2):
        await passed(limiter, charge())
        await asyncio.sleep(0.06)
    assert await redis.delete(f"{redis_prefix}bob") == 1
    assert await limiter.take(charge()) is not None


@pytest.mark.redis
async def test_redis_may_lose_its_scripts(redis: Redis, redis_prefix: str) -> None:
    limiter = RedisRateLimiter(redis, redis_prefix)
    await limiter.take(charge())
    await redis.script_flush()
    await asyncio.sleep(0.06)
    with heard() as logs:
        assert await passed(limiter, charge()) == 4
    assert logs == []


async def test_while_redis_is_away_each_process_limits_by_itself_and_says_so_once() -> None:
    away = Redis.from_url("redis://127.0.0.1:1/0", socket_timeout=0.2, socket_connect_timeout=0.2)
    limiter = RedisRateLimiter(away, f"{uuid.uuid4()}:")
    begun = time.monotonic()
    with heard() as logs:
        assert await passed(limiter, charge(), of=1_000) == 5
    assert time.monotonic() - begun < 20, "and does not wait for each of a thousand"
    assert [line["event"] for line in logs] == ["rates are limited in each process by itself"]
    await away.aclose()


async def test_a_redis_that_does_not_answer_is_not_waited_for() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    stuck = Redis.from_url(f"redis://127.0.0.1:{port}/0", socket_timeout=60)
    begun = time.monotonic()
    assert await passed(RedisRateLimiter(stuck, "x:"), charge(), of=100) == 5
    assert time.monotonic() - begun < 30
    await stuck.aclose()
    server.close()

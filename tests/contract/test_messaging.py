"""The relay and the workers of a process: they stop when told to, and do not meet."""

from __future__ import annotations

import asyncio
import gc
from contextlib import suppress
from uuid import UUID

import pytest

from application.ports.errors import UnavailableError
from application.ports.work import Policy
from domain.values import OrgId, StoryId
from infrastructure.messaging.broker import BrokerWakeups, open_broker
from infrastructure.messaging.relay import CommitSignal, OutboxRelay
from infrastructure.messaging.worker import PolicyWorker
from tests.patience import PATIENCE_SECONDS

STORY = StoryId(UUID(int=1))


async def _nothing() -> int:
    return 0


async def test_a_relay_stops_also_when_something_is_committed_at_that_moment() -> None:
    signal = CommitSignal()
    relay = OutboxRelay(_nothing, {}, signal)
    await relay.start()
    await asyncio.sleep(0.05)
    signal()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await relay.stop()


async def test_a_relay_stops_also_when_a_step_goes_on_as_if_it_were_not_told_to() -> None:
    begun = asyncio.Event()

    async def deaf() -> int:
        if not begun.is_set():
            begun.set()
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
        return 0

    relay = OutboxRelay(_nothing, {"deaf": deaf}, CommitSignal())
    await relay.start()
    await begun.wait()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await relay.stop()


async def test_a_relay_is_woken_by_a_commit() -> None:
    signal, sequenced = CommitSignal(), asyncio.Event()

    async def sequence() -> int:
        sequenced.set()
        return 0

    relay = OutboxRelay(sequence, {}, signal)
    await relay.start()
    for _ in range(3):
        async with asyncio.timeout(PATIENCE_SECONDS):
            await sequenced.wait()
        sequenced.clear()
        signal()
    await relay.stop()


async def test_a_step_that_cannot_be_taken_holds_up_no_other() -> None:
    hung, taken = asyncio.Event(), asyncio.Event()

    async def hang() -> int:
        hung.set()
        return int(await asyncio.Event().wait())

    async def fail() -> int:
        raise UnavailableError("away")

    async def take() -> int:
        await hung.wait()
        taken.set()
        return 0

    relay = OutboxRelay(fail, {"hang": hang, "fail": fail, "take": take}, CommitSignal())
    await relay.start()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await taken.wait()
        await relay.stop()


async def test_what_follows_is_done_when_positions_were_given_and_so_is_what_waits_for_events() -> None:
    signal, turns, following = CommitSignal(), 0, asyncio.Event()

    async def sequence() -> int:
        nonlocal turns
        turns += 1
        return int(signal.told == 1)

    async def follow() -> int:
        following.set()
        return 0

    relay = OutboxRelay(sequence, {"follow": follow}, signal)
    await relay.start()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await following.wait()  # at the start
        following.clear()
        signal()
        await following.wait()
        await signal.wait(PATIENCE_SECONDS, since=1)
        await relay.stop()
    assert turns >= 2
    assert signal.told == 2, "those who wait for events are told once that they are there"


async def test_of_two_workers_in_a_process_one_goes_on_when_the_other_stops() -> None:
    ran: asyncio.Queue[OrgId] = asyncio.Queue()

    async def run(org: OrgId, _: StoryId) -> None:
        await ran.put(org)

    brokers = [open_broker(None, namespace=f"test-{number}:") for number in range(2)]
    one, other = (PolicyWorker(broker, {Policy.EMPTY_BIN: run}) for broker in brokers)
    await one.start()
    await other.start()
    await other.stop()
    await BrokerWakeups(brokers[0]).wake(Policy.EMPTY_BIN, OrgId("acme"), STORY)
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await ran.get() == "acme"
    await one.stop()
    for broker in brokers:
        broker.close()


def test_a_wake_up_that_comes_while_the_loop_stands_still_is_refused_in_order() -> None:
    loop, ran = asyncio.new_event_loop(), list[OrgId]()

    async def run(org: OrgId, _: StoryId) -> None:
        ran.append(org)

    broker = open_broker(None, namespace="test:")
    worker = PolicyWorker(broker, {Policy.EMPTY_BIN: run})
    loop.run_until_complete(worker.start())
    with pytest.raises(RuntimeError, match="not running"):
        broker.get_actor(Policy.EMPTY_BIN).fn("acme", str(STORY))
    gc.collect()  # of a coroutine that nobody has awaited it would be said now, and the test would fail
    assert ran == []
    loop.run_until_complete(worker.stop())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    broker.close()

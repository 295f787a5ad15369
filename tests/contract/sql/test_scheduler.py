"""Schedulers side by side: upkeep is done by one of them at a time, and again as soon as it could not be done."""

from __future__ import annotations

import asyncio

import pytest

from application.ports.errors import UnavailableError
from infrastructure.container import Container
from infrastructure.messaging.scheduler import Scheduler
from tests.patience import PATIENCE_SECONDS


@pytest.mark.slow
async def test_of_three_schedulers_one_does_what_is_due(container: Container) -> None:
    begun = asyncio.get_running_loop().time()
    ran: list[int] = []

    def upkeep(number: int) -> Scheduler:
        async def run() -> int:
            ran.append(number)
            return 1

        return Scheduler({"sweep": (run, 0.5)}, container.unit_of_work())

    async def times(count: int) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(ran) < count:  # noqa: ASYNC110 - what the schedulers have done is what is looked for
                await asyncio.sleep(0.02)

    schedulers = [upkeep(number) for number in range(3)]
    for scheduler in schedulers:
        await scheduler.start()
        await asyncio.sleep(0.1)
    await times(5)
    await schedulers[ran[-1]].stop()  # the others go on without it
    gone, before = ran[-1], len(ran)
    await times(before + 3)
    passed = asyncio.get_running_loop().time() - begun
    for number, scheduler in enumerate(schedulers):
        if number != gone:
            await scheduler.stop()
    assert gone not in ran[before:], ran
    assert before + 3 <= passed / 0.5 + 1, f"{ran} in {passed} s"


async def test_a_turn_is_taken_once_and_given_back_if_it_could_not_be_used(container: Container) -> None:
    async def due(name: str = "sweep", seconds: float = 100) -> bool:
        async with container.unit_of_work().begin_system() as tx:
            return await tx.claim_upkeep(name, seconds=seconds)

    assert sorted(await asyncio.gather(*(due() for _ in range(4)))) == [False, False, False, True]
    assert await due("another")
    async with container.unit_of_work().begin_system() as tx:
        await tx.return_upkeep("sweep")
    assert [await due(seconds=0), await due(seconds=100), await due()] == [True, True, False]


async def test_what_could_not_be_done_is_due_again_at_once(container: Container) -> None:
    tried: list[int] = []

    async def run() -> int:
        tried.append(1)
        if len(tried) == 1:
            raise UnavailableError("away")
        return 1

    for _ in range(3):
        scheduler = Scheduler({"sweep": (run, 1_000)}, container.unit_of_work())
        await scheduler.start()
        await asyncio.sleep(0.1)
        await scheduler.stop()
    assert len(tried) == 2

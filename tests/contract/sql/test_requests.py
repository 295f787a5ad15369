"""First answers in SQL: held by one transaction at a time, there with what they tell of or not at all."""

from __future__ import annotations

import asyncio

import pytest

from application.ports.requests import FirstAnswer, RequestInProgressError, RequestKey
from domain.values import OrgId, UserId
from tests.conftest import ENGINES
from tests.stage import ORG, Stage

KEY = RequestKey(org=ORG, user=UserId("alice"), route="POST /there", key="key", fingerprint="asked")
ANSWER = FirstAnswer(fingerprint="asked", refused=False, answer=b'"done"')


async def first_answer(stage: Stage, request: RequestKey = KEY) -> FirstAnswer | None:
    """What was answered, as a new transaction finds it."""
    async with stage.container.unit_of_work().begin(request.org) as tx:
        return await tx.requests.hold(request)


async def test_an_answer_is_there_once_its_transaction_is_committed(stage: Stage) -> None:
    async with stage.container.unit_of_work().begin(ORG) as tx:
        assert await tx.requests.hold(KEY) is None
        await tx.requests.keep(KEY, b'"done"', refused=False)
    assert await first_answer(stage) == ANSWER


async def test_an_answer_is_rolled_back_with_its_transaction(stage: Stage) -> None:
    async def fail() -> None:
        async with stage.container.unit_of_work().begin(ORG) as tx:
            await tx.requests.hold(KEY)
            await tx.requests.keep(KEY, b'"done"', refused=False)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await first_answer(stage) is None


@pytest.mark.parametrize(
    "other", [{"org": OrgId("other")}, {"user": UserId("bob")}, {"route": "POST /elsewhere"}, {"key": "Key"}]
)
async def test_a_key_is_one_with_its_organisation_user_and_route(stage: Stage, other: dict[str, str]) -> None:
    async with stage.container.unit_of_work().begin(ORG) as tx:
        await tx.requests.keep(KEY, b'"done"', refused=False)
    values = {"org": KEY.org, "user": KEY.user, "route": KEY.route, "key": KEY.key, **other}
    different = RequestKey(
        org=OrgId(values["org"]),
        user=UserId(values["user"]),
        route=values["route"],
        key=values["key"],
        fingerprint=KEY.fingerprint,
    )
    assert await first_answer(stage, different) is None


async def test_while_one_works_on_a_request_another_waits_for_it_or_is_sent_away(engine: str, stage: Stage) -> None:
    held, done = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        async with stage.container.unit_of_work().begin(ORG) as tx:
            await tx.requests.hold(KEY)
            held.set()
            await done.wait()
            await tx.requests.keep(KEY, b'"done"', refused=False)

    working = asyncio.create_task(work())
    await held.wait()
    if engine == "postgresql":
        with pytest.raises(RequestInProgressError):
            await first_answer(stage)
        done.set()
        await working
        assert await first_answer(stage) == ANSWER
    else:
        waiting = asyncio.create_task(first_answer(stage))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        done.set()
        assert await waiting == ANSWER
        await working


@pytest.mark.parametrize("engine", ENGINES[1:])  # SQLite has one writer at a time
async def test_different_requests_do_not_wait_for_each_other(stage: Stage) -> None:
    other = RequestKey(org=ORG, user=UserId("bob"), route=KEY.route, key=KEY.key, fingerprint=KEY.fingerprint)
    async with stage.container.unit_of_work().begin(ORG) as tx:
        await tx.requests.hold(KEY)
        assert await first_answer(stage, other) is None

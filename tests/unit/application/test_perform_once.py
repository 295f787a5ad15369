"""A command and the first answer to its request: both are there, or neither."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import pytest
from sqlalchemy import literal, update

from application.commands.post_story import PostedStory, PostStory
from application.commands.reply_to_story import ReplyToStory
from application.once import KeyReusedError, PerformOnce, RefusedBeforeError
from application.ports.errors import UnavailableError
from application.ports.requests import FirstAnswer, RequestInProgressError, RequestKey
from application.ports.transactions import SystemTransaction, Transaction, UnitOfWork
from domain.audience import Audience, Visibility
from domain.errors import StoryNotFoundError
from domain.values import Lifetime, OrgId, StoryId, UserId
from infrastructure.sql.dialect import seconds_from_now
from infrastructure.sql.tables import idempotency_keys
from tests.stage import Stage
from tests.unit.application.scenes import DAY, all_story_ids


def request(stage: Stage, user: str = "alice", *, fingerprint: str = "what was asked") -> RequestKey:
    """A request with the key of all requests here."""
    return RequestKey(org=stage.org, user=UserId(user), route="POST /there", key="key", fingerprint=fingerprint)


def post(stage: Stage) -> PostStory:
    """A story to post."""
    audience = Audience(Visibility.PUBLIC)
    return PostStory(caller=stage.caller("alice"), text="Hi", audience=audience, lifetime=Lifetime(DAY))


async def post_once(stage: Stage, known: RequestKey) -> tuple[PostedStory, bool]:
    """Post it, unless the request came before."""
    performed = await stage.container.perform_once()(known, stage.container.post_story(), post(stage))
    return performed.result, performed.before


async def test_the_second_time_the_result_is_the_first_ones_and_nothing_is_done(stage: Stage) -> None:
    posted, before = await post_once(stage, request(stage))
    assert not before
    assert await post_once(stage, request(stage)) == (posted, True)
    assert await all_story_ids(stage) == [posted.story_id]


async def test_results_of_every_make_come_back_as_they_were(stage: Stage) -> None:
    story_id = await stage.post_text("alice", visibility=Visibility.PUBLIC)
    command = ReplyToStory(caller=stage.caller("bob"), story_id=story_id, content="Hi")
    once, handler = stage.container.perform_once(), stage.container.reply_to_story()
    first = await once(request(stage, "bob"), handler, command)
    again = await once(request(stage, "bob"), handler, command)
    assert (again.result, type(again.result)) == (first.result, type(first.result))


async def test_another_request_with_the_key_is_told_so(stage: Stage) -> None:
    await post_once(stage, request(stage))
    with pytest.raises(KeyReusedError) as caught:
        await post_once(stage, request(stage, fingerprint="something else"))
    assert caught.value.code == "idempotency_key_reused"
    assert len(await all_story_ids(stage)) == 1


async def test_a_command_that_is_refused_leaves_no_answer_of_its_own(stage: Stage) -> None:
    command = ReplyToStory(caller=stage.caller("bob"), story_id=StoryId(stage.container.new_id()()), content="Hi")
    for _ in range(2):
        with pytest.raises(StoryNotFoundError):
            await stage.container.perform_once()(request(stage), stage.container.reply_to_story(), command)


async def test_a_refusal_that_was_kept_is_given_again(stage: Stage) -> None:
    once = stage.container.perform_once()
    await once.refuse(request(stage), b'"no"')
    with pytest.raises(RefusedBeforeError) as caught:
        await post_once(stage, request(stage))
    assert caught.value.refusal == b'"no"'
    with pytest.raises(RefusedBeforeError):
        await once.refuse(request(stage), b'"no, and differently"')
    with pytest.raises(KeyReusedError):
        await once.refuse(request(stage, fingerprint="something else"), b'"no"')
    assert await all_story_ids(stage) == []


async def test_a_refusal_comes_too_late_where_the_request_was_granted(stage: Stage) -> None:
    posted, _ = await post_once(stage, request(stage))
    await stage.container.perform_once().refuse(request(stage), b'"no"')
    assert await post_once(stage, request(stage)) == (posted, True)


class Contested:
    """First answers that somebody else holds on to."""

    async def hold(self, known: RequestKey) -> FirstAnswer | None:
        raise RequestInProgressError

    async def keep(self, known: RequestKey, answer: bytes, *, refused: bool) -> None:
        raise UnavailableError


class Forgetful:
    """First answers that cannot be written."""

    async def hold(self, known: RequestKey) -> FirstAnswer | None:
        return None

    async def keep(self, known: RequestKey, answer: bytes, *, refused: bool) -> None:
        raise UnavailableError


@dataclass(frozen=True)
class With:
    """A unit of work with other first answers."""

    unit_of_work: UnitOfWork
    requests: Contested | Forgetful

    @asynccontextmanager
    async def begin(self, org: OrgId) -> AsyncIterator[Transaction]:
        async with self.unit_of_work.begin(org) as tx:
            tx.requests = self.requests  # type: ignore[misc] # this one can be set
            yield tx

    def begin_system(self) -> AbstractAsyncContextManager[SystemTransaction]:
        return self.unit_of_work.begin_system()


async def test_while_the_request_is_worked_on_it_is_neither_carried_out_nor_refused(stage: Stage) -> None:
    once = PerformOnce(With(stage.container.unit_of_work(), Contested()))
    with pytest.raises(RequestInProgressError) as caught:
        await once(request(stage), stage.container.post_story(), post(stage))
    assert caught.value.code == "request_in_progress"
    await once.refuse(request(stage), b'"no"')
    assert await all_story_ids(stage) == []
    _, before = await post_once(stage, request(stage))
    assert not before


async def test_if_the_answer_cannot_be_kept_nothing_is_done(stage: Stage) -> None:
    once = PerformOnce(With(stage.container.unit_of_work(), Forgetful()))
    with pytest.raises(UnavailableError):
        await once(request(stage), stage.container.post_story(), post(stage))
    assert await all_story_ids(stage) == []
    assert await stage.events() == []


async def test_answers_are_forgotten_after_a_day_and_not_before(stage: Stage) -> None:
    await post_once(stage, request(stage, "alice"))
    await post_once(stage, request(stage, "bob"))
    async with stage.container.database().write(None) as connection:
        await connection.execute(
            update(idempotency_keys)
            .where(idempotency_keys.c.user_id == "alice")
            .values(answered_at=seconds_from_now(literal(-DAY - 1.0)))
        )
    assert await stage.container.forget_answers()() == 1
    assert await stage.container.forget_answers()() == 0
    assert (await post_once(stage, request(stage, "bob")))[1]

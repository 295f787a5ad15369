"""Erasing people step by step: whatever happens in between, nothing is left in the end, and it is told once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from application.caller import Caller
from application.commands.begin_upload import BeginUpload
from application.commands.erase_user import TAKEN_BACK_MAX, EraseUser
from application.policies.erase_users import EraseUsers
from application.ports.errors import UnavailableError
from application.ports.transactions import SystemTransaction, Transaction, UnitOfWork
from domain.audience import Visibility
from domain.story import Access
from domain.values import OrgId
from tests.stage import Stage
from tests.unit.application.doubles import ForgetfulOrders, Meanwhile, MemoryObjects, nothing
from tests.unit.application.scenes import (
    access,
    empty_bin_after_days,
    last_event,
    let_leases_end,
    react,
    reply,
    told,
    view,
)


class MortalUnitOfWork:
    """Another unit of work, of a process that dies.

    Attributes:
        left: how many transactions can still be begun.
    """

    def __init__(self, unit_of_work: UnitOfWork, left: int) -> None:
        self._unit_of_work, self.left = unit_of_work, left

    def begin(self, org: OrgId) -> AbstractAsyncContextManager[Transaction]:
        self._live()
        return self._unit_of_work.begin(org)

    def begin_system(self) -> AbstractAsyncContextManager[SystemTransaction]:
        self._live()
        return self._unit_of_work.begin_system()

    def _live(self) -> None:
        if not self.left:
            raise UnavailableError("dead")
        self.left -= 1


class OvertakenUnitOfWork:
    """Another unit of work, of a process that somebody overtakes before its first step.

    Attributes:
        before_step: happens before that.
    """

    def __init__(self, unit_of_work: UnitOfWork, other: EraseUsers) -> None:
        self._unit_of_work, self._others = unit_of_work, [other]
        self.before_step: Meanwhile = nothing

    @asynccontextmanager
    async def begin(self, org: OrgId) -> AsyncIterator[Transaction]:
        while self._others:
            await self.before_step()
            await self._others.pop()()
        async with self._unit_of_work.begin(org) as tx:
            yield tx

    def begin_system(self) -> AbstractAsyncContextManager[SystemTransaction]:
        return self._unit_of_work.begin_system()


class EventfulOrders(ForgetfulOrders):
    """Something happens while orders are forgotten, the first time."""

    def __init__(self, meanwhile: Meanwhile) -> None:
        self._meanwhile = [meanwhile]

    async def forget(self, caller: Caller) -> None:
        while self._meanwhile:
            await self._meanwhile.pop()()


async def live(stage: Stage) -> None:
    """Two stories of alice's, one of bob's, and what they have to do with each other."""
    await stage.befriend("alice", "bob")
    await stage.post_image("alice")
    for owner, other in (("alice", "bob"), ("bob", "alice")):
        story_id = await stage.post_text(owner)
        await view(stage, other, story_id)
        await react(stage, other, story_id)
        await reply(stage, other, story_id)
    await stage.post_text("bob", visibility=Visibility.CUSTOM, allowed=frozenset({"alice"}))


async def ask(stage: Stage, user: str = "alice") -> None:
    """Ask for somebody's erasure."""
    await stage.container.erase_user()(EraseUser(caller=stage.caller(user)))


async def events(stage: Stage) -> list[Any]:
    """What was told of people who were erased."""
    return [event.subject for event in await stage.events() if event.type == "user.erased"]


async def test_somebody_of_whom_nothing_is_kept_is_not_erased(stage: Stage) -> None:
    await ask(stage)
    assert await stage.container.erase_users()() == 0
    assert await events(stage) == []


async def test_all_who_asked_are_erased_with_their_bytes(stage: Stage, objects: MemoryObjects) -> None:
    await live(stage)
    await ask(stage)
    await ask(stage, "bob")
    assert len(objects.held) == 3
    assert await stage.container.erase_users()() == 2
    assert objects.held == {}
    assert sorted(await events(stage)) == ["alice", "bob"]


@pytest.mark.slow
async def test_whenever_the_eraser_dies_another_goes_on_and_it_is_told_once(stage: Stage) -> None:
    container, lives, survived = stage.container, 0, False
    while not survived:
        await live(stage)
        await ask(stage)
        mortal = MortalUnitOfWork(container.unit_of_work(), lives)
        try:
            await EraseUsers(mortal, ForgetfulOrders(), container.empty_bin(), container.objects())()
            survived = True
        except UnavailableError:
            await let_leases_end(stage)
            await container.erase_users()()
        lives += 1
        assert await events(stage) == ["alice"] * lives
    assert lives > 8, "it died in the midst of it"


async def test_what_a_link_lets_in_is_erased_and_what_it_still_lets_in_is_gone_when_it_has_ended(
    stage: Stage, objects: MemoryObjects
) -> None:
    objects.signs = True
    begun = await stage.container.begin_upload()(BeginUpload(caller=stage.caller("alice"), direct=True))
    place = str(begun.upload.key)
    objects.held[place] = b"sent by the link"
    await ask(stage)
    assert await stage.container.erase_users()() == 1
    assert (objects.held, await events(stage)) == ({}, ["alice"])
    objects.held[place] = b"sent by the same link, too late"
    await empty_bin_after_days(stage)
    assert objects.held == {}


async def test_what_comes_at_the_last_moment_is_erased_too(stage: Stage) -> None:
    await live(stage)
    await ask(stage)

    async def post() -> None:
        await stage.post_text("alice")
        assert await events(stage) == []

    container = stage.container
    eraser = EraseUsers(container.unit_of_work(), EventfulOrders(post), container.empty_bin(), container.objects())
    assert await eraser() == 0
    assert await events(stage) == []
    await let_leases_end(stage)
    assert await eraser() == 1
    await ask(stage)
    assert await eraser() == 0, "nothing was left"
    assert await events(stage) == ["alice"]


async def test_it_waits_for_bytes_that_another_deletes(stage: Stage, objects: MemoryObjects) -> None:
    await stage.post_image("alice")
    await ask(stage)
    container = stage.container

    async def take() -> None:
        async with container.unit_of_work().begin_system() as tx:
            assert len(await tx.due_objects(lease_seconds=60, limit=10)) == 3

    eraser = EraseUsers(container.unit_of_work(), EventfulOrders(take), container.empty_bin(), container.objects())
    assert await eraser() == 0
    assert len(objects.held) == 3
    assert await events(stage) == []
    await let_leases_end(stage)
    assert await eraser() == 1
    assert objects.held == {}


async def test_of_two_who_erase_the_same_person_one_tells(stage: Stage) -> None:
    await live(stage)
    await ask(stage)

    async def overtake() -> None:
        await let_leases_end(stage)
        assert await stage.container.erase_users()() == 1

    container = stage.container
    eraser = EraseUsers(container.unit_of_work(), EventfulOrders(overtake), container.empty_bin(), container.objects())
    assert await eraser() == 0
    assert await events(stage) == ["alice"]


async def test_who_was_erased_between_two_steps_of_another_is_left_alone(stage: Stage) -> None:
    await stage.post_text("alice")
    await ask(stage)
    container = stage.container
    overtaken = OvertakenUnitOfWork(container.unit_of_work(), container.erase_users())
    overtaken.before_step = lambda: let_leases_end(stage)
    assert await EraseUsers(overtaken, ForgetfulOrders(), container.empty_bin(), container.objects())() == 0
    assert await events(stage) == ["alice"]


async def test_without_the_object_store_it_is_not_told_that_nothing_is_left(
    stage: Stage, objects: MemoryObjects
) -> None:
    await live(stage)
    await ask(stage)
    objects.away = True
    with pytest.raises(UnavailableError):
        await stage.container.erase_users()()
    assert await events(stage) == []
    objects.away = False
    await let_leases_end(stage)
    assert await stage.container.erase_users()() == 1
    assert objects.held == {}


async def test_it_is_told_that_stories_are_taken_back_and_then_deleted(stage: Stage) -> None:
    shown, hidden = await stage.post_text("alice"), await stage.post_text("alice", visibility=Visibility.ONLY_ME)
    await ask(stage)
    await ask(stage)
    assert (await last_event(stage, shown)).data["visibility"] == "OnlyMe"
    await stage.container.erase_users()()
    assert await told(stage, shown) == ["story.created", "story.published", "story.updated", "story.deleted"]
    assert await told(stage, hidden) == ["story.created", "story.published", "story.deleted"]


@pytest.mark.slow
async def test_more_stories_than_are_taken_back_are_hidden_all_the_same(stage: Stage) -> None:
    ids = [await stage.post_text("alice", visibility=Visibility.PUBLIC) for _ in range(TAKEN_BACK_MAX + 1)]
    await ask(stage)
    assert {await access(stage, "bob", story_id) for story_id in ids} == {Access.HIDDEN}
    updated = [story_id for story_id in ids if "story.updated" in await told(stage, story_id)]
    assert updated == ids[1:], "the oldest is just hidden"

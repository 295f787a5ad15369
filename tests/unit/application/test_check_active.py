"""Rings: who of many users has something to see, and something unseen."""

from __future__ import annotations

import pytest

from application.queries.check_active import USERS_MAX, CheckActive, Rings, TooManyIdsError
from domain.audience import Visibility
from domain.values import UserId
from tests.stage import Stage
from tests.unit.application.scenes import DAY, view


async def check(stage: Stage, *users: str, who: str = "bob") -> Rings:
    return await stage.container.check_active()(
        CheckActive(caller=stage.caller(who), users=[UserId(user) for user in users])
    )


async def test_those_with_something_visible_have_a_ring_and_all_others_not(stage: Stage) -> None:
    await stage.befriend("alice", "bob")
    await stage.post_text("alice")
    await stage.post_text("stranger")
    await stage.post_text("public", visibility=Visibility.PUBLIC)
    await stage.pass_time(await stage.post_text("expired", visibility=Visibility.PUBLIC), DAY)
    rings = await check(stage, "alice", "stranger", "public", "expired", "nobody")
    assert rings.active == {"alice": True, "stranger": False, "public": True, "expired": False, "nobody": False}


async def test_a_ring_is_unseen_until_all_of_it_is_viewed(stage: Stage) -> None:
    ids = [await stage.post_text("alice", visibility=Visibility.PUBLIC) for _ in range(2)]
    unseen = []
    for story_id in ids:
        unseen.append((await check(stage, "alice", "nobody")).unseen)
        await view(stage, "bob", story_id)
    unseen.append((await check(stage, "alice", "nobody")).unseen)
    assert unseen == [{"alice": still, "nobody": False} for still in (True, True, False)]
    assert (await check(stage, "alice")).active == {"alice": True}
    assert (await check(stage, "alice", who="carol")).unseen == {"alice": True}


async def test_ones_own_stories_are_active_and_never_unseen(stage: Stage) -> None:
    await stage.post_text("bob")
    rings = await check(stage, "bob")
    assert (rings.active, rings.unseen) == ({"bob": True}, {"bob": False})


async def test_a_blocked_user_has_no_ring(stage: Stage) -> None:
    await stage.post_text("alice", visibility=Visibility.PUBLIC)
    await stage.block("bob", "alice")
    assert (await check(stage, "alice")).active == {"alice": False}


async def test_duplicates_fold(stage: Stage) -> None:
    await stage.post_text("alice", visibility=Visibility.PUBLIC)
    rings = await check(stage, "alice", "zoe", "alice")
    assert (list(rings.active), list(rings.unseen)) == (["alice", "zoe"], ["alice", "zoe"])


async def test_of_nobody_nothing_is_said(stage: Stage) -> None:
    rings = await check(stage)
    assert (rings.active, rings.unseen) == ({}, {})


async def test_a_thousand_users_may_be_asked_about_and_no_more(stage: Stage) -> None:
    assert len((await check(stage, *(f"user{number}" for number in range(USERS_MAX)))).active) == 1_000
    for number in (1, USERS_MAX + 1):
        with pytest.raises(TooManyIdsError) as caught:
            await check(stage, *(f"user{each % number}" for each in range(USERS_MAX + 1)))
        assert caught.value.field == "userIds"

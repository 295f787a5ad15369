"""Ending friendships and requests."""

from __future__ import annotations

import pytest

from application.commands.befriend import Befriend
from application.commands.unfriend import Unfriend
from application.queries.list_friends import ListFriends
from domain.errors import InvalidError
from domain.story import Access
from domain.values import UserId
from tests.stage import Stage
from tests.unit.application.scenes import access


async def unfriend(stage: Stage, who: str, friend: str) -> None:
    await stage.container.unfriend()(Unfriend(caller=stage.caller(who), friend=UserId(friend)))


async def friends(stage: Stage, who: str) -> list[str]:
    page = await stage.container.list_friends()(ListFriends(caller=stage.caller(who), page=1, page_size=100))
    return [friend.user_id for friend in page.friends]


@pytest.mark.parametrize(("who", "friend"), [("alice", "bob"), ("bob", "alice")])
async def test_either_ends_it_for_both_and_before_the_answer(stage: Stage, who: str, friend: str) -> None:
    await stage.befriend("alice", "bob")
    await stage.befriend("alice", "carol")
    story_id = await stage.post_text("alice")
    await unfriend(stage, who, friend)
    assert await access(stage, "bob", story_id) is Access.HIDDEN
    assert (await friends(stage, "alice"), await friends(stage, "bob")) == (["carol"], [])


@pytest.mark.parametrize(("who", "friend"), [("alice", "bob"), ("bob", "alice")])
async def test_a_request_is_taken_back_or_turned_down(stage: Stage, who: str, friend: str) -> None:
    await stage.container.befriend()(Befriend(caller=stage.caller("alice"), friend=UserId("bob")))
    await unfriend(stage, who, friend)
    assert (await friends(stage, "alice"), await friends(stage, "bob")) == ([], [])


async def test_where_there_is_nothing_nothing_happens(stage: Stage) -> None:
    await unfriend(stage, "alice", "bob")
    assert await friends(stage, "alice") == []


async def test_nobody_unfriends_themselves(stage: Stage) -> None:
    with pytest.raises(InvalidError):
        await unfriend(stage, "alice", "alice")

"""Naming friends: a request of one, confirmed by the other or by the application that owns the graph."""

from __future__ import annotations

import asyncio

import pytest

from application.commands.befriend import Befriend
from application.queries.list_friends import ListFriends
from domain.errors import InvalidError, NotFoundError
from domain.friendship import FriendshipStatus
from domain.story import Access
from domain.values import UserId
from tests.stage import Stage
from tests.unit.application.scenes import access


async def befriend(stage: Stage, who: str, friend: str, *, confirmed: bool = False) -> None:
    await stage.container.befriend()(Befriend(caller=stage.caller(who), friend=UserId(friend), confirmed=confirmed))


async def friends(stage: Stage, who: str) -> dict[str, FriendshipStatus]:
    page = await stage.container.list_friends()(ListFriends(caller=stage.caller(who), page=1, page_size=100))
    return {friend.user_id: friend.status for friend in page.friends}


async def test_a_request_alone_makes_no_friend(stage: Stage) -> None:
    story_id = await stage.post_text("alice")
    await befriend(stage, "alice", "bob")
    assert await friends(stage, "alice") == {"bob": FriendshipStatus.REQUESTED}
    assert await friends(stage, "bob") == {"alice": FriendshipStatus.PENDING}
    assert await access(stage, "bob", story_id) is Access.HIDDEN


async def test_when_both_have_said_so_they_are_friends(stage: Stage) -> None:
    story_id = await stage.post_text("alice")
    await befriend(stage, "alice", "bob")
    await befriend(stage, "bob", "alice")
    assert await friends(stage, "alice") == {"bob": FriendshipStatus.CONFIRMED}
    assert await friends(stage, "bob") == {"alice": FriendshipStatus.CONFIRMED}
    assert await access(stage, "bob", story_id) is Access.VISIBLE


async def test_two_who_ask_each_other_at_once_are_friends(stage: Stage) -> None:
    await asyncio.gather(befriend(stage, "alice", "bob"), befriend(stage, "bob", "alice"))
    assert await friends(stage, "alice") == {"bob": FriendshipStatus.CONFIRMED}


async def test_asking_again_changes_nothing(stage: Stage) -> None:
    for _ in range(2):
        await befriend(stage, "alice", "bob")
    assert await friends(stage, "alice") == {"bob": FriendshipStatus.REQUESTED}


async def test_the_application_that_owns_the_graph_confirms_at_once(stage: Stage) -> None:
    for _ in range(2):
        await befriend(stage, "alice", "bob", confirmed=True)
    assert await friends(stage, "bob") == {"alice": FriendshipStatus.CONFIRMED}


@pytest.mark.parametrize(("blocker", "target"), [("alice", "bob"), ("bob", "alice")])
@pytest.mark.parametrize("confirmed", [True, False])
async def test_while_either_blocks_the_other_there_is_nobody_to_befriend(
    stage: Stage, blocker: str, target: str, *, confirmed: bool
) -> None:
    await stage.block(blocker, target)
    with pytest.raises(NotFoundError):
        await befriend(stage, "alice", "bob", confirmed=confirmed)
    assert await friends(stage, "alice") == {}


async def test_nobody_befriends_themselves(stage: Stage) -> None:
    with pytest.raises(InvalidError) as caught:
        await befriend(stage, "alice", "alice")
    assert caught.value.field == "friendId"

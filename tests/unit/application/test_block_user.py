"""Blocking: neither sees the other's stories, and what was between them is over for good."""

from __future__ import annotations

import pytest

from application.commands.add_close_friend import AddCloseFriend
from application.commands.befriend import Befriend
from application.commands.block_user import BlockUser
from application.commands.unblock_user import UnblockUser
from application.queries.list_friends import ListFriends
from domain.audience import Visibility
from domain.errors import InvalidError
from domain.story import Access
from domain.values import StoryId, UserId
from tests.stage import Stage
from tests.unit.application.scenes import access


async def block(stage: Stage, who: str, target: str) -> None:
    await stage.container.block_user()(BlockUser(caller=stage.caller(who), target=UserId(target)))


async def unblock(stage: Stage, who: str, target: str) -> None:
    await stage.container.unblock_user()(UnblockUser(caller=stage.caller(who), target=UserId(target)))


async def friends(stage: Stage, who: str) -> list[str]:
    page = await stage.container.list_friends()(ListFriends(caller=stage.caller(who), page=1, page_size=100))
    return [friend.user_id for friend in page.friends]


async def both_ways(stage: Stage, visibility: Visibility) -> tuple[StoryId, StoryId]:
    """A story of Alice's and one of Bob's."""
    return await stage.post_text("alice", visibility=visibility), await stage.post_text("bob", visibility=visibility)


@pytest.mark.parametrize(("blocker", "target"), [("alice", "bob"), ("bob", "alice")])
async def test_whoever_blocks_neither_sees_the_other(stage: Stage, blocker: str, target: str) -> None:
    of_alice, of_bob = await both_ways(stage, Visibility.PUBLIC)
    for _ in range(2):
        await block(stage, blocker, target)
    assert await access(stage, "bob", of_alice) is Access.HIDDEN
    assert await access(stage, "alice", of_bob) is Access.HIDDEN
    assert await access(stage, "carol", of_alice) is Access.VISIBLE


async def test_only_who_has_blocked_can_take_it_back(stage: Stage) -> None:
    of_alice, of_bob = await both_ways(stage, Visibility.PUBLIC)
    await block(stage, "alice", "bob")
    await unblock(stage, "bob", "alice")
    assert await access(stage, "bob", of_alice) is Access.HIDDEN
    for _ in range(2):
        await unblock(stage, "alice", "bob")
    assert await access(stage, "bob", of_alice) is Access.VISIBLE
    assert await access(stage, "alice", of_bob) is Access.VISIBLE


async def test_of_two_who_block_each_other_each_takes_back_their_own(stage: Stage) -> None:
    of_alice, _ = await both_ways(stage, Visibility.PUBLIC)
    await block(stage, "alice", "bob")
    await block(stage, "bob", "alice")
    await unblock(stage, "alice", "bob")
    assert await access(stage, "bob", of_alice) is Access.HIDDEN


async def test_a_block_ends_the_friendship_and_unblocking_does_not_restore_it(stage: Stage) -> None:
    await stage.befriend("alice", "bob")
    await stage.befriend("alice", "carol")
    of_alice, of_bob = await both_ways(stage, Visibility.FRIENDS)
    await block(stage, "alice", "bob")
    await unblock(stage, "alice", "bob")
    assert (await friends(stage, "alice"), await friends(stage, "bob")) == (["carol"], [])
    assert await access(stage, "bob", of_alice) is Access.HIDDEN
    assert await access(stage, "alice", of_bob) is Access.HIDDEN


@pytest.mark.parametrize(("who", "friend"), [("alice", "bob"), ("bob", "alice")])
async def test_a_block_ends_requests_of_either(stage: Stage, who: str, friend: str) -> None:
    await stage.container.befriend()(Befriend(caller=stage.caller(who), friend=UserId(friend)))
    await block(stage, "alice", "bob")
    await unblock(stage, "alice", "bob")
    assert (await friends(stage, "alice"), await friends(stage, "bob")) == ([], [])


async def test_a_block_ends_the_marks_of_close_friends_of_both(stage: Stage) -> None:
    for who, friend in (("alice", "bob"), ("bob", "alice")):
        await stage.container.add_close_friend()(AddCloseFriend(caller=stage.caller(who), friend=UserId(friend)))
    of_alice, of_bob = await both_ways(stage, Visibility.CLOSE_FRIENDS)
    assert await access(stage, "bob", of_alice) is Access.VISIBLE
    await block(stage, "alice", "bob")
    await unblock(stage, "alice", "bob")
    assert await access(stage, "bob", of_alice) is Access.HIDDEN
    assert await access(stage, "alice", of_bob) is Access.HIDDEN


async def test_nobody_blocks_themselves(stage: Stage) -> None:
    with pytest.raises(InvalidError) as caught:
        await block(stage, "alice", "alice")
    assert caught.value.field == "targetId"

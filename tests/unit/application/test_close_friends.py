"""The close-friends list: the caller's alone, put together without asking anybody."""

from __future__ import annotations

import pytest

from application.commands.add_close_friend import AddCloseFriend
from application.commands.remove_close_friend import RemoveCloseFriend
from domain.audience import Visibility
from domain.errors import InvalidError, NotFoundError
from domain.story import Access
from domain.values import UserId
from tests.stage import Stage
from tests.unit.application.scenes import access


async def add(stage: Stage, who: str, friend: str) -> None:
    await stage.container.add_close_friend()(AddCloseFriend(caller=stage.caller(who), friend=UserId(friend)))


async def remove(stage: Stage, who: str, friend: str) -> None:
    await stage.container.remove_close_friend()(RemoveCloseFriend(caller=stage.caller(who), friend=UserId(friend)))


async def test_who_is_on_the_list_sees_what_is_for_close_friends_until_taken_off(stage: Stage) -> None:
    story_id = await stage.post_text("alice", visibility=Visibility.CLOSE_FRIENDS)
    seen = [await access(stage, "bob", story_id)]
    for change in (add, add, remove, remove):
        await change(stage, "alice", "bob")
        seen.append(await access(stage, "bob", story_id))
    assert seen == [Access.HIDDEN, Access.VISIBLE, Access.VISIBLE, Access.HIDDEN, Access.HIDDEN]


async def test_the_list_counts_for_stories_of_the_one_who_keeps_it_only(stage: Stage) -> None:
    await add(stage, "alice", "bob")
    story_id = await stage.post_text("bob", visibility=Visibility.CLOSE_FRIENDS)
    assert await access(stage, "alice", story_id) is Access.HIDDEN


async def test_taking_one_off_leaves_the_others_on(stage: Stage) -> None:
    story_id = await stage.post_text("alice", visibility=Visibility.CLOSE_FRIENDS)
    for friend in ("bob", "carol"):
        await add(stage, "alice", friend)
    await remove(stage, "alice", "bob")
    assert await access(stage, "carol", story_id) is Access.VISIBLE


@pytest.mark.parametrize(("blocker", "target"), [("alice", "bob"), ("bob", "alice")])
async def test_while_either_blocks_the_other_there_is_nobody_to_add(stage: Stage, blocker: str, target: str) -> None:
    await stage.block(blocker, target)
    with pytest.raises(NotFoundError):
        await add(stage, "alice", "bob")


async def test_nobody_is_a_close_friend_of_themselves(stage: Stage) -> None:
    with pytest.raises(InvalidError) as caught:
        await add(stage, "alice", "alice")
    assert caught.value.field == "friendId"

"""Close friends, mutes and blocks: what they change, and what they leave alone."""

from __future__ import annotations

import pytest

from application.commands.add_close_friend import AddCloseFriend
from application.commands.befriend import Befriend
from application.commands.block_user import BlockUser
from application.commands.mute_user import MuteUser
from application.commands.remove_close_friend import RemoveCloseFriend
from application.commands.unblock_user import UnblockUser
from application.commands.unmute_user import UnmuteUser
from application.queries.list_blocks import ListBlocks
from domain.audience import Relation, Visibility
from domain.errors import InvalidError, NotFoundError
from domain.story import Access
from domain.values import StoryId, UserId
from tests.stage import Stage

ALICE, BOB = UserId("alice"), UserId("bob")


async def _relation(stage: Stage, owner: UserId = ALICE, viewer: UserId = BOB) -> Relation:
    async with stage.container.unit_of_work().begin(stage.org) as tx:
        return await tx.social.relation(owner, viewer)


async def _access(stage: Stage, story_id: StoryId, viewer: UserId = BOB) -> Access:
    async with stage.container.unit_of_work().begin(stage.org) as tx:
        known = await tx.stories.access(story_id, viewer)
    assert known is not None
    return known.access


async def _feed(stage: Stage, viewer: str = "bob") -> int:
    return (await stage.container.feed_reader().feed(stage.caller(viewer), offset=0, limit=10))[1]


async def _block(stage: Stage, blocker: str = "alice", target: UserId = BOB) -> None:
    await stage.container.block_user()(BlockUser(caller=stage.caller(blocker), target=target))


async def test_a_close_friend_sees_what_is_for_close_friends_until_taken_off_the_list(stage: Stage) -> None:
    story_id = await stage.post_text(visibility=Visibility.CLOSE_FRIENDS)
    assert await _access(stage, story_id) is Access.HIDDEN
    for _ in range(2):  # again is no error
        await stage.container.add_close_friend()(AddCloseFriend(caller=stage.caller("alice"), friend=BOB))
    assert await _access(stage, story_id) is Access.VISIBLE
    for _ in range(2):
        await stage.container.remove_close_friend()(RemoveCloseFriend(caller=stage.caller("alice"), friend=BOB))
    assert await _access(stage, story_id) is Access.HIDDEN


async def test_muted_people_leave_the_feed_and_nothing_else(stage: Stage) -> None:
    await stage.befriend("alice", "bob")
    story_id = await stage.post_text()
    for _ in range(2):
        await stage.container.mute_user()(MuteUser(caller=stage.caller("bob"), target=ALICE))
    assert await _feed(stage) == 0
    assert await _access(stage, story_id) is Access.VISIBLE
    assert len(await stage.container.story_reader().active(stage.caller("bob"), ALICE)) == 1
    for _ in range(2):
        await stage.container.unmute_user()(UnmuteUser(caller=stage.caller("bob"), target=ALICE))
    assert await _feed(stage) == 1


@pytest.mark.parametrize(("blocker", "target"), [("alice", BOB), ("bob", ALICE)])
async def test_a_block_hides_each_from_the_other_whoever_set_it(stage: Stage, blocker: str, target: UserId) -> None:
    story_id = await stage.post_text(visibility=Visibility.PUBLIC)
    for _ in range(2):
        await _block(stage, blocker, target)
    assert await _access(stage, story_id) is Access.HIDDEN
    assert await _access(stage, await stage.post_text("bob", visibility=Visibility.PUBLIC), ALICE) is Access.HIDDEN


async def test_a_block_ends_what_made_them_friends_and_unblocking_restores_nothing(stage: Stage) -> None:
    await stage.befriend("alice", "bob")
    await stage.container.add_close_friend()(AddCloseFriend(caller=stage.caller("alice"), friend=BOB))
    await stage.container.add_close_friend()(AddCloseFriend(caller=stage.caller("bob"), friend=ALICE))
    await _block(stage)
    assert await _relation(stage) == Relation(blocked=True)
    for _ in range(2):
        await stage.container.unblock_user()(UnblockUser(caller=stage.caller("alice"), target=BOB))
    assert await _relation(stage) == Relation()
    assert await _relation(stage, BOB, ALICE) == Relation()


async def test_blocks_are_listed_by_id_with_the_first_reason_that_was_given(stage: Stage) -> None:
    block, who = stage.container.block_user(), stage.caller("alice")
    plain = await block(BlockUser(caller=who, target=UserId("carol")))
    first = await block(BlockUser(caller=who, target=BOB, reason="spam"))
    again = await block(BlockUser(caller=who, target=BOB, reason="more spam"))
    late = await block(BlockUser(caller=who, target=UserId("carol"), reason="at last"))
    assert [(each.reason, each.before) for each in (plain, first, again, late)] == [
        (None, False),
        ("spam", False),
        ("spam", True),
        ("at last", True),
    ]
    assert again.at == first.at is not None
    listed = stage.container.list_blocks()
    page = await listed(ListBlocks(caller=who, page=1, page_size=1))
    assert [(each.target_id, each.reason, each.created_at) for each in page.blocks] == [("bob", "spam", first.at)]
    assert (page.total_count, page.total_pages) == (2, 2)
    assert (await listed(ListBlocks(caller=stage.caller("bob"), page=1, page_size=9))).blocks == ()


async def test_a_block_from_before_its_time_was_written_down_has_none(stage: Stage) -> None:
    await stage.block("alice", "bob")
    again = await stage.container.block_user()(BlockUser(caller=stage.caller("alice"), target=BOB))
    assert (again.at, again.before) == (None, True)
    page = await stage.container.list_blocks()(ListBlocks(caller=stage.caller("alice"), page=1, page_size=9))
    assert [each.created_at for each in page.blocks] == [None]


async def test_a_reason_for_a_block_is_a_text_of_at_most_200_code_points(stage: Stage) -> None:
    for reason in ("x" * 201, "a\x00"):
        with pytest.raises(InvalidError):
            await stage.container.block_user()(BlockUser(caller=stage.caller("alice"), target=BOB, reason=reason))
    assert not (await _relation(stage)).blocked


async def test_nobody_takes_back_the_block_of_another(stage: Stage) -> None:
    await _block(stage)
    await stage.container.unblock_user()(UnblockUser(caller=stage.caller("bob"), target=ALICE))
    assert (await _relation(stage)).blocked


async def test_while_blocked_nobody_becomes_a_friend_or_a_close_friend(stage: Stage) -> None:
    await _block(stage)
    for who, whom in (("alice", BOB), ("bob", ALICE)):
        with pytest.raises(NotFoundError):
            await stage.container.befriend()(Befriend(caller=stage.caller(who), friend=whom))
        with pytest.raises(NotFoundError):
            await stage.container.add_close_friend()(AddCloseFriend(caller=stage.caller(who), friend=whom))


async def test_nobody_names_themselves(stage: Stage) -> None:
    who = stage.caller("alice")
    with pytest.raises(InvalidError):
        await stage.container.add_close_friend()(AddCloseFriend(caller=who, friend=ALICE))
    with pytest.raises(InvalidError):
        await stage.container.mute_user()(MuteUser(caller=who, target=ALICE))
    with pytest.raises(InvalidError):
        await _block(stage, "alice", ALICE)

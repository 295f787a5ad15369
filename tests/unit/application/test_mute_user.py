"""Muting: out of feeds, and still to be seen where one asks for them."""

from __future__ import annotations

import pytest

from application.commands.mute_user import MuteUser
from application.commands.unmute_user import UnmuteUser
from application.queries.list_feed import ListFeed
from domain.errors import InvalidError
from domain.story import Access
from domain.values import UserId
from tests.stage import Stage
from tests.unit.application.scenes import access


async def mute(stage: Stage, who: str, target: str) -> None:
    await stage.container.mute_user()(MuteUser(caller=stage.caller(who), target=UserId(target)))


async def unmute(stage: Stage, who: str, target: str) -> None:
    await stage.container.unmute_user()(UnmuteUser(caller=stage.caller(who), target=UserId(target)))


async def feed(stage: Stage, who: str) -> list[str]:
    """The authors in somebody's feed."""
    found = await stage.container.list_feed()(ListFeed(caller=stage.caller(who), limit=100, skip=0))
    return [card.user_id for card in found.stories]


async def test_stories_of_the_muted_leave_the_feed_until_they_are_unmuted(stage: Stage) -> None:
    await stage.befriend("alice", "bob")
    await stage.post_text("alice")
    seen = [await feed(stage, "bob")]
    for change in (mute, mute, unmute, unmute):
        await change(stage, "bob", "alice")
        seen.append(await feed(stage, "bob"))
    assert seen == [["alice"], [], [], ["alice"], ["alice"]]


async def test_by_its_id_a_story_of_the_muted_is_still_seen(stage: Stage) -> None:
    await stage.befriend("alice", "bob")
    story_id = await stage.post_text("alice")
    await mute(stage, "bob", "alice")
    assert await access(stage, "bob", story_id) is Access.VISIBLE


async def test_muting_is_of_one_person_and_of_ones_own_feed(stage: Stage) -> None:
    for friend in ("bob", "carol"):
        await stage.befriend("alice", friend)
    await stage.befriend("bob", "carol")
    for owner in ("alice", "bob", "carol"):
        await stage.post_text(owner)
    await mute(stage, "bob", "alice")
    assert await feed(stage, "bob") == ["carol"]
    assert await feed(stage, "alice") == ["carol", "bob"]
    assert await feed(stage, "carol") == ["bob", "alice"]


async def test_nobody_mutes_themselves(stage: Stage) -> None:
    with pytest.raises(InvalidError) as caught:
        await mute(stage, "alice", "alice")
    assert caught.value.field == "targetId"

"""Active stories of one user, in playing order."""

from __future__ import annotations

from application.commands.archive_story import ArchiveStory
from application.queries.list_active_stories import ListActiveStories
from domain.audience import Visibility
from domain.values import StoryId, UserId
from tests.stage import Stage
from tests.unit.application.scenes import DAY


async def active(stage: Stage, who: str, owner: str = "alice") -> list[StoryId]:
    cards = await stage.container.list_active_stories()(
        ListActiveStories(caller=stage.caller(who), owner=UserId(owner))
    )
    return [card.story_id for card in cards]


async def test_they_come_oldest_first(stage: Stage) -> None:
    ids = [await stage.post_text("alice", visibility=Visibility.PUBLIC) for _ in range(3)]
    await stage.pass_time(ids[2], 60)
    assert await active(stage, "bob") == [ids[2], ids[0], ids[1]]


async def test_each_sees_what_they_may(stage: Stage) -> None:
    await stage.befriend("alice", "bob")
    public = await stage.post_text("alice", visibility=Visibility.PUBLIC)
    friends = await stage.post_text("alice")
    own = await stage.post_text("alice", visibility=Visibility.ONLY_ME)
    assert await active(stage, "alice") == [public, friends, own]
    assert await active(stage, "bob") == [public, friends]
    assert await active(stage, "zoe") == [public]


async def test_what_is_over_or_not_yet_processed_is_not_active_even_for_its_owner(stage: Stage) -> None:
    expired, archived = await stage.post_text("alice"), await stage.post_text("alice")
    await stage.pass_time(expired, DAY)
    await stage.container.archive_story()(ArchiveStory(caller=stage.caller("alice"), story_id=archived))
    await stage.post_image("alice", processed=False)
    assert await active(stage, "alice") == []


async def test_muting_somebody_does_not_hide_them_where_one_asks_for_them(stage: Stage) -> None:
    story_id = await stage.post_text("alice", visibility=Visibility.PUBLIC)
    await stage.mute("bob", "alice")
    assert await active(stage, "bob") == [story_id]


async def test_unknown_blocked_and_foreign_users_have_none(stage: Stage) -> None:
    await stage.post_text("alice", visibility=Visibility.PUBLIC)
    await stage.block("alice", "bob")
    assert await active(stage, "bob") == []
    assert await active(stage, "carol", owner="nobody") == []
    assert await active(Stage(stage.container, "another"), "carol") == []

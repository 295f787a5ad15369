"""Reading replies: the owner all threads, everybody else their own."""

from __future__ import annotations

import pytest

from application.commands.keep_profile import KeepProfile
from application.ports.people import Profile
from application.queries.list_replies import Direction, ListStoryReplies, ListUserReplies, ReplyPage
from domain.audience import Visibility
from domain.errors import StoryExpiredError, StoryNotFoundError
from domain.values import StoryId
from tests.stage import Stage
from tests.unit.application.doubles import NOON
from tests.unit.application.scenes import DAY, reply


@pytest.fixture
async def story_id(stage: Stage) -> StoryId:
    """A story everybody sees; Bob and Carol wrote, and Bob was answered."""
    story_id = await stage.post_text("alice", visibility=Visibility.PUBLIC)
    await reply(stage, "bob", story_id, "1")
    await reply(stage, "carol", story_id, "2")
    await reply(stage, "alice", story_id, "3", to="bob")
    return story_id


async def about(stage: Stage, who: str, story_id: StoryId, page: int = 1, page_size: int = 20) -> ReplyPage:
    return await stage.container.list_story_replies()(
        ListStoryReplies(caller=stage.caller(who), story_id=story_id, page=page, page_size=page_size)
    )


async def of_user(stage: Stage, who: str, direction: Direction, page: int = 1, page_size: int = 20) -> ReplyPage:
    return await stage.container.list_user_replies()(
        ListUserReplies(caller=stage.caller(who), direction=direction, page=page, page_size=page_size)
    )


def contents(page: ReplyPage) -> list[str]:
    return [item.content for item in page.replies]


async def test_the_owner_reads_all_threads_and_each_other_their_own_oldest_first(
    stage: Stage, story_id: StoryId
) -> None:
    assert contents(await about(stage, "alice", story_id)) == ["1", "2", "3"]
    assert contents(await about(stage, "bob", story_id)) == ["1", "3"]
    assert contents(await about(stage, "carol", story_id)) == ["2"]
    assert contents(await about(stage, "dave", story_id)) == []


async def test_a_message_says_who_wrote_to_whom_with_the_senders_name(stage: Stage, story_id: StoryId) -> None:
    profile = Profile(username="bobby", full_name="Bob Roe", avatar_url="https://a.test/b.png")
    await stage.container.keep_profile()(
        KeepProfile(caller=stage.caller("bob"), profile=profile, told_at=NOON, create=True)
    )
    first, _, answer = (await about(stage, "alice", story_id)).replies
    assert (first.sender, first.to, first.story_id) == ("bob", "alice", story_id)
    assert (first.username, first.full_name, first.avatar_url) == ("bobby", "Bob Roe", "https://a.test/b.png")
    assert (answer.sender, answer.to, answer.username) == ("alice", "bob", "alice")


async def test_threads_are_paged(stage: Stage, story_id: StoryId) -> None:
    pages = [await about(stage, "alice", story_id, page, 2) for page in (1, 2, 3)]
    assert [contents(page) for page in pages] == [["1", "2"], ["3"], []]
    assert [(page.page, page.page_size, page.total_count, page.total_pages) for page in pages] == [
        (number, 2, 3, 2) for number in (1, 2, 3)
    ]


async def test_messages_outlive_the_storys_time_for_those_who_wrote(stage: Stage, story_id: StoryId) -> None:
    await stage.pass_time(story_id, DAY)
    assert contents(await about(stage, "alice", story_id)) == ["1", "2", "3"]
    assert contents(await about(stage, "bob", story_id)) == ["1", "3"]
    with pytest.raises(StoryExpiredError):
        await about(stage, "dave", story_id)


async def test_who_wrote_before_being_shut_out_still_reads_their_thread(stage: Stage, story_id: StoryId) -> None:
    for who in ("bob", "dave"):
        await stage.block("alice", who)
    assert contents(await about(stage, "bob", story_id)) == ["1", "3"]
    with pytest.raises(StoryNotFoundError):
        await about(stage, "dave", story_id)


async def test_across_stories_one_reads_what_one_got_and_sent_newest_first(stage: Stage, story_id: StoryId) -> None:
    other = await stage.post_text("bob", visibility=Visibility.PUBLIC)
    await reply(stage, "alice", other, "4")
    assert contents(await of_user(stage, "alice", Direction.RECEIVED)) == ["2", "1"]
    assert contents(await of_user(stage, "alice", Direction.SENT)) == ["4", "3"]
    assert contents(await of_user(stage, "bob", Direction.RECEIVED)) == ["4", "3"]
    assert contents(await of_user(stage, "dave", Direction.SENT)) == []


async def test_what_one_got_and_sent_is_paged(stage: Stage, story_id: StoryId) -> None:
    pages = [await of_user(stage, "alice", Direction.RECEIVED, page, 1) for page in (1, 2, 3)]
    assert [contents(page) for page in pages] == [["2"], ["1"], []]
    assert {(page.page_size, page.total_count, page.total_pages) for page in pages} == {(1, 2, 2)}


async def test_nobody_reads_in_another_organisation(stage: Stage, story_id: StoryId) -> None:
    elsewhere = Stage(stage.container, "another")
    for direction in Direction:
        assert contents(await of_user(elsewhere, "alice", direction)) == []
    with pytest.raises(StoryNotFoundError):
        await about(elsewhere, "alice", story_id)

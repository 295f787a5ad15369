"""Replying in private: viewers to the owner, the owner to those who wrote."""

from __future__ import annotations

from uuid import uuid4

import pytest

from application.commands.archive_story import ArchiveStory
from application.commands.reply_to_story import ReplyToStory
from domain.audience import Visibility
from domain.errors import InvalidError, NotFoundError, OwnStoryError, StoryExpiredError, StoryNotFoundError
from domain.values import StoryId, UserId
from tests.stage import Stage
from tests.unit.application.scenes import DAY, last_event, own_card, reply, told


@pytest.fixture
async def story_id(stage: Stage) -> StoryId:
    """A story everybody sees."""
    return await stage.post_text("alice", visibility=Visibility.PUBLIC)


async def test_a_reply_goes_to_the_owner_is_counted_and_told_without_its_words(stage: Stage, story_id: StoryId) -> None:
    reply_id = await reply(stage, "bob", story_id, "You look happy")
    assert (await own_card(stage, story_id)).reply_count == 1
    event = await last_event(stage, story_id)
    assert event.type == "story.replied"
    assert event.data == {"ownerId": "alice", "replyId": str(reply_id), "sender": "bob", "recipient": "alice"}


async def test_every_reply_is_one_more(stage: Stage, story_id: StoryId) -> None:
    assert await reply(stage, "bob", story_id, "Hi!") != await reply(stage, "bob", story_id, "Hi!")
    assert (await own_card(stage, story_id)).reply_count == 2
    assert (await told(stage, story_id)).count("story.replied") == 2


async def test_naming_the_owner_as_recipient_changes_nothing(stage: Stage, story_id: StoryId) -> None:
    await reply(stage, "bob", story_id, to="alice")
    assert (await last_event(stage, story_id)).data["recipient"] == "alice"


async def test_a_viewer_writes_to_nobody_but_the_owner(stage: Stage, story_id: StoryId) -> None:
    with pytest.raises(InvalidError) as caught:
        await reply(stage, "bob", story_id, to="carol")
    assert caught.value.field == "to"


async def test_the_owner_answers_somebody_who_wrote(stage: Stage, story_id: StoryId) -> None:
    await reply(stage, "bob", story_id)
    await reply(stage, "alice", story_id, "Thank you", to="bob")
    event = await last_event(stage, story_id)
    assert (event.data["sender"], event.data["recipient"]) == ("alice", "bob")
    assert (await own_card(stage, story_id)).reply_count == 2


async def test_the_owner_cannot_write_to_somebody_who_did_not(stage: Stage, story_id: StoryId) -> None:
    await reply(stage, "bob", story_id)
    with pytest.raises(InvalidError) as caught:
        await reply(stage, "alice", story_id, to="carol")
    assert caught.value.field == "to"
    assert (await own_card(stage, story_id)).reply_count == 1


async def test_a_thread_about_one_story_is_none_about_another(stage: Stage, story_id: StoryId) -> None:
    await reply(stage, "bob", await stage.post_text("alice", visibility=Visibility.PUBLIC))
    with pytest.raises(InvalidError):
        await reply(stage, "alice", story_id, to="bob")


@pytest.mark.parametrize("to", [None, "alice"])
async def test_the_owner_does_not_write_to_themselves(stage: Stage, story_id: StoryId, to: str | None) -> None:
    with pytest.raises(OwnStoryError) as caught:
        await reply(stage, "alice", story_id, to=to)
    assert caught.value.code == "own_story"


@pytest.mark.parametrize("content", ["", "  \n", "x" * 1_001, "bell\a"])
async def test_words_that_say_nothing_too_much_or_what_is_no_text_are_refused(
    stage: Stage, story_id: StoryId, content: str
) -> None:
    with pytest.raises(InvalidError) as caught:
        await reply(stage, "bob", story_id, content)
    assert caught.value.field == "content"
    assert "story.replied" not in await told(stage, story_id)


async def test_words_are_looked_at_before_the_story(stage: Stage) -> None:
    with pytest.raises(InvalidError):
        await reply(stage, "bob", StoryId(uuid4()), " ")


async def test_the_owner_still_answers_when_the_story_is_over_but_others_no_longer_write(
    stage: Stage, story_id: StoryId
) -> None:
    await reply(stage, "bob", story_id)
    await stage.pass_time(story_id, DAY)
    await reply(stage, "alice", story_id, "Thank you", to="bob")
    with pytest.raises(StoryExpiredError):
        await reply(stage, "bob", story_id, "Welcome")


async def test_an_archived_story_takes_no_reply(stage: Stage, story_id: StoryId) -> None:
    await stage.container.archive_story()(ArchiveStory(caller=stage.caller("alice"), story_id=story_id))
    with pytest.raises(StoryExpiredError):
        await reply(stage, "bob", story_id)


async def test_who_was_blocked_writes_no_more(stage: Stage, story_id: StoryId) -> None:
    await reply(stage, "bob", story_id)
    await stage.block("alice", "bob")
    with pytest.raises(StoryNotFoundError):
        await reply(stage, "bob", story_id)


@pytest.mark.parametrize(("blocker", "target"), [("bob", "alice"), ("alice", "bob")])
async def test_the_owner_writes_no_more_to_somebody_once_either_blocks_the_other(
    stage: Stage, blocker: str, target: str
) -> None:
    story_id = await stage.post_text("alice", visibility=Visibility.PUBLIC)
    say = stage.container.reply_to_story()
    await say(ReplyToStory(caller=stage.caller("bob"), story_id=story_id, content="Hi"))
    await stage.block(blocker, target)
    with pytest.raises(NotFoundError):
        await say(ReplyToStory(caller=stage.caller("alice"), story_id=story_id, content="Hi", to=UserId("bob")))

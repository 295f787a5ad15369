"""What each use case answers about a story that is absent, foreign, hidden, over, or somebody else's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from uuid import uuid4

import pytest

from application.caller import Caller
from application.commands.archive_story import ArchiveStory
from application.commands.delete_story import DeleteStory
from application.commands.edit_story import EditStory
from application.commands.react_to_story import ReactToStory
from application.commands.remove_reaction import RemoveReaction
from application.commands.reply_to_story import ReplyToStory
from application.commands.track_view import TrackView
from application.queries.get_story import GetStory
from application.queries.list_replies import ListStoryReplies
from application.queries.list_viewers import ListViewers
from application.queries.open_media import MediaPart, MediaTicket, OpenMedia
from domain.audience import Visibility
from domain.engagement import Reaction
from domain.errors import (
    DomainError,
    NotActiveError,
    NotFoundError,
    NotTheOwnerError,
    OwnStoryError,
    StoryExpiredError,
    StoryNotFoundError,
)
from domain.values import StoryId
from infrastructure.container import Container
from tests.stage import Stage, caller
from tests.unit.application.doubles import NOON
from tests.unit.application.scenes import DAY, told

Ask = Callable[[Container, Caller, StoryId], Awaitable[object]]


async def _open_media(container: Container, who: Caller, story_id: StoryId) -> object:
    ticket = MediaTicket(org=who.org, story_id=story_id, viewer=who.user, expires_at=NOON.replace(year=2100))
    return await container.open_media()(OpenMedia(ticket=ticket, part=MediaPart.MEDIA))


OWNERS: Mapping[str, Ask] = {
    "archive": lambda c, who, story_id: c.archive_story()(ArchiveStory(caller=who, story_id=story_id)),
    "delete": lambda c, who, story_id: c.delete_story()(DeleteStory(caller=who, story_id=story_id)),
    "edit": lambda c, who, story_id: c.edit_story()(
        EditStory(caller=who, story_id=story_id, visibility=Visibility.PUBLIC)
    ),
    "viewers": lambda c, who, story_id: c.list_viewers()(
        ListViewers(caller=who, story_id=story_id, page=1, page_size=20)
    ),
}
AUDIENCES: Mapping[str, Ask] = {
    "get": lambda c, who, story_id: c.get_story()(GetStory(caller=who, story_id=story_id)),
    "media": _open_media,
    "react": lambda c, who, story_id: c.react_to_story()(
        ReactToStory(caller=who, story_id=story_id, reaction=Reaction.LOVE)
    ),
    "remove reaction": lambda c, who, story_id: c.remove_reaction()(RemoveReaction(caller=who, story_id=story_id)),
    "replies": lambda c, who, story_id: c.list_story_replies()(
        ListStoryReplies(caller=who, story_id=story_id, page=1, page_size=20)
    ),
    "reply": lambda c, who, story_id: c.reply_to_story()(ReplyToStory(caller=who, story_id=story_id, content="Hello")),
    "view": lambda c, who, story_id: c.track_view()(TrackView(caller=who, story_id=story_id, duration_seconds=1)),
}
EVERY = {**OWNERS, **AUDIENCES}

Answers = dict[str, type[DomainError] | None]


async def answers(stage: Stage, who: Caller, story_id: StoryId, asked: Mapping[str, Ask] = EVERY) -> Answers:
    """What each use case refuses with; None: it does not."""
    said: Answers = {}
    for name, ask in asked.items():
        try:
            await ask(stage.container, who, story_id)
            said[name] = None
        except DomainError as error:
            said[name] = type(error)
    return said


def each(asked: Mapping[str, Ask], answer: type[DomainError] | None) -> Answers:
    return dict.fromkeys(asked, answer)


async def test_a_story_that_never_was_is_not_found(stage: Stage) -> None:
    said = await answers(stage, stage.caller("alice"), StoryId(uuid4()))
    assert said == each(EVERY, StoryNotFoundError)


async def test_in_another_organisation_not_even_its_owner_finds_a_story(stage: Stage) -> None:
    story_id = await stage.post_text("alice", visibility=Visibility.PUBLIC)
    said = await answers(stage, caller("alice", "another"), story_id)
    assert said == each(EVERY, StoryNotFoundError)


async def test_to_a_stranger_a_story_for_friends_does_not_exist(stage: Stage) -> None:
    story_id = await stage.post_text("alice")
    assert await answers(stage, stage.caller("zoe"), story_id) == each(EVERY, StoryNotFoundError)


async def test_to_a_stranger_an_expired_story_does_not_exist_either(stage: Stage) -> None:
    story_id = await stage.post_text("alice")
    await stage.pass_time(story_id, DAY)
    assert await answers(stage, stage.caller("zoe"), story_id) == each(EVERY, StoryNotFoundError)


@pytest.mark.parametrize(("blocker", "target"), [("alice", "bob"), ("bob", "alice")])
async def test_whoever_blocks_whom_a_public_story_does_not_exist(stage: Stage, blocker: str, target: str) -> None:
    story_id = await stage.post_text("alice", visibility=Visibility.PUBLIC)
    await stage.block(blocker, target)
    assert await answers(stage, stage.caller("bob"), story_id) == each(EVERY, StoryNotFoundError)


async def test_before_it_is_processed_a_story_exists_for_its_owner_alone(stage: Stage) -> None:
    story_id = await stage.post_image("alice", visibility=Visibility.PUBLIC, processed=False)
    assert await answers(stage, stage.caller("bob"), story_id) == each(EVERY, StoryNotFoundError)


async def test_who_sees_a_story_but_did_not_post_it_is_told_that_only_the_owner_may(stage: Stage) -> None:
    story_id = await stage.post_image("alice", visibility=Visibility.PUBLIC)
    said = await answers(stage, stage.caller("bob"), story_id)
    assert said == {**each(OWNERS, NotTheOwnerError), **each(AUDIENCES, None)}


async def test_an_expired_story_is_over_for_those_who_could_have_seen_it(stage: Stage) -> None:
    await stage.befriend("alice", "bob")
    story_id = await stage.post_image("alice")
    await stage.pass_time(story_id, DAY)
    said = await answers(stage, stage.caller("bob"), story_id)
    assert said == {**each(OWNERS, NotTheOwnerError), **each(AUDIENCES, StoryExpiredError)}


async def test_an_archived_story_is_over_for_those_who_could_have_seen_it(stage: Stage) -> None:
    await stage.befriend("alice", "bob")
    story_id = await stage.post_image("alice")
    await answers(stage, stage.caller("alice"), story_id, {"archive": OWNERS["archive"]})
    said = await answers(stage, stage.caller("bob"), story_id)
    assert said == {**each(OWNERS, NotTheOwnerError), **each(AUDIENCES, StoryExpiredError)}


async def test_the_owner_still_reads_archives_and_deletes_what_has_expired_but_no_longer_edits_it(
    stage: Stage,
) -> None:
    story_id = await stage.post_image("alice")
    await stage.pass_time(story_id, DAY)
    still = {name: ask for name, ask in EVERY.items() if name != "delete"}
    said = await answers(stage, stage.caller("alice"), story_id, still)
    refused = {
        "edit": NotActiveError,
        "media": NotFoundError,  # by a link from before the archive: a new one is good for 15 minutes
        "react": NotActiveError,
        "remove reaction": NotActiveError,
        "reply": OwnStoryError,
    }
    assert said == {**each(still, None), **refused}
    assert await answers(stage, stage.caller("alice"), story_id, {"delete": OWNERS["delete"]}) == {"delete": None}


async def test_a_deleted_story_is_not_found_by_anybody(stage: Stage) -> None:
    story_id = await stage.post_text("alice", visibility=Visibility.PUBLIC)
    await answers(stage, stage.caller("alice"), story_id, {"delete": OWNERS["delete"]})
    for who in ("alice", "bob"):
        assert await answers(stage, stage.caller(who), story_id) == each(EVERY, StoryNotFoundError)


async def test_whoever_is_refused_leaves_no_event_behind(stage: Stage) -> None:
    await stage.befriend("alice", "bob")
    story_id = await stage.post_text("alice")
    before = await told(stage, story_id)
    await answers(stage, stage.caller("zoe"), story_id)
    await answers(stage, stage.caller("bob"), story_id, OWNERS)
    await stage.pass_time(story_id, DAY)
    await answers(stage, stage.caller("bob"), story_id)
    assert await told(stage, story_id) == before


async def test_a_text_has_no_media_to_open(stage: Stage) -> None:
    story_id = await stage.post_text("alice")
    said = await answers(stage, stage.caller("alice"), story_id, {"media": _open_media})
    assert said == {"media": NotFoundError}

"""Editing: caption, overlays and audience of an active story."""

from __future__ import annotations

from typing import Any

import pytest

from application.commands.edit_story import EditStory
from domain.audience import Visibility
from domain.errors import InvalidError, NotActiveError
from domain.story import Access
from domain.values import Caption, StoryId, TextOverlay, UserId
from tests.stage import Stage
from tests.unit.application.scenes import access, last_event, own_card, told

OVERLAY = TextOverlay("Hi", 0.5, 0.25)


async def edit(stage: Stage, story_id: StoryId, **changes: Any) -> None:
    await stage.container.edit_story()(EditStory(caller=stage.caller("alice"), story_id=story_id, **changes))


def users(*ids: str) -> frozenset[UserId]:
    return frozenset(UserId(user) for user in ids)


async def test_only_what_is_named_changes_and_the_event_says_what_but_not_to_what(stage: Stage) -> None:
    story_id = await stage.post_image("alice", caption="Sea")
    await edit(stage, story_id, caption=Caption("Ocean"))
    assert (await own_card(stage, story_id)).caption == "Ocean"
    event = await last_event(stage, story_id)
    assert (event.type, event.version) == ("story.updated", 3)
    assert event.data == {"ownerId": "alice", "changed": ["caption"], "visibility": "Friends"}
    await edit(stage, story_id, overlays=(OVERLAY,))
    card = await own_card(stage, story_id)
    assert (card.caption, [overlay.text for overlay in card.overlays]) == ("Ocean", ["Hi"])
    assert (await last_event(stage, story_id)).data["changed"] == ["overlays"]


async def test_overlays_can_be_taken_away_and_a_caption_emptied(stage: Stage) -> None:
    story_id = await stage.post_image("alice", caption="Sea")
    await edit(stage, story_id, overlays=(OVERLAY,))
    await edit(stage, story_id, overlays=(), caption=Caption(""))
    card = await own_card(stage, story_id)
    assert (card.overlays, card.caption) == ((), "")


async def test_an_edit_that_changes_nothing_tells_nothing(stage: Stage) -> None:
    story_id = await stage.post_image("alice", caption="Sea")
    before = await told(stage, story_id)
    await edit(stage, story_id)
    await edit(stage, story_id, caption=Caption("Sea"), visibility=Visibility.FRIENDS)
    assert await told(stage, story_id) == before


async def test_who_sees_it_is_decided_before_the_answer(stage: Stage) -> None:
    await stage.befriend("alice", "bob")
    story_id = await stage.post_text("alice")
    assert await access(stage, "bob", story_id) is Access.VISIBLE
    await edit(stage, story_id, visibility=Visibility.ONLY_ME)
    assert await access(stage, "bob", story_id) is Access.HIDDEN
    await edit(stage, story_id, visibility=Visibility.PUBLIC)
    assert await access(stage, "zoe", story_id) is Access.VISIBLE


async def test_a_custom_audience_takes_its_list(stage: Stage) -> None:
    story_id = await stage.post_text("alice")
    await edit(stage, story_id, visibility=Visibility.CUSTOM, allowed=users("bob", "carol"))
    card = await own_card(stage, story_id)
    assert (card.visibility, card.allowed_user_ids) == (Visibility.CUSTOM, ("bob", "carol"))
    assert await access(stage, "carol", story_id) is Access.VISIBLE


async def test_a_new_list_alone_replaces_the_one_before(stage: Stage) -> None:
    story_id = await stage.post_text("alice", visibility=Visibility.CUSTOM, allowed=frozenset({"bob"}))
    await edit(stage, story_id, allowed=users("carol"))
    assert await access(stage, "bob", story_id) is Access.HIDDEN
    assert await access(stage, "carol", story_id) is Access.VISIBLE


async def test_a_custom_audience_named_again_without_a_list_keeps_the_one_it_has(stage: Stage) -> None:
    story_id = await stage.post_text("alice", visibility=Visibility.CUSTOM, allowed=frozenset({"bob"}))
    before = await told(stage, story_id)
    await edit(stage, story_id, visibility=Visibility.CUSTOM)
    assert (await own_card(stage, story_id)).allowed_user_ids == ("bob",)
    assert await told(stage, story_id) == before


async def test_another_audience_drops_the_list(stage: Stage) -> None:
    story_id = await stage.post_text("alice", visibility=Visibility.CUSTOM, allowed=frozenset({"bob"}))
    await edit(stage, story_id, visibility=Visibility.FRIENDS)
    assert (await own_card(stage, story_id)).allowed_user_ids is None
    assert await access(stage, "bob", story_id) is Access.HIDDEN
    with pytest.raises(InvalidError):
        await edit(stage, story_id, visibility=Visibility.CUSTOM)


@pytest.mark.parametrize(
    "changes",
    [
        {"visibility": Visibility.CUSTOM},
        {"visibility": Visibility.CUSTOM, "allowed": users()},
        {"visibility": Visibility.PUBLIC, "allowed": users("bob")},
        {"allowed": users("bob")},
    ],
)
async def test_a_list_goes_with_a_custom_audience_and_with_no_other(stage: Stage, changes: dict[str, Any]) -> None:
    story_id = await stage.post_text("alice")
    with pytest.raises(InvalidError) as caught:
        await edit(stage, story_id, **changes)
    assert caught.value.field == "allowedUserIds"


async def test_a_text_gets_no_caption(stage: Stage) -> None:
    story_id = await stage.post_text("alice")
    with pytest.raises(InvalidError) as caught:
        await edit(stage, story_id, caption=Caption("Sea"))
    assert caught.value.field == "caption"


async def test_what_is_being_processed_is_not_edited(stage: Stage) -> None:
    story_id = await stage.post_image("alice", processed=False)
    with pytest.raises(NotActiveError):
        await edit(stage, story_id, caption=Caption("Sea"))

"""Taking reactions back."""

from __future__ import annotations

import pytest

from application.commands.remove_reaction import RemoveReaction
from domain.audience import Visibility
from domain.engagement import Reaction
from domain.values import StoryId
from tests.stage import Stage
from tests.unit.application.scenes import card, react, told


@pytest.fixture
async def story_id(stage: Stage) -> StoryId:
    """A story everybody sees, loved and passed on by Bob, liked by Carol."""
    story_id = await stage.post_text("alice", visibility=Visibility.PUBLIC)
    await react(stage, "bob", story_id, Reaction.LOVE)
    await react(stage, "bob", story_id, Reaction.SHARE)
    await react(stage, "carol", story_id, Reaction.LIKE)
    return story_id


async def take_back(stage: Stage, who: str, story_id: StoryId, reaction: Reaction | None = None) -> None:
    await stage.container.remove_reaction()(
        RemoveReaction(caller=stage.caller(who), story_id=story_id, reaction=reaction)
    )


async def taken_back(stage: Stage, story_id: StoryId) -> list[tuple[str, str]]:
    """What was told to be taken back, by whom."""
    events = [event for event in await stage.events(story_id) if event.type == "story.reaction_removed"]
    assert all(event.data["ownerId"] == "alice" for event in events)
    return [(event.data["userId"], event.data["reaction"]) for event in events]


@pytest.mark.parametrize(
    ("reaction", "left"),
    [
        (Reaction.LOVE, {Reaction.LIKE: 1, Reaction.SHARE: 1}),
        (Reaction.SHARE, {Reaction.LIKE: 1, Reaction.LOVE: 1}),
    ],
)
async def test_one_reaction_is_taken_back_and_the_other_stays(
    stage: Stage, story_id: StoryId, reaction: Reaction, left: dict[Reaction, int]
) -> None:
    await take_back(stage, "bob", story_id, reaction)
    assert (await card(stage, "bob", story_id)).reaction_counts == left
    assert await taken_back(stage, story_id) == [("bob", reaction.value)]


async def test_without_a_name_all_of_ones_own_are_taken_back_and_each_is_told(stage: Stage, story_id: StoryId) -> None:
    await take_back(stage, "bob", story_id)
    seen = await card(stage, "bob", story_id)
    assert (seen.my_reaction, seen.shared, seen.reaction_counts) == (None, False, {Reaction.LIKE: 1})
    assert sorted(await taken_back(stage, story_id)) == [("bob", "love"), ("bob", "share")]


async def test_what_was_not_said_cannot_be_taken_back_and_nothing_happens(stage: Stage, story_id: StoryId) -> None:
    before = await told(stage, story_id)
    await take_back(stage, "bob", story_id, Reaction.LIKE)
    await take_back(stage, "carol", story_id, Reaction.SHARE)
    await take_back(stage, "dave", story_id)
    assert (await card(stage, "bob", story_id)).reaction_count == 3
    assert await told(stage, story_id) == before


async def test_taking_back_twice_counts_and_tells_once(stage: Stage, story_id: StoryId) -> None:
    for _ in range(2):
        await take_back(stage, "carol", story_id, Reaction.LIKE)
    assert (await card(stage, "carol", story_id)).reaction_count == 2
    assert await taken_back(stage, story_id) == [("carol", "like")]


async def test_after_taking_it_back_one_may_react_again(stage: Stage, story_id: StoryId) -> None:
    await take_back(stage, "carol", story_id)
    await react(stage, "carol", story_id, Reaction.HAHA)
    assert (await card(stage, "carol", story_id)).my_reaction is Reaction.HAHA

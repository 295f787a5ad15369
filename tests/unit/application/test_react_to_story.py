"""Reacting: one feeling per user, `share` beside it, and the same again changes nothing."""

from __future__ import annotations

import asyncio

import pytest

from domain.audience import Visibility
from domain.engagement import Reaction
from domain.story import Access
from domain.values import StoryId
from tests.stage import Stage
from tests.unit.application.scenes import access, card, last_event, own_card, react, told


@pytest.fixture
async def story_id(stage: Stage) -> StoryId:
    """A story everybody sees."""
    return await stage.post_text("alice", visibility=Visibility.PUBLIC)


@pytest.mark.parametrize("reaction", Reaction)
async def test_a_reaction_is_counted_and_told(stage: Stage, story_id: StoryId, reaction: Reaction) -> None:
    await react(stage, "bob", story_id, reaction)
    owners = await own_card(stage, story_id)
    assert (owners.reaction_count, owners.reaction_counts) == (1, {reaction: 1})
    event = await last_event(stage, story_id)
    assert event.type == "story.reacted"
    assert event.data == {"ownerId": "alice", "userId": "bob", "reaction": reaction.value}


async def test_another_feeling_takes_the_place_of_the_one_before(stage: Stage, story_id: StoryId) -> None:
    await react(stage, "bob", story_id, Reaction.LIKE)
    await react(stage, "bob", story_id, Reaction.HAHA)
    seen = await card(stage, "bob", story_id)
    assert (seen.my_reaction, seen.reaction_counts) == (Reaction.HAHA, {Reaction.HAHA: 1})
    assert (await told(stage, story_id)).count("story.reacted") == 2


@pytest.mark.parametrize("reaction", [Reaction.LOVE, Reaction.SHARE])
async def test_the_same_again_changes_and_tells_nothing(stage: Stage, story_id: StoryId, reaction: Reaction) -> None:
    for _ in range(3):
        await react(stage, "bob", story_id, reaction)
    assert (await own_card(stage, story_id)).reaction_counts == {reaction: 1}
    assert (await told(stage, story_id)).count("story.reacted") == 1


@pytest.mark.parametrize("order", [(Reaction.LOVE, Reaction.SHARE), (Reaction.SHARE, Reaction.LOVE)])
async def test_passing_on_counts_beside_the_feeling(
    stage: Stage, story_id: StoryId, order: tuple[Reaction, Reaction]
) -> None:
    for reaction in order:
        await react(stage, "bob", story_id, reaction)
    seen = await card(stage, "bob", story_id)
    assert (seen.my_reaction, seen.shared) == (Reaction.LOVE, True)
    assert (seen.reaction_count, seen.reaction_counts) == (2, {Reaction.LOVE: 1, Reaction.SHARE: 1})


async def test_reactions_of_several_people_add_up_and_each_sees_their_own(stage: Stage, story_id: StoryId) -> None:
    for who, reaction in (("bob", Reaction.LIKE), ("carol", Reaction.LIKE), ("dave", Reaction.DISLIKE)):
        await react(stage, who, story_id, reaction)
    seen = await card(stage, "dave", story_id)
    assert (seen.reaction_count, seen.reaction_counts) == (3, {Reaction.LIKE: 2, Reaction.DISLIKE: 1})
    assert (seen.my_reaction, (await card(stage, "erin", story_id)).my_reaction) == (Reaction.DISLIKE, None)


async def test_of_many_reactions_at_once_by_one_user_one_feeling_is_left(stage: Stage, story_id: StoryId) -> None:
    feelings = [Reaction.LIKE, Reaction.LOVE, Reaction.HAHA, Reaction.DISLIKE] * 3
    await asyncio.gather(*(react(stage, "bob", story_id, feeling) for feeling in feelings))
    seen = await card(stage, "bob", story_id)
    assert seen.my_reaction is not None
    assert seen.reaction_counts == {seen.my_reaction: 1}


async def test_owners_may_react_to_their_own_story(stage: Stage, story_id: StoryId) -> None:
    await react(stage, "alice", story_id)
    assert (await own_card(stage, story_id)).my_reaction is Reaction.LIKE


async def test_reacting_is_no_view(stage: Stage, story_id: StoryId) -> None:
    await react(stage, "bob", story_id)
    seen = await card(stage, "bob", story_id)
    assert (seen.is_viewed, seen.view_count) == (False, 0)


async def test_passing_a_story_on_does_not_widen_its_audience(stage: Stage) -> None:
    await stage.befriend("alice", "bob")
    await stage.befriend("bob", "carol")
    story_id = await stage.post_text("alice")
    await react(stage, "bob", story_id, Reaction.SHARE)
    assert await access(stage, "carol", story_id) is Access.HIDDEN

"""Who viewed a story, and what it says of the story as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from application.caller import Caller
from application.commands.delete_story import DeleteStory
from application.commands.keep_profile import KeepProfile
from application.ports.people import Profile
from application.queries.list_viewers import ListViewers, ListViewersHandler, Viewer, ViewerOrder, Viewers
from domain.audience import Visibility
from domain.engagement import Reaction, ViewQuality
from domain.errors import StoryNotFoundError
from domain.values import StoryId
from tests.stage import Stage
from tests.unit.application.doubles import NOON
from tests.unit.application.scenes import react, reply, view

PEOPLE = {"bob": 0.5, "carol": 5.0, "dave": 2.5, "erin": 1.25}
"""Viewers in the order of their coming, and how many seconds of five they watched."""


@pytest.fixture
async def story_id(stage: Stage) -> StoryId:
    """A story that was watched by all of them."""
    story_id = await stage.post_text("alice", visibility=Visibility.PUBLIC)
    for who, seconds in PEOPLE.items():
        await view(stage, who, story_id, seconds)
    return story_id


async def viewers(stage: Stage, story_id: StoryId, **query: Any) -> Viewers:
    query = {"page": 1, "page_size": 20, **query}
    return await stage.container.list_viewers()(ListViewers(caller=stage.caller("alice"), story_id=story_id, **query))


def names(found: Viewers) -> list[str]:
    return [viewer.user_id for viewer in found.data]


async def name(stage: Stage, who: str, username: str, full_name: str) -> None:
    profile = Profile(username=username, full_name=full_name)
    await stage.container.keep_profile()(
        KeepProfile(caller=stage.caller(who), profile=profile, told_at=NOON, create=True)
    )


async def test_a_viewer_is_shown_with_all_they_did(stage: Stage, story_id: StoryId) -> None:
    await react(stage, "carol", story_id, Reaction.LOVE)
    await react(stage, "carol", story_id, Reaction.SHARE)
    await reply(stage, "carol", story_id)
    await react(stage, "dave", story_id, Reaction.SHARE)
    shown = {
        viewer.user_id: (
            viewer.view_duration_seconds,
            viewer.view_quality,
            viewer.has_reacted,
            viewer.reaction,
            viewer.shared,
            viewer.has_replied,
        )
        for viewer in (await viewers(stage, story_id)).data
    }
    assert shown == {
        "bob": (0.5, ViewQuality.LOW, False, None, False, False),
        "carol": (5.0, ViewQuality.HIGH, True, Reaction.LOVE, True, True),
        "dave": (2.5, ViewQuality.MEDIUM, True, None, True, False),
        "erin": (1.25, ViewQuality.MEDIUM, False, None, False, False),
    }


async def test_the_totals_are_those_of_the_story_not_of_the_page(stage: Stage, story_id: StoryId) -> None:
    await react(stage, "carol", story_id, Reaction.LOVE)
    await react(stage, "carol", story_id, Reaction.SHARE)
    await reply(stage, "zoe", story_id)
    found = await viewers(stage, story_id, page_size=1, search="bob")
    assert (found.total_viewers, found.total_reactions, found.total_replies) == (4, 2, 1)
    assert found.insights.average_view_duration_seconds == pytest.approx(9.25 / 4, abs=0.001)
    assert found.insights.quality == {ViewQuality.LOW: 1, ViewQuality.MEDIUM: 2, ViewQuality.HIGH: 1}
    assert found.insights.reaction_counts == {Reaction.LOVE: 1, Reaction.SHARE: 1}


async def test_a_story_nobody_viewed_has_empty_totals(stage: Stage) -> None:
    found = await viewers(stage, await stage.post_text("alice"))
    assert (found.data, found.total_viewers, found.total_pages) == ((), 0, 0)
    assert found.insights.average_view_duration_seconds == 0
    assert found.insights.quality == dict.fromkeys(ViewQuality, 0)
    assert found.insights.reaction_counts == {}


async def test_the_latest_come_first_unless_told_otherwise(stage: Stage, story_id: StoryId) -> None:
    assert names(await viewers(stage, story_id)) == ["erin", "dave", "carol", "bob"]


async def test_they_can_be_ordered_by_how_long_they_watched(stage: Stage, story_id: StoryId) -> None:
    assert names(await viewers(stage, story_id, order=ViewerOrder.DURATION)) == ["carol", "dave", "erin", "bob"]


async def test_they_can_be_ordered_by_who_reacted(stage: Stage, story_id: StoryId) -> None:
    for who in ("bob", "dave"):
        await react(stage, who, story_id)
    assert names(await viewers(stage, story_id, order=ViewerOrder.REACTED)) == ["dave", "bob", "erin", "carol"]


async def test_they_are_paged(stage: Stage, story_id: StoryId) -> None:
    pages = [await viewers(stage, story_id, page=page, page_size=3) for page in (1, 2, 3)]
    assert [names(page) for page in pages] == [["erin", "dave", "carol"], ["bob"], []]
    assert {(page.page_size, page.total_pages, page.total_viewers) for page in pages} == {(3, 2, 4)}
    assert [page.page for page in pages] == [1, 2, 3]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("bo", ["bob"]),
        ("BOBBY", ["bob"]),
        ("roe", ["dave", "bob"]),
        ("erin", ["erin"]),
        ("nobody", []),
        ("%", ["dave"]),
        ("_", []),
        ("\\", []),
    ],
)
async def test_they_are_searched_by_id_and_names_letter_for_letter(
    stage: Stage, story_id: StoryId, search: str, found: list[str]
) -> None:
    await name(stage, "bob", "bobby", "Bob Roe")
    await name(stage, "dave", "dave 100%", "David Roe")
    answer = await viewers(stage, story_id, search=search, page_size=1)
    assert answer.total_pages == len(found)
    assert names(await viewers(stage, story_id, search=search)) == found


async def test_a_story_deleted_between_two_looks_is_not_found(stage: Stage, story_id: StoryId) -> None:
    delete = DeleteStory(caller=stage.caller("alice"), story_id=story_id)
    reader = stage.container.people_reader()

    class LookingTwice:
        access, totals = reader.access, reader.totals

        async def viewers(self, caller: Caller, story_id: StoryId, **question: Any) -> tuple[Sequence[Viewer], int]:
            found = await reader.viewers(caller, story_id, **question)
            await stage.container.delete_story()(delete)
            return found

    with pytest.raises(StoryNotFoundError):
        await ListViewersHandler(LookingTwice())(
            ListViewers(caller=stage.caller("alice"), story_id=story_id, page=1, page_size=20)
        )


async def test_the_owner_is_no_viewer(stage: Stage, story_id: StoryId) -> None:
    await view(stage, "alice", story_id)
    assert "alice" not in names(await viewers(stage, story_id))

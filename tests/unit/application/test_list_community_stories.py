"""The community: groups, the way from one part of it to the next, and records for admins."""

from __future__ import annotations

import pytest

from application.caller import ANONYMOUS
from application.queries.community_records import CommunityGroup
from application.queries.get_community_story import GetCommunityStory
from application.queries.get_recommended_feed import CursorInvalidError
from application.queries.list_community_stories import (
    CommunityGroups,
    GroupPosition,
    ListCommunityStories,
    ListCommunityStoriesHandler,
)
from domain.audience import Visibility
from domain.errors import StoryExpiredError, StoryNotFoundError
from domain.values import PageId, StoryId
from tests.stage import Stage
from tests.unit.application.doubles import SomeAtATime
from tests.unit.application.scenes import as_admin, view

PUBLIC = Visibility.PUBLIC


async def listed(stage: Stage, who: str, page: str | None = None) -> list[list[StoryId]]:
    """The stories of each group, as somebody sees them."""
    on_page = None if page is None else PageId(page)
    found = await stage.container.list_community_stories()(ListCommunityStories(caller=stage.caller(who), page=on_page))
    assert found.next_cursor is None
    return [[story.id for story in group.stories] for group in found.groups]


async def walked(stage: Stage, most: int) -> list[str]:
    """The authors of all groups, from part to part, so many at a time."""
    handler = ListCommunityStoriesHandler(SomeAtATime(stage.container.community_reader(), most))
    authors: list[str] = []
    cursor: str | None = None
    while True:
        found = await handler(ListCommunityStories(caller=stage.caller(ANONYMOUS), cursor=cursor))
        assert len(found.groups) <= most
        authors += [group.author for group in found.groups]
        cursor = found.next_cursor
        if cursor is None:
            return authors


async def test_everybodys_public_stories_are_grouped_by_author(stage: Stage) -> None:
    a1, b1, a2 = [await stage.post_text(who, visibility=PUBLIC) for who in ("alice", "bob", "alice")]
    await stage.post_text("carol")  # for friends
    assert await listed(stage, ANONYMOUS) == [[a1, a2], [b1]]


async def test_a_page_shows_what_was_posted_to_it(stage: Stage) -> None:
    await stage.post_text("alice", visibility=PUBLIC)
    lobby = await stage.post_text("alice", visibility=PUBLIC, page="lobby")
    assert (await listed(stage, "bob", "lobby"), await listed(stage, "bob", "roof")) == ([[lobby]], [])


@pytest.mark.parametrize("most", [1, 2, 3, 4, 5])
async def test_the_parts_of_the_list_hold_every_author_once(stage: Stage, most: int) -> None:
    for author in ("anna", "ben", "anna", "cleo", "dan", "ben", "eve"):
        await stage.post_text(author, visibility=PUBLIC)
    assert await walked(stage, most) == ["eve", "ben", "dan", "cleo", "anna"]


async def test_who_posts_meanwhile_moves_to_the_front_and_is_not_listed_again(stage: Stage) -> None:
    for author in ("anna", "ben", "cleo"):
        await stage.post_text(author, visibility=PUBLIC)
    handler = ListCommunityStoriesHandler(SomeAtATime(stage.container.community_reader(), 1))

    async def part(cursor: str | None) -> CommunityGroups:
        return await handler(ListCommunityStories(caller=stage.caller("dora"), cursor=cursor))

    first = await part(None)
    await stage.post_text("anna", visibility=PUBLIC)
    second = await part(first.next_cursor)
    shown: list[CommunityGroup] = [*first.groups, *second.groups]
    assert ([group.author for group in shown], second.next_cursor) == (["cleo", "ben"], None)


async def test_a_thousand_authors_are_listed_at_once_and_a_cursor_says_where_that_ended(stage: Stage) -> None:
    await stage.post_text("anna", visibility=PUBLIC)
    newest = await stage.post_text("ben", visibility=PUBLIC)
    reader = SomeAtATime(stage.container.community_reader(), 1)
    handler = ListCommunityStoriesHandler(reader)
    first = await handler(ListCommunityStories(caller=stage.caller("bob")))
    await handler(ListCommunityStories(caller=stage.caller("bob"), cursor=first.next_cursor))
    async with stage.container.unit_of_work().begin(stage.org) as tx:
        story = await tx.stories.get(newest)
    assert story is not None
    assert reader.asked == [(None, 1_000), (GroupPosition(story.created_at, newest), 1_000)]


@pytest.mark.parametrize("cursor", ["", "1", "x-" + "0" * 32, "1-" + "0" * 31, "f" * 12 + "-" + "0" * 32])
async def test_what_is_no_cursor_is_refused(stage: Stage, cursor: str) -> None:
    with pytest.raises(CursorInvalidError):
        await stage.container.list_community_stories()(ListCommunityStories(caller=stage.caller("bob"), cursor=cursor))


async def test_a_record_is_for_its_audience_while_it_is_there_and_for_admins_as_long_as_it_exists(stage: Stage) -> None:
    story, get = await stage.post_text(), stage.container.get_community_story()
    await stage.befriend("alice", "bob")
    await view(stage, "bob", story)
    assert (await get(GetCommunityStory(caller=stage.caller("bob"), story_id=story))).data.is_viewed
    with pytest.raises(StoryNotFoundError):
        await get(GetCommunityStory(caller=stage.caller("stranger"), story_id=story))
    await stage.pass_time(story, 86_400)
    with pytest.raises(StoryExpiredError):
        await get(GetCommunityStory(caller=stage.caller("bob"), story_id=story))
    record = await get(GetCommunityStory(caller=as_admin(stage, "root"), story_id=story))
    assert (record.state, [seen.email for seen in record.data.views or ()]) == ("archived", ["bob"])
    assert (await get(GetCommunityStory(caller=stage.caller("alice"), story_id=story))).data.views == record.data.views
    with pytest.raises(StoryNotFoundError):
        await get(GetCommunityStory(caller=as_admin(stage, "root"), story_id=StoryId(stage.container.new_id()())))


async def test_a_record_shows_the_latest_thousand_views_and_in_a_list_the_latest_hundred(stage: Stage) -> None:
    story = await stage.post_text(visibility=PUBLIC)
    await stage.add_views(story, 1_001)
    record = await stage.container.get_community_story()(
        GetCommunityStory(caller=stage.caller("alice"), story_id=story)
    )
    views = record.data.views or ()
    assert (len(views), views[0].email, views[-1].email) == (1_000, "viewer-1", "viewer-1000")
    assert [seen.timestamp for seen in views] == sorted(seen.timestamp for seen in views)
    found = await stage.container.list_community_stories()(ListCommunityStories(caller=stage.caller("alice")))
    latest = found.groups[0].stories[0].data.views or ()
    assert (len(latest), latest[0].email, latest[-1].email) == (100, "viewer-901", "viewer-1000")

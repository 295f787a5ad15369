"""Who hears of an event, on both engines: the same whom the feed shows it to, at the moment they are told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

import pytest
from msgspec import structs
from sqlalchemy import select, update

from application.commands.archive_story import ArchiveStory
from application.commands.delete_story import DeleteStory
from application.commands.edit_story import EditStory
from application.commands.unfriend import Unfriend
from application.queries.list_feed import ListFeed
from domain.audience import Visibility
from domain.values import Caption, OrgId, StoryId, UserId
from infrastructure.container import Container, close
from infrastructure.settings import Settings
from infrastructure.sql.dialect import seconds_from_now
from infrastructure.sql.tables import past_audiences, stories
from tests.stage import Stage
from tests.unit.application.scenes import react, reply, view

EVERYBODY = ("alice", "friend", "close", "close-only", "requested", "listed", "stranger", "muter", "blocked", "blocker")


async def people(stage: Stage) -> None:
    for friend in ("friend", "close", "muter", "blocked", "blocker"):
        await stage.befriend("alice", friend)
    for friend in ("close", "close-only"):
        await stage.mark_close("alice", friend)
    await stage.mute("muter", "alice")
    await stage.block("alice", "blocked")
    await stage.block("blocker", "alice")


async def hear(stage: Stage, story_id: StoryId, of_type: str, listening: Iterable[str] = EVERYBODY) -> dict[str, str]:
    """Who hears of the last event of this type of a story: ``now``, ``before``, or both."""
    await stage.container.sequence_events()()
    events = await stage.container.event_reader().after(stage.org, 0, limit=1_000)
    found = [event.position for event in events if (event.subject, event.type) == (str(story_id), of_type)]
    return await heard(stage, found[-1], listening)


async def last(stage: Stage, story_id: StoryId) -> dict[str, str]:
    """Who hears of the last event of a story."""
    await stage.container.sequence_events()()
    events = await stage.container.event_reader().after(stage.org, 0, limit=1_000)
    return await heard(stage, [event.position for event in events if event.subject == str(story_id)][-1])


async def heard(stage: Stage, position: int, listening: Iterable[str] = EVERYBODY) -> dict[str, str]:
    """Who hears of an event, and how."""
    audience = stage.container.live_audience()
    hearers = await audience.hearers(stage.org, [position], [UserId(user) for user in listening])
    found: dict[str, str] = {}
    for hearer in sorted(hearers, key=lambda each: each.before):
        assert hearer.position == position
        way = "before" if hearer.before else "now"
        found[hearer.user] = f"{found[hearer.user]}, {way}" if hearer.user in found else way
    return found


async def in_feed(stage: Stage, story_id: StoryId) -> set[str]:
    found = set()
    for user in EVERYBODY:
        feed = await stage.container.list_feed()(ListFeed(caller=stage.caller(user), limit=100, skip=0))
        if story_id in {card.story_id for card in feed.stories}:
            found.add(user)
    return found


async def archive(stage: Stage, story_id: StoryId) -> None:
    await stage.container.archive_story()(ArchiveStory(caller=stage.caller("alice"), story_id=story_id))


async def end(stage: Stage, story_id: StoryId) -> None:
    await stage.container.delete_story()(DeleteStory(caller=stage.caller("alice"), story_id=story_id))


@pytest.fixture
async def open_stage(settings: Settings) -> AsyncIterator[Stage]:
    """Where public stories of strangers belong in feeds."""
    container = Container(settings=structs.replace(settings, feed_public=True))
    yield Stage(container)
    await close(container)


FOLLOWERS = {
    Visibility.PUBLIC: {"friend", "close"},
    Visibility.FRIENDS: {"friend", "close"},
    Visibility.CLOSE_FRIENDS: {"close"},
    Visibility.ONLY_ME: set[str](),
    Visibility.CUSTOM: {"listed"},
}


@pytest.mark.slow
@pytest.mark.parametrize("visibility", Visibility)
async def test_of_a_story_hear_those_in_whose_feed_it_is_or_was(stage: Stage, visibility: Visibility) -> None:
    await people(stage)
    allowed = frozenset({"listed", "muter", "blocked"}) if visibility is Visibility.CUSTOM else frozenset[str]()
    story_id = await stage.post_text(visibility=visibility, allowed=allowed)
    expected = await in_feed(stage, story_id)
    assert expected == FOLLOWERS[visibility]
    assert await hear(stage, story_id, "story.published") == dict.fromkeys(expected, "now")
    await archive(stage, story_id)
    assert await hear(stage, story_id, "story.published") == {}
    assert await hear(stage, story_id, "story.archived") == dict.fromkeys(expected, "before")
    await end(stage, story_id)
    assert await hear(stage, story_id, "story.archived") == {}
    assert await hear(stage, story_id, "story.deleted") == dict.fromkeys(expected, "before")


@pytest.mark.slow
async def test_public_stories_are_told_to_strangers_where_they_belong_in_feeds(open_stage: Stage) -> None:
    await people(open_stage)
    story_id = await open_stage.post_text(visibility=Visibility.PUBLIC)
    expected = await in_feed(open_stage, story_id)
    assert expected == {"friend", "close", "close-only", "requested", "listed", "stranger"}
    assert await hear(open_stage, story_id, "story.published") == dict.fromkeys(expected, "now")
    hidden = await open_stage.post_text(visibility=Visibility.FRIENDS)
    assert await hear(open_stage, hidden, "story.published") == dict.fromkeys(("friend", "close"), "now")
    await end(open_stage, story_id)
    assert await hear(open_stage, story_id, "story.deleted") == dict.fromkeys(expected, "before")


async def test_only_those_who_listen_are_told(stage: Stage) -> None:
    await people(stage)
    story_id = await stage.post_text()
    assert await hear(stage, story_id, "story.published", ["close", "stranger"]) == {"close": "now"}
    assert await hear(stage, story_id, "story.published", []) == {}


async def test_what_people_are_to_each_other_counts_as_it_is_when_they_are_told(stage: Stage) -> None:
    await people(stage)
    story_id = await stage.post_text()
    await stage.container.unfriend()(Unfriend(caller=stage.caller("friend"), friend=UserId("alice")))
    await stage.mute("close", "alice")
    assert await hear(stage, story_id, "story.published") == {}
    await end(stage, story_id)
    assert await hear(stage, story_id, "story.deleted") == {}


async def test_nothing_is_told_in_another_organisation(stage: Stage) -> None:
    await people(stage)
    await Stage(stage.container, "elsewhere").befriend("alice", "friend")
    story_id = await stage.post_text()
    assert await hear(stage, story_id, "story.published") != {}
    positions = [event.position for event in await stage.container.event_reader().after(stage.org, 0, limit=100)]
    audience = stage.container.live_audience()
    assert await audience.hearers(stage.org, positions, [UserId("friend")]) != []
    assert await audience.hearers(OrgId("elsewhere"), positions, [UserId("friend")]) == []


@pytest.mark.slow
async def test_of_an_edit_those_hear_who_see_the_story_now_and_those_from_whom_it_was_taken(stage: Stage) -> None:
    await people(stage)
    story_id = await stage.post_image(visibility=Visibility.FRIENDS)
    alice, edit = stage.caller("alice"), stage.container.edit_story()
    await edit(EditStory(caller=alice, story_id=story_id, caption=Caption("Sea")))
    assert await hear(stage, story_id, "story.updated") == dict.fromkeys(("friend", "close"), "now")
    allowed = frozenset({UserId("friend"), UserId("listed")})
    await edit(EditStory(caller=alice, story_id=story_id, visibility=Visibility.CUSTOM, allowed=allowed))
    assert await last(stage, story_id) == {"friend": "now, before", "close": "before", "listed": "now"}
    await edit(EditStory(caller=alice, story_id=story_id, allowed=frozenset({UserId("stranger")})))
    assert await last(stage, story_id) == {"friend": "before", "listed": "before", "stranger": "now"}
    await edit(EditStory(caller=alice, story_id=story_id, visibility=Visibility.ONLY_ME))
    assert await last(stage, story_id) == {"stranger": "before"}
    await edit(EditStory(caller=alice, story_id=story_id, visibility=Visibility.FRIENDS))
    assert await last(stage, story_id) == {"friend": "now", "close": "now"}


async def test_what_nobody_ever_saw_ends_without_a_word(stage: Stage) -> None:
    await people(stage)
    deleted, archived = await stage.post_image(processed=False), await stage.post_image(processed=False)
    await end(stage, deleted)
    await archive(stage, archived)
    assert await last(stage, deleted) == {}
    assert await last(stage, archived) == {}


async def test_what_was_archived_long_ago_is_deleted_without_a_word(stage: Stage) -> None:
    await people(stage)
    recent, old = await stage.post_text(), await stage.post_text()
    for story_id in (recent, old):
        await archive(stage, story_id)
    async with stage.container.database().write(None) as connection:
        await connection.execute(
            update(stories).where(stories.c.id == old).values(archived_at=seconds_from_now(-100_000.0))
        )
    for story_id in (recent, old):
        await end(stage, story_id)
    assert await last(stage, recent) == {"friend": "before", "close": "before"}
    assert await last(stage, old) == {}


async def test_the_owner_hears_what_others_do_and_whom_they_answer_hears_it_too(stage: Stage) -> None:
    await people(stage)
    story_id = await stage.post_text()
    await view(stage, "friend", story_id)
    await react(stage, "friend", story_id)
    await reply(stage, "friend", story_id)
    await reply(stage, "alice", story_id, to="friend")
    for of_type in ("story.viewed", "story.reacted"):
        assert await hear(stage, story_id, of_type) == {"alice": "now"}
    assert await last(stage, story_id) == {"alice": "now", "friend": "now"}
    assert await hear(stage, story_id, "story.viewed", ["friend", "close"]) == {}
    await stage.mute("alice", "friend")
    assert await hear(stage, story_id, "story.viewed") == {}
    assert await last(stage, story_id) == {"alice": "now", "friend": "now"}, "an answer of one's own is nobody else's"
    await stage.block("friend", "alice")
    assert await last(stage, story_id) == {"alice": "now"}


async def test_when_it_is_forgotten_who_viewed_or_when_the_story_is_gone_nobody_hears_of_it(stage: Stage) -> None:
    await people(stage)
    story_id = await stage.post_text()
    await view(stage, "friend", story_id)
    await reply(stage, "friend", story_id)
    async with stage.container.database().write(None) as connection:
        await connection.execute(
            update(stories).where(stories.c.id == story_id).values(frozen_at=seconds_from_now(0.0))
        )
    assert await hear(stage, story_id, "story.viewed") == {}
    assert await hear(stage, story_id, "story.replied") == {"alice": "now"}
    await end(stage, story_id)
    assert await hear(stage, story_id, "story.replied") == {}


@pytest.mark.slow
async def test_many_events_and_many_listeners_are_asked_about_piece_by_piece(stage: Stage) -> None:
    await people(stage)
    for _ in range(3):
        await stage.post_text()
    await stage.container.sequence_events()()
    positions = [event.position for event in await stage.container.event_reader().after(stage.org, 0, limit=100)]
    crowd = [UserId(f"user-{number}") for number in range(40_000)]
    hearers = await stage.container.live_audience().hearers(stage.org, positions, [*crowd, UserId("friend")])
    assert [(hearer.user, hearer.before) for hearer in hearers] == [("friend", False)] * 3


async def test_past_audiences_are_forgotten_with_the_events_they_belong_to(stage: Stage) -> None:
    old, recent = await stage.post_text(), await stage.post_text()
    for story_id in (old, recent):
        await end(stage, story_id)
    async with stage.container.database().write(None) as connection:
        await connection.execute(
            update(past_audiences)
            .where(past_audiences.c.story_id == old)
            .values(ended_at=seconds_from_now(-stage.container.settings().events_retention_seconds - 1.0))
        )
    forget = stage.container.forget_audiences()
    assert await forget() == 1
    assert await forget() == 0
    async with stage.container.database().read(None) as connection:
        assert (await connection.execute(select(past_audiences.c.story_id))).scalars().all() == [recent]

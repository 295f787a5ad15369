"""The visibility rule stands twice, in the domain and in SQL: every combination is driven through both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product

import pytest
from sqlalchemy import ColumnElement, and_, case, delete, literal, select, update
from sqlalchemy.sql.visitors import replacement_traverse

from application.caller import ANONYMOUS
from application.queries.get_community_story import GetCommunityStory
from application.queries.get_story import GetStory
from application.queries.list_community_stories import ListCommunityStories
from domain.audience import Relation, Visibility
from domain.errors import StoryExpiredError, StoryNotFoundError
from domain.story import Access, Status
from domain.values import StoryId, UserId
from infrastructure.sql import visibility
from infrastructure.sql.dialect import Instant, clock
from infrastructure.sql.tables import stories
from tests.stage import Stage


@dataclass(frozen=True)
class Case:
    """One combination."""

    visibility: Visibility
    status: Status
    published: bool
    expired: bool


VIEWERS = {
    "owner": ("alice", Relation()),
    "friend": ("friend", Relation(friend=True)),
    "requested": ("requested", Relation()),
    "close friend": ("close", Relation(friend=True, close_friend=True)),
    "close, no friend": ("closeonly", Relation(close_friend=True)),
    "listed": ("listed", Relation()),
    "stranger": ("stranger", Relation()),
    "nobody": (ANONYMOUS, Relation()),
    "friend who blocks": ("blocker", Relation(friend=True, close_friend=True, blocked=True)),
    "friend who is blocked": ("blocked", Relation(friend=True, close_friend=True, blocked=True)),
}
CASES = [
    Case(*values)
    for values in product(Visibility, Status, (True, False), (True, False))
    if values[2] or values[1] is not Status.ACTIVE  # an active story was published
]
ALLOWED = frozenset(UserId(user) for user in ("listed", "blocker", "blocked"))


async def _people(stage: Stage) -> None:
    for friend in ("friend", "close", "blocker", "blocked"):
        await stage.befriend("alice", friend)
    for close in ("close", "closeonly", "blocker", "blocked"):
        await stage.mark_close("alice", close)
    await stage.block("blocker", "alice")
    await stage.block("alice", "blocked")


async def _story(stage: Stage, combination: Case, *, linked: bool = False) -> StoryId:
    allowed = frozenset[str](ALLOWED if combination.visibility is Visibility.CUSTOM else ())
    post = stage.post_link if linked else stage.post_text
    story_id = await post(visibility=combination.visibility, allowed=allowed)
    async with stage.container.database().write(None) as connection:
        row = (await connection.execute(select(stories).where(stories.c.id == story_id))).one()
        await connection.execute(
            update(stories)
            .where(stories.c.id == story_id)
            .values(status=combination.status.value, published_at=row.created_at if combination.published else None)
        )
    if combination.expired:
        await stage.pass_time(story_id, 86_400)
    return story_id


@pytest.mark.says(
    "story:storage privacy-settings-visibility  ",
    "story:storage privacy-settings-visibility ",
    "story:storage privacy-settings-visibility",
)
async def test_sql_and_the_domain_agree_on_every_relation_visibility_status_and_time(stage: Stage) -> None:
    await _people(stage)
    compared = 0
    for combination in CASES:
        story_id = await _story(stage, combination)
        async with stage.container.unit_of_work().begin(stage.org) as tx:
            story = await tx.stories.get(story_id)
            assert story is not None
            for name, (viewer, relation) in VIEWERS.items():
                now = await tx.clock()
                known = await tx.stories.access(story_id, UserId(viewer))
                said = story.access(UserId(viewer), relation, now)
                assert known is not None
                assert known.access is said, (combination, name)
                assert relation == await tx.social.relation(story.owner, UserId(viewer)) or viewer == story.owner
                compared += 1
    assert compared == len(CASES) * len(VIEWERS)


@pytest.mark.slow
@pytest.mark.says(
    "story:privacy privacy-checked-when  ",
    "story:for-developers privacy-checks-always  ",
    "story:privacy privacy-checked-when ",
    "story:for-developers privacy-checks-always ",
    "story:privacy privacy-checked-when",
    "story:for-developers privacy-checks-always",
)
@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("audience", Visibility)
async def test_every_way_to_read_a_story_shows_it_to_the_same_people(
    stage: Stage, audience: Visibility, *, linked: bool
) -> None:
    await _people(stage)
    await stage.mute("friend", "alice")
    for status, expired in product((Status.ACTIVE, Status.ARCHIVED, Status.FAILED), (False, True)):
        combination = Case(audience, status, status is not Status.FAILED, expired)
        story_id = await _story(stage, combination, linked=linked)
        for name, (viewer, relation) in VIEWERS.items():
            if viewer == "alice":
                continue
            async with stage.container.unit_of_work().begin(stage.org) as tx:
                story = await tx.stories.get(story_id)
                assert story is not None
                said = story.access(UserId(viewer), relation, await tx.clock())
            assert await _read_by_id(stage, viewer, story_id) is said, (combination, name)
            assert await _record(stage, viewer, story_id) is said, (combination, name)
            expected = _expected_lists(said, relation, audience, muted=viewer == "friend")
            assert await _lists(stage, viewer, story_id) == expected, (combination, name)
        async with stage.container.database().write(None) as connection:
            await connection.execute(delete(stories).where(stories.c.id == story_id))


async def _read_by_id(stage: Stage, viewer: str, story_id: StoryId) -> Access:
    try:
        await stage.container.get_story()(GetStory(caller=stage.caller(viewer), story_id=story_id))
    except StoryNotFoundError:
        return Access.HIDDEN
    except StoryExpiredError:
        return Access.GONE
    return Access.VISIBLE


async def _record(stage: Stage, viewer: str, story_id: StoryId) -> Access:
    try:
        await stage.container.get_community_story()(GetCommunityStory(caller=stage.caller(viewer), story_id=story_id))
    except StoryNotFoundError:
        return Access.HIDDEN
    except StoryExpiredError:
        return Access.GONE
    return Access.VISIBLE


async def _lists(stage: Stage, viewer: str, story_id: StoryId) -> dict[str, bool]:
    who, reader, feed = stage.caller(viewer), stage.container.story_reader(), stage.container.feed_reader()
    alice = UserId("alice")
    return {
        "active": story_id in {card.story_id for card in await reader.active(who, alice)},
        "ring": alice in await reader.unseen_by_owner(who, [alice]),
        "feed": story_id in {card.story_id for card in (await feed.feed(who, offset=0, limit=100))[0]},
        "candidates": story_id in {candidate.story_id for candidate in await feed.candidates(who)},
        "feed cards": story_id in await feed.feed_cards(who, [story_id]),
        "community": story_id in await _community(stage, viewer),
    }


async def _community(stage: Stage, viewer: str) -> set[StoryId]:
    found = await stage.container.list_community_stories()(ListCommunityStories(caller=stage.caller(viewer)))
    return {story.id for group in found.groups for story in group.stories}


def _expected_lists(said: Access, relation: Relation, audience: Visibility, *, muted: bool) -> dict[str, bool]:
    visible = said is Access.VISIBLE
    in_feed = visible and not muted and (relation.friend or audience is Visibility.CUSTOM)
    return {
        "active": visible,
        "ring": visible,
        "feed": in_feed,
        "candidates": in_feed,
        "feed cards": in_feed,
        "community": visible and not muted,
    }


async def test_a_story_is_over_at_the_very_millisecond_it_expires(stage: Stage) -> None:
    story_id = await stage.post_text(visibility=Visibility.PUBLIC)
    for milliseconds in (60, 600, 6_000):  # a busy machine needs a longer life to be seen alive
        if await _watch_it_expire(stage, story_id, milliseconds) == {Access.VISIBLE, Access.GONE}:
            return
    pytest.fail("The story was never seen on both sides of its end.")


async def _watch_it_expire(stage: Stage, story_id: StoryId, milliseconds: int) -> set[Access]:
    async with stage.container.unit_of_work().begin(stage.org) as tx:
        over = await tx.clock() + timedelta(milliseconds=milliseconds)
    async with stage.container.database().write(None) as connection:
        await connection.execute(update(stories).where(stories.c.id == story_id).values(expires_at=over))
    seen = set()
    while Access.GONE not in seen:
        async with stage.container.unit_of_work().begin(stage.org) as tx:
            before = await tx.clock()
            known = await tx.stories.access(story_id, UserId("friend"))
            after = await tx.clock()
        assert known is not None
        if after < over:
            assert known.access is Access.VISIBLE
        if before >= over:
            assert known.access is Access.GONE
        seen.add(known.access)
    return seen


async def _access_at(stage: Stage, story_id: StoryId, at: datetime, rule: ColumnElement[str]) -> Access:
    """What the rule in SQL says at a given instant: its clock is stopped there."""
    stopped = replacement_traverse(
        rule, {}, lambda element, **_: literal(at, Instant()) if isinstance(element, clock) else None
    )
    statement = select(stopped).select_from(stories).where(stories.c.id == story_id)
    async with stage.container.database().read(None) as connection:
        return Access((await connection.execute(statement, {"org": stage.org, "viewer": "friend"})).scalar_one())


async def _disagreements(stage: Stage, rule: ColumnElement[str]) -> list[int]:
    """Milliseconds round the end of a story's life at which the rule and the domain say different things."""
    story_id = await stage.post_text(visibility=Visibility.PUBLIC)
    async with stage.container.unit_of_work().begin(stage.org) as tx:
        story = await tx.stories.get(story_id)
    assert story is not None
    different = []
    for milliseconds in (-1000, -1, 0, 1, 1000):
        at = story.expires_at + timedelta(milliseconds=milliseconds)
        if await _access_at(stage, story_id, at, rule) is not story.access(UserId("friend"), Relation(), at):
            different.append(milliseconds)
    return different


@pytest.mark.says(
    "story:expiration detection-finds-stories  ",
    "story:expiration detection-finds-stories ",
    "story:expiration detection-finds-stories",
)
async def test_sql_and_the_domain_agree_to_the_millisecond_on_when_a_story_is_over(stage: Stage) -> None:
    assert await _disagreements(stage, visibility.access) == []


async def test_a_rule_that_is_one_millisecond_off_is_caught(stage: Stage) -> None:
    late = case(
        (and_(stories.c.status == Status.ACTIVE.value, clock() <= stories.c.expires_at), literal(Access.VISIBLE.value)),
        else_=literal(Access.GONE.value),
    )
    assert await _disagreements(stage, late) == [0]

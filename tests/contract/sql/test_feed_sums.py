"""What passed between people is summed in SQL; here it is summed by the words of the domain, and compared."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from application.commands.archive_story import ArchiveStory
from application.commands.react_to_story import ReactToStory
from application.commands.reply_to_story import ReplyToStory
from application.commands.track_view import TrackView
from application.policies.clean_archives import CleanArchives
from application.queries.get_recommended_feed import Candidate
from domain.audience import Visibility
from domain.content import STILL_SECONDS
from domain.engagement import HIGH_FROM, Reaction
from domain.ranking import HOT_HALF_LIFE_SECONDS, PAIR_HALF_LIFE_SECONDS, REACTION_POINTS, REPLY_POINTS
from domain.values import StoryId
from infrastructure.sql.tables import replies, stories, story_reactions, story_views
from tests.stage import Stage

PEOPLE = ["bob", "alice", "carol", "dave"]


async def _live(stage: Stage, rng: random.Random) -> list[StoryId]:
    """Some days in which everybody watches, reacts and replies at random."""
    for one in PEOPLE:
        for other in PEOPLE:
            if one < other:
                await stage.befriend(one, other)
    posted = [(owner, await stage.post_text(owner, visibility=Visibility.PUBLIC)) for owner in PEOPLE * 2]
    for owner, story_id in posted:
        for viewer in PEOPLE:
            if viewer != owner:
                await _engage(stage, rng, viewer, story_id)
    await _scatter(stage, rng)
    return [story_id for _, story_id in posted]


async def _engage(stage: Stage, rng: random.Random, viewer: str, story_id: StoryId) -> None:
    who, container = stage.caller(viewer), stage.container
    if rng.random() < 0.7:
        seconds = rng.choice([0, 1, 2.5, 3.75, 5, 60])
        await container.track_view()(TrackView(caller=who, story_id=story_id, duration_seconds=seconds))
    for _ in range(rng.randrange(3)):
        reaction = rng.choice(list(Reaction))
        await container.react_to_story()(ReactToStory(caller=who, story_id=story_id, reaction=reaction))
    for _ in range(rng.randrange(3)):
        await container.reply_to_story()(ReplyToStory(caller=who, story_id=story_id, content="Hi"))


async def _scatter(stage: Stage, rng: random.Random) -> None:
    """Move what happened to random times of the last twenty days."""
    async with stage.container.database().write(None) as connection:
        for table, at in ((story_views, "viewed_at"), (story_reactions, "reacted_at"), (replies, "created_at")):
            keys = list(table.primary_key.columns)
            for row in (await connection.execute(select(*keys, table.c[at]))).all():
                moved = row[-1] - timedelta(milliseconds=rng.randrange(20 * 86_400_000))
                same = [key == value for key, value in zip(keys, row[:-1], strict=True)]
                await connection.execute(update(table).where(*same).values({at: moved}))


def _worth(row: Any) -> tuple[float, bool]:
    """Points of a fact, and whether it says that somebody was engaged."""
    match row["what"]:
        case "view":
            fraction = min(1.0, row["duration_seconds"] / STILL_SECONDS)
            return fraction, fraction >= HIGH_FROM
        case "reaction":
            feeling = Reaction(row["feeling"]) if row["feeling"] else None
            points = (REACTION_POINTS[feeling] if feeling else 0.0) + (REACTION_POINTS[Reaction.SHARE] * row["shared"])
            return points, bool(row["shared"]) or (feeling is not None and feeling is not Reaction.DISLIKE)
        case _:
            return REPLY_POINTS, True


async def _facts(stage: Stage) -> list[dict[str, Any]]:
    async with stage.container.database().read(None) as connection:
        views = (await connection.execute(select(story_views, story_views.c.viewer_id.label("actor")))).mappings().all()
        reactions = (
            (await connection.execute(select(story_reactions, story_reactions.c.user_id.label("actor"))))
            .mappings()
            .all()
        )
        replied = (
            (
                await connection.execute(
                    select(replies, replies.c.sender_id.label("actor")).order_by(replies.c.created_at)
                )
            )
            .mappings()
            .all()
        )
    first: dict[tuple[Any, Any], Any] = {}
    for row in replied:
        first.setdefault((row["actor"], row["story_id"]), row)
    return [
        *({**row, "what": "view", "at": row["viewed_at"]} for row in views),
        *({**row, "what": "reaction", "at": row["reacted_at"]} for row in reactions),
        *({**row, "what": "reply", "at": row["created_at"]} for row in first.values()),
    ]


def _fade(now: datetime, at: datetime, half_life: float) -> float:
    return float(2 ** (-(now - at).total_seconds() / half_life))


def _pair(facts: list[dict[str, Any]], actor: str, owner: str, now: datetime) -> tuple[float, float, float]:
    points, engaged, chances = 0.0, dict[Any, float](), 0.0
    for fact in facts:
        if (fact["actor"], fact["owner_id"]) != (actor, owner):
            continue
        worth, counts = _worth(fact)
        fade = _fade(now, fact["at"], PAIR_HALF_LIFE_SECONDS)
        points += worth * fade
        engaged[fact["story_id"]] = max(engaged.get(fact["story_id"], 0.0), counts * fade)
        chances += fade if fact["what"] == "view" else 0.0
    return points, sum(engaged.values()), chances


@pytest.mark.parametrize("seed", range(3))
async def test_sums_in_sql_equal_the_sums_of_the_definition(stage: Stage, seed: int) -> None:
    await _live(stage, random.Random(seed))
    facts = await _facts(stage)
    candidates = await stage.container.feed_reader().candidates(stage.caller("bob"))
    async with stage.container.unit_of_work().begin(stage.org) as tx:
        now = await tx.clock()
    async with stage.container.database().read(None) as connection:
        rows = await connection.execute(select(stories.c.id, stories.c.owner_id))
        owner_of = {row.id: row.owner_id for row in rows}
    assert len(candidates) == 6
    for candidate in candidates:
        _compare(candidate, facts, owner_of[candidate.story_id], now)


def _compare(candidate: Candidate, facts: list[dict[str, Any]], owner: str, now: datetime) -> None:
    points, engaged, chances = _pair(facts, "bob", owner, now)
    received, _, _ = _pair(facts, owner, "bob", now)
    of_story = [(_worth(fact)[0], fact["at"]) for fact in facts if fact["story_id"] == candidate.story_id]
    expected = {
        "points_given": points,
        "engaged": engaged,
        "chances": chances,
        "points_received": received,
        "story_points": sum(worth for worth, _ in of_story),
        "story_hot": sum(worth * _fade(now, at, HOT_HALF_LIFE_SECONDS) for worth, at in of_story),
        "story_views": sum(fact["what"] == "view" for fact in facts if fact["story_id"] == candidate.story_id),
        "mutual_friends": 2,
    }
    for name, value in expected.items():
        assert getattr(candidate, name) == pytest.approx(value, abs=1e-3, rel=1e-4), name
    assert candidate.friend
    assert not candidate.close_friend


PAIR_SUMS = ("points_given", "engaged", "chances", "points_received")


@pytest.mark.parametrize("seed", range(3))
async def test_what_passed_between_people_is_the_same_when_nobody_knows_any_more_by_what(
    stage: Stage, seed: int
) -> None:
    posted = await _live(stage, random.Random(seed))
    before = await _sums_by_owner(stage)
    for some in (posted[:3], posted[3:5]):
        for story_id in some:
            await _end(stage, story_id)
        assert await CleanArchives(stage.container.unit_of_work(), 0, 0)() == len(some)
        assert await CleanArchives(stage.container.unit_of_work(), 0, 0)() == 0
        after = await _sums_by_owner(stage)
        assert len(after) == 3
        for owner, sums in after.items():
            assert sums == pytest.approx(before[owner], abs=1e-3, rel=1e-4), owner


async def test_a_friend_of_long_ago_counts_less_and_less(stage: Stage) -> None:
    await stage.befriend("bob", "alice")
    ended = await stage.post_text("alice")
    await stage.container.reply_to_story()(ReplyToStory(caller=stage.caller("bob"), story_id=ended, content="Hi"))
    await _end(stage, ended)
    async with stage.container.database().write(None) as connection:
        at = (await connection.execute(select(replies.c.created_at))).scalar_one()
        await connection.execute(update(replies).values(created_at=at - timedelta(days=28)))
    await CleanArchives(stage.container.unit_of_work(), 0, 0)()
    await stage.post_text("alice")
    (candidate,) = await stage.container.feed_reader().candidates(stage.caller("bob"))
    assert candidate.points_given == pytest.approx(REPLY_POINTS / 4, rel=1e-4), "two half-lives"
    assert candidate.engaged == pytest.approx(1 / 4, rel=1e-4)


async def _end(stage: Stage, story_id: StoryId) -> None:
    async with stage.container.database().read(None) as connection:
        owner = (await connection.execute(select(stories.c.owner_id).where(stories.c.id == story_id))).scalar_one()
    await stage.container.archive_story()(ArchiveStory(caller=stage.caller(owner), story_id=story_id))


async def _sums_by_owner(stage: Stage) -> dict[str, list[float]]:
    candidates = await stage.container.feed_reader().candidates(stage.caller("bob"))
    async with stage.container.database().read(None) as connection:
        owner_of = {row.id: row.owner_id for row in await connection.execute(select(stories.c.id, stories.c.owner_id))}
    return {owner_of[each.story_id]: [getattr(each, name) for name in PAIR_SUMS] for each in candidates}

"""The feed by time."""

from __future__ import annotations

from application.queries.list_feed import Feed, ListFeed
from tests.stage import Stage
from tests.unit.application.scenes import DAY


async def feed(stage: Stage, *, limit: int = 50, skip: int = 0) -> Feed:
    return await stage.container.list_feed()(ListFeed(caller=stage.caller("bob"), limit=limit, skip=skip))


async def test_it_is_read_newest_first_and_in_parts(stage: Stage) -> None:
    for friend in ("alice", "carol"):
        await stage.befriend(friend, "bob")
    ids = [await stage.post_text(owner) for owner in ("alice", "carol", "alice")]
    await stage.pass_time(ids[1], 60)
    parts = [await feed(stage, limit=2, skip=skip) for skip in (0, 2, 4)]
    assert [[card.story_id for card in part.stories] for part in parts] == [[ids[2], ids[0]], [ids[1]], []]
    assert {part.total_count for part in parts} == {3}


async def test_what_is_over_muted_ones_own_or_of_strangers_is_not_in_it(stage: Stage) -> None:
    for friend in ("alice", "carol"):
        await stage.befriend(friend, "bob")
    await stage.pass_time(await stage.post_text("alice"), DAY)
    await stage.post_text("carol")
    await stage.mute("bob", "carol")
    for owner in ("bob", "stranger"):
        await stage.post_text(owner)
    assert await feed(stage) == Feed(stories=(), total_count=0)

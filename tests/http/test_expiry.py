"""The end of a story is decided by the clock alone: nothing sweeps in these tests unless they say so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.http.town import OWNER_CARD, Town, ok, refused

pytestmark = pytest.mark.slow

Visible = Callable[[], Awaitable[bool]]
PACES = (1, 4, 16, 48)
"""Seconds to the end of a story that is watched; more only where a machine is too slow for less."""


def _paths(town: Town, story_id: str, user: str) -> dict[str, Visible]:
    """Every way somebody may come to see a story; each answers whether they do."""
    client = town.client(user)

    async def listed(path: str, **query: Any) -> bool:
        data = ok(await client.get(path, params=query))["data"]
        cards = data if isinstance(data, list) else data["stories"]
        return story_id in {card["storyId"] for card in cards}

    async def by_id() -> bool:
        response = await client.get(f"/api/story/{story_id}")
        assert response.status_code in {200, 410}, response.text
        return response.status_code == httpx.codes.OK

    async def ring(of: str) -> bool:
        return bool(ok(await client.post("/api/story/check-active", json=["alice"]))[of]["alice"])

    return {
        "active": lambda: listed("/api/story/users/alice/active"),
        "recommended": lambda: listed(f"/api/story/feed/{user}/recommended"),
        "recommended, in the last order": lambda: listed(f"/api/story/feed/{user}/recommended", skip=1),
        "legacy feed": lambda: listed(f"/api/story/feed/{user}"),
        "by id": by_id,
        "ring": lambda: ring("data"),
        "unseen ring": lambda: ring("unseen"),
    }


async def _watched_to_its_end(town: Town, story_id: str, paths: dict[str, Visible], seconds: float) -> bool:
    """Let a story end in so many seconds, and watch; whether each path has been looked at before the end.

    A machine may be too slow for that. Nothing may be wrong even then, and the next story is given more time.
    """
    for name, see in paths.items():
        assert await see(), name
    expires = datetime.fromisoformat((await town.card(story_id))["expiresAt"])
    await town.pass_time(story_id, (expires - datetime.now(UTC)).total_seconds() - seconds)
    ends = datetime.fromisoformat((await town.card(story_id))["expiresAt"])
    return all(await asyncio.gather(*(_watch(see, ends) for see in paths.values())))


async def _watch(see: Visible, ends: datetime) -> int:
    """Look again and again until well after the end; how often it was seen before it."""
    before = after = 0
    while after < 5:
        asked = datetime.now(UTC)
        visible = await see()
        answered = datetime.now(UTC)
        if asked >= ends:
            assert not visible, f"seen {asked - ends} after its end"
            after += 1
        elif answered < ends:
            assert visible, f"gone {ends - answered} before its end"
            before += 1
        await asyncio.sleep(0.02)
    return before


@pytest.mark.says(
    "story:system automatically-expires-after  ",
    "story:intro story-system-provides  ",
    "story:upload create-temporary-content content-doesnt-need  ",
    "story:expiration expiration-system-ensures removed-active-story no-longer-visible  ",
    "story:flow 24-hours-pass  ",
    "story:for-developers expiration-handling-check error-handling-handle  ",
    "story:system automatically-expires-after ",
    "story:intro story-system-provides ",
    "story:upload create-temporary-content content-doesnt-need ",
    "story:expiration expiration-system-ensures removed-active-story no-longer-visible ",
    "story:flow 24-hours-pass ",
    "story:for-developers expiration-handling-check error-handling-handle ",
    "story:system automatically-expires-after",
    "story:intro story-system-provides",
    "story:upload create-temporary-content content-doesnt-need",
    "story:expiration expiration-system-ensures removed-active-story no-longer-visible",
    "story:flow 24-hours-pass",
    "story:for-developers expiration-handling-check error-handling-handle",
)
async def test_a_story_disappears_from_every_read_path_at_its_second(town: Town) -> None:
    await town.befriend("alice", "bob")
    await town.befriend("bob", "newer")
    for seconds in PACES:
        story_id = await town.post_text("alice")
        for user in ("bob", "alice"):
            assert ok(await town.client(user).get("/api/story/users/alice/active"))["data"]
        paths = _paths(town, story_id, "bob")
        del paths["recommended, in the last order"]
        if await _watched_to_its_end(town, story_id, paths, seconds):
            return
    pytest.fail("too slow to look even once before the end")


@pytest.mark.says(
    "story:expiration cache-clear-clears  ",
    "story:expiration cache-clear-clears ",
    "story:expiration cache-clear-clears",
)
async def test_an_order_that_was_kept_brings_nothing_back(town: Town) -> None:
    await town.befriend("alice", "bob")
    await town.befriend("bob", "carol")
    ids = [await town.post_text(owner, content=owner) for owner in ("carol", "alice", "carol")]
    ranked = await town.feed("bob", limit=1)
    last = next(story_id for story_id in ids if story_id not in ranked)
    await town.pass_time(last, 86_400)
    rest = await town.feed("bob", limit=10, skip=1)
    assert last not in rest
    assert len(rest) == 1


@pytest.mark.says(
    "story:expiration owner-still-access  ",
    "story:expiration owner-still-access ",
    "story:expiration owner-still-access",
)
async def test_its_owner_sees_it_as_archived_by_the_clock_before_any_job_has_run(town: Town) -> None:
    story_id = await town.post_text("alice", duration=3_600)
    assert (await town.card(story_id))["status"] == "Active"
    await town.pass_time(story_id, 3_600)
    alice = town.client("alice")
    for path in (f"/api/story/{story_id}", "/api/story/users/alice/history", "/api/story/users/alice/archived"):
        data = ok(await alice.get(path))["data"]
        (card,) = data.get("stories", [data])
        assert card.keys() == OWNER_CARD
        assert (card["status"], card["archiveReason"]) == ("Archived", "expired")
        assert (card["isExpired"], card["timeUntilExpiration"]) == (True, "00:00:00")
        assert card["archivedAt"] == card["expiresAt"]
    assert ok(await alice.get("/api/story/users/alice/active"))["data"] == []
    assert [event.type for event in await town.events(story_id)] == ["story.created", "story.published"]


@pytest.mark.says(
    "story:lifecycle expiration-after-24 cleanup-background-job  ",
    "story:expiration archiving-automatically-archives story-automatically-archived  ",
    "story:flow storycleanupjob-archives-story  ",
    "story:lifecycle expiration-after-24 cleanup-background-job ",
    "story:expiration archiving-automatically-archives story-automatically-archived ",
    "story:flow storycleanupjob-archives-story ",
    "story:lifecycle expiration-after-24 cleanup-background-job",
    "story:expiration archiving-automatically-archives story-automatically-archived",
    "story:flow storycleanupjob-archives-story",
)
async def test_the_sweeper_makes_it_durable_and_tells_it_once(town: Town) -> None:
    ids = [await town.post_text("alice", content=f"story {number}") for number in range(3)]
    for story_id in ids[:2]:
        await town.pass_time(story_id, 86_400)
    before = [await town.card(story_id) for story_id in ids[:2]]
    for _ in range(2):
        await asyncio.gather(*(town.container.archive_expired()() for _ in range(3)))
    archived = ok(await town.client("alice").get("/api/story/users/alice/archived"))["data"]["stories"]
    assert [card["storyId"] for card in archived] == ids[1::-1]
    for story_id, was in zip(ids[:2], before, strict=True):
        card = await town.card(story_id)
        assert (card["status"], card["archiveReason"], card["isExpired"]) == ("Archived", "expired", True)
        assert {**card, "archivedAt": None} == {**was, "archivedAt": None}
        told = [(event.type, event.data.get("reason")) for event in await town.events(story_id)]
        assert told[2:] == [("story.archived", "expired")]
    assert (await town.card(ids[2]))["status"] == "Active"


async def test_archiving_by_hand_what_the_clock_has_ended_is_no_other_ending(town: Town) -> None:
    story_id = await town.post_text("alice")
    await town.pass_time(story_id, 86_400)
    ok(await town.client("alice").post(f"/api/story/{story_id}/archive"))
    assert (await town.card(story_id))["archiveReason"] == "expired"


async def test_media_links_die_with_the_story(town: Town) -> None:
    await town.befriend("alice", "bob")
    nobody = town.stranger()

    def followed(link: str) -> Visible:
        async def see() -> bool:
            answer = await nobody.get(link)
            if answer.status_code != httpx.codes.OK:
                refused(answer, 410, "story_expired")
                assert (await nobody.head(link)).status_code == 410
            return answer.status_code == httpx.codes.OK

        return see

    for seconds in PACES:
        story_id = await town.post_image("alice")
        card = await town.card(story_id, "bob")
        links = {link: followed(link) for link in (card["mediaUrl"], card["thumbnailUrl"])}
        in_time = await _watched_to_its_end(town, story_id, links, seconds)
        archived = await town.card(story_id)
        for link in (archived["mediaUrl"], archived["thumbnailUrl"]):
            assert (await nobody.get(link)).status_code == 200
        if in_time:
            return
    pytest.fail("too slow to look even once before the end")


@pytest.mark.attack(17)
async def test_a_story_whose_end_has_come_is_gone_for_those_who_saw_it_and_never_was_for_others(town: Town) -> None:
    await town.befriend("alice", "bob")
    story_id = await town.post_text("alice")
    await town.pass_time(story_id, 86_400)
    refused(await town.client("bob").get(f"/api/story/{story_id}"), 410, "story_expired")
    refused(await town.client("zoe").get(f"/api/story/{story_id}"), 404, "story_not_found")
    await town.container.archive_expired()()
    refused(await town.client("bob").get(f"/api/story/{story_id}"), 410, "story_expired")
    refused(await town.client("zoe").get(f"/api/story/{story_id}"), 404, "story_not_found")

"""Many at once: what is counted is exact, and an answer that was given holds."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from infrastructure.sql.tables import story_reactions, story_views
from tests.http.town import Town, ok, refused

pytestmark = pytest.mark.slow


class Crowd:
    """Very many people; each brings a token of their own once, and posts by a connection of its own."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._tokens: dict[str, str] = {}

    async def post(self, user: str, path: str, body: Any) -> httpx.Response:
        """One of them posts."""
        if user not in self._tokens:
            self._tokens[user] = self._town.token(user)
        who = ("Authorization", f"Bearer {self._tokens[user]}"), ("orgid", self._town.org)
        what = ("Content-Type", "application/json")
        return await self._town.raw("POST", path, *who, what, body=json.dumps(body).encode(), user=None)


async def _all(parallel: int, jobs: Iterable[Callable[[], Awaitable[httpx.Response]]]) -> list[httpx.Response]:
    """Do all, so many at once."""
    places = asyncio.Semaphore(parallel)

    async def one(job: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
        async with places:
            return await job()

    return await asyncio.gather(*(one(job) for job in jobs))


@pytest.mark.says(
    "story:for-developers view-tracking-track  ",
    "story:for-developers view-tracking-track ",
    "story:for-developers view-tracking-track",
)
async def test_a_thousand_views_of_two_hundred_viewers_are_two_hundred_views(town: Town) -> None:
    story_id = await town.post_text("alice", visibility="Public")
    users = [f"viewer-{number}" for number in range(200)]
    order = random.Random(1)
    views = [(user, seconds) for user in users for seconds in order.sample(range(1, 3_600), 5)]
    order.shuffle(views)
    longest = {user: max(seconds for who, seconds in views if who == user) for user in users}
    crowd, path = Crowd(town), f"/api/story/{story_id}/views"
    jobs = [lambda u=user, s=seconds: crowd.post(u, path, {"viewDurationSeconds": s}) for user, seconds in views]
    for response in await _all(64, jobs):
        assert ok(response)["message"] == "Story view tracked successfully"
    async with town.container.database().read(None) as connection:
        rows = (await connection.execute(select(story_views).where(story_views.c.org_id == town.org))).all()
    assert {row.viewer_id: row.duration_seconds for row in rows} == longest
    assert len(rows) == 200
    assert (await town.card(story_id))["viewCount"] == 200
    told = [event.data["viewerId"] for event in await town.events(story_id) if event.type == "story.viewed"]
    assert sorted(told) == sorted(users)
    viewers = ok(await town.client("alice").get(f"/api/story/{story_id}/viewers", params={"pageSize": 100}))
    assert (viewers["totalViewers"], viewers["totalPages"], len(viewers["data"])) == (200, 2, 100)


async def test_fifty_different_reactions_of_one_user_at_once_are_one_reaction(town: Town) -> None:
    story_id = await town.post_text("alice", visibility="Public")
    feelings = ["like", "love", "haha", "dislike"]
    crowd, path = Crowd(town), f"/api/story/{story_id}/reactions"
    jobs = [lambda n=number: crowd.post("bob", path, {"reaction": feelings[n % 4]}) for number in range(50)]
    for response in await _all(50, jobs):
        ok(response)
    assert await town.rows(story_reactions) == 1
    card = await town.card(story_id, "bob")
    assert card["reactionCount"] == 1
    assert card["reactionCounts"] == {card["myReaction"]: 1}
    told = [event.data["reaction"] for event in await town.events(story_id) if event.type == "story.reacted"]
    assert told[-1] == card["myReaction"]
    assert all(before != after for before, after in itertools.pairwise(told))


async def test_reactions_of_many_are_all_counted(town: Town) -> None:
    story_id = await town.post_text("alice", visibility="Public")
    users = [f"fan-{number}" for number in range(40)]
    crowd, path = Crowd(town), f"/api/story/{story_id}/reactions"
    jobs = [
        lambda u=user, r=reaction: crowd.post(u, path, {"reaction": r})
        for user in users
        for reaction in ("love", "share", "love")
    ]
    for response in await _all(40, jobs):
        ok(response)
    card = await town.card(story_id)
    assert (card["reactionCount"], card["reactionCounts"]) == (80, {"love": 40, "share": 40})


async def _until_ended(
    town: Town,
    story_id: str,
    *,
    end: Callable[[], Awaitable[httpx.Response]],
    status: int,
    code: str,
) -> int:
    """Have ever new viewers come, end the story meanwhile, and check what they are told; how many were accepted."""
    answers: list[tuple[float, httpx.Response]] = []
    under_way, over = asyncio.Event(), asyncio.Event()
    crowd, numbers = Crowd(town), itertools.count()

    async def keep_viewing() -> None:
        while not over.is_set():
            viewer, asked = f"viewer-{next(numbers)}", time.monotonic()
            response = await crowd.post(viewer, f"/api/story/{story_id}/views", {"viewDurationSeconds": 1})
            answers.append((asked, response))
            if len(answers) == 30:
                under_way.set()

    viewing = [asyncio.create_task(keep_viewing()) for _ in range(16)]
    await under_way.wait()
    ok(await end())
    ended, told = time.monotonic(), len(answers)
    while len(answers) < told + 40:  # noqa: ASYNC110 - what is awaited is a number of answers
        await asyncio.sleep(0.01)
    over.set()
    await asyncio.gather(*viewing)
    after = [response for asked, response in answers if asked > ended]
    assert after
    for response in after:
        refused(response, status, code)
    statuses = [response.status_code for _, response in answers]
    assert set(statuses) == {200, status}
    return statuses.count(200)


async def test_after_the_answer_to_archive_no_view_is_accepted(town: Town) -> None:
    story_id = await town.post_text("alice", visibility="Public")
    alice = town.client("alice")
    accepted = await _until_ended(
        town,
        story_id,
        end=lambda: alice.post(f"/api/story/{story_id}/archive"),
        status=410,
        code="story_expired",
    )
    assert await town.rows(story_views) == accepted
    assert (await town.card(story_id))["viewCount"] == accepted
    told = [event.type for event in await town.events(story_id)]
    assert told.count("story.viewed") == accepted
    assert told.count("story.archived") == 1


async def test_after_the_answer_to_delete_nothing_is_left_whoever_was_viewing(town: Town) -> None:
    story_id = await town.post_text("alice", visibility="Public")
    alice = town.client("alice")
    await _until_ended(
        town,
        story_id,
        end=lambda: alice.delete(f"/api/story/{story_id}"),
        status=404,
        code="story_not_found",
    )
    assert await town.rows(story_views) == 0
    assert [event.type for event in await town.events(story_id)][-1] == "story.deleted"


async def test_archived_at_once_by_many_it_is_archived_once(town: Town) -> None:
    story_id = await town.post_text("alice", visibility="Public")
    crowd, path = Crowd(town), f"/api/story/{story_id}/archive"
    for response in await _all(16, [lambda: crowd.post("alice", path, {}) for _ in range(16)]):
        ok(response)
    assert [event.type for event in await town.events(story_id)].count("story.archived") == 1


async def test_deleted_at_once_by_many_it_is_deleted_once(town: Town) -> None:
    story_id = await town.post_text("alice", visibility="Public")
    alice = town.client("alice")
    answers = await _all(16, [lambda: alice.delete(f"/api/story/{story_id}") for _ in range(16)])
    assert sorted(answer.status_code for answer in answers) == [200] + [404] * 15
    assert [event.type for event in await town.events(story_id)].count("story.deleted") == 1


async def test_friends_who_ask_each_other_at_once_are_friends(town: Town) -> None:
    pairs = [(f"a{number}", f"b{number}") for number in range(10)]
    jobs = [
        lambda u=user, f=friend: town.client(u).put(f"/api/social/users/{u}/friends/{f}")
        for pair in pairs
        for user, friend in (pair, pair[::-1])
    ]
    assert {answer.status_code for answer in await _all(20, jobs)} == {204}
    for user, friend in pairs:
        data = ok(await town.client(user).get(f"/api/social/users/{user}/friends"))["data"]
        assert [(each["userId"], each["status"]) for each in data["friends"]] == [(friend, "confirmed")]

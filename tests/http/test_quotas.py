"""Quotas over HTTP: 429 with the time until tomorrow, and files refused before they are sent."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from infrastructure.container import Container
from infrastructure.settings import Settings
from infrastructure.sql.tables import objects
from tests.conftest import SECRET
from tests.http.town import Town, form, ok, refused
from tests.stage import jpeg, serve

pytestmark = pytest.mark.slow


@pytest.fixture
async def frugal(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Town]:
    """Where a user may post three stories a day, and 2 MiB of media."""
    path = tmp_path / "stories.db"
    shutil.copy(sqlite_template, path)
    settings = Settings(
        data_dir=str(tmp_path),
        database_url=f"sqlite:///{path}",
        jwt_secret=SECRET,
        log_level="error",
        quota_user_stories=3,
        quota_user_bytes=2_097_152,
    )
    container = Container(settings=settings)
    async with serve(settings, container) as served:
        town = Town(served, "frugal")
        yield town
        await town.close()


def exceeded(response: httpx.Response) -> None:
    refused(response, 429, "quota_exceeded")
    assert 0 < int(response.headers["retry-after"]) <= 86_400


async def test_one_story_too_many_is_refused_until_tomorrow(frugal: Town) -> None:
    alice = frugal.client("alice")
    for _ in range(3):
        ok(await alice.post("/api/story/users/alice", json={"content": "hi"}), 201)
    exceeded(await alice.post("/api/story/users/alice", json={"content": "hi"}))
    exceeded(await alice.post("/api/story/users/alice", files={"media": ("a.jpg", jpeg())}))
    exceeded(await alice.post("/api/story/users/alice/uploads", json={"size": 10, "mimeType": "image/jpeg"}))
    assert await frugal.posted() == 3
    await frugal.post_text("bob")


async def test_a_file_without_room_is_refused_before_it_is_sent(frugal: Town) -> None:
    content_type, start = form(('name="media"; filename="a.jpg"', jpeg()), end=False)

    async def nothing_more() -> AsyncIterator[bytes]:
        yield start
        await asyncio.sleep(60)

    length = ("Content-Length", "4000000")
    exceeded(
        await frugal.raw(
            "POST", "/api/story/users/alice", content_type, length, ("orgid", frugal.org), body=nothing_more()
        )
    )
    assert await frugal.rows(objects) == 0


async def test_a_request_that_comes_again_is_answered_as_before_though_the_quota_is_used_up(frugal: Town) -> None:
    alice = frugal.client("alice")

    async def post(key: str) -> httpx.Response:
        sent = {"media": ("a.jpg", jpeg())}
        return await alice.post("/api/story/users/alice", files=sent, headers={"Idempotency-Key": key})

    for _ in range(2):
        await frugal.post_text("alice")
    first = ok(await post("the third"), 201)
    again = await post("the third")
    assert ok(again, 201)["data"]["storyId"] == first["data"]["storyId"]
    assert again.headers["idempotency-replayed"] == "true"
    exceeded(await post("the fourth"))
    assert await frugal.posted() == 3

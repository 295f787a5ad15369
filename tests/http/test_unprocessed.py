"""Stories whose media nobody has processed yet, and a service that misses a store: workers rest in these tests."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from application.policies.process_media import ProcessMedia
from application.ports.media import Reached, RenderedFile
from domain.values import OrgId, StoryId
from infrastructure.container import Container
from tests.contract.media.films import film
from tests.http.town import Town, ok, refused
from tests.stage import jpeg


async def _upload(town: Town, data: bytes | None = None, **fields: str) -> dict[str, str]:
    response = await town.client("alice").post(
        "/api/Story/users/alice", files={"media": ("photo.jpg", data or jpeg())}, data={"privacy": "public", **fields}
    )
    posted: dict[str, str] = ok(response, 201)["data"]
    return posted


@pytest.mark.says("story:upload story-may-not  ", "story:upload story-may-not ", "story:upload story-may-not")
async def test_a_story_is_not_viewable_until_processing_completes(sleepy: Town) -> None:
    story_id = (await _upload(sleepy))["storyId"]
    await sleepy.befriend("alice", "bob")
    bob = sleepy.client("bob")
    refused(await bob.get(f"/api/story/{story_id}"), 404, "story_not_found")
    assert ok(await bob.get("/api/story/users/alice/active"))["data"] == []
    assert await sleepy.feed("bob") == []
    assert ok(await bob.post("/api/story/check-active", json=["alice"]))["data"] == {"alice": False}


async def test_its_record_is_not_there_either_until_it_is_processed(sleepy: Town) -> None:
    alice = sleepy.client("alice")
    record = (await alice.post("/client/community/stories", files={"media": ("a.jpg", jpeg())})).json()
    assert (record["state"], record["data"]["content"]["url"]) == ("processing", None)
    assert (await alice.get("/client/community/stories")).json() == []
    refused(await sleepy.client("bob").get(f"/data/community_story/{record['id']}"), 404)


@pytest.mark.attack(19)
async def test_nobody_views_reacts_or_replies_while_it_is_processed(sleepy: Town) -> None:
    story = f"/api/story/{(await _upload(sleepy))['storyId']}"
    bob = sleepy.client("bob")
    refused(await bob.post(f"{story}/views", json={"viewDurationSeconds": 1}), 404, "story_not_found")
    refused(await bob.post(f"{story}/reactions", json={"reaction": "like"}), 404, "story_not_found")
    refused(await bob.post(f"{story}/replies", json={"content": "Great story!"}), 404, "story_not_found")
    refused(await bob.post(f"{story}/archive"), 404, "story_not_found")
    refused(await bob.delete(story), 404, "story_not_found")


@pytest.mark.says(
    "story:upload media-processing-happens  ",
    "story:upload media-processing-happens ",
    "story:upload media-processing-happens",
)
async def test_its_owner_sees_that_it_is_being_processed(sleepy: Town) -> None:
    card = await sleepy.card((await _upload(sleepy, caption="At the beach!"))["storyId"])
    assert (card["status"], card["failureReason"], card["caption"]) == ("Processing", None, "At the beach!")
    assert 0 <= card["processing"] < 100
    assert (card["mediaUrl"], card["thumbnailUrl"], card["width"]) == (None, None, None)


class Watched:
    """The renderer and the store: at each word of the one, and before each file of the other, somebody looks."""

    def __init__(self, container: Container, look: Callable[[], Awaitable[None]]) -> None:
        self._renderer, self._store, self._look = container.renderer(), container.objects(), look
        self.get = self._store.get

    async def render(self, source: Path, mime_type: str, target: Path, reached: Reached) -> RenderedFile:
        """Render, and look whenever it is told how far that is."""

        async def told(part: float) -> None:
            await reached(part)
            await self._look()

        return await self._renderer.render(source, mime_type, target, told)

    async def put(self, key: str, chunks: AsyncIterator[bytes], mime_type: str | None = None) -> None:
        """Look, and write."""
        await self._look()
        await self._store.put(key, chunks, mime_type)


@pytest.mark.slow
async def test_its_owner_sees_how_far_it_is_and_that_it_goes_on(sleepy: Town) -> None:
    story_id = (await _upload(sleepy, data=film(size=(64, 64), seconds=0.5, sound=None)))["storyId"]
    seen = [(await sleepy.card(story_id))["processing"]]

    async def look() -> None:
        seen.append((await sleepy.card(story_id))["processing"])

    watched: Any = Watched(sleepy.container, look)
    container = sleepy.container
    process = ProcessMedia(
        container.unit_of_work(), watched, watched, container.workspaces(), container.wakeups(), lease_seconds=600
    )
    await process(OrgId(sleepy.org), StoryId(uuid.UUID(story_id)))

    assert seen[0] == 0
    assert 10 in seen
    assert seen == sorted(seen)
    assert seen[-3:] == [90] * 3, "video, thumbnail and poster are yet to be stored"
    card = await sleepy.card(story_id)
    assert (card["status"], card["processing"]) == ("Active", None)


async def test_the_owner_edits_nothing_until_it_is_active(sleepy: Town) -> None:
    story_id = (await _upload(sleepy))["storyId"]
    refused(await sleepy.client("alice").patch(f"/api/story/{story_id}", json={"caption": "Later"}), 409, "conflict")


async def test_the_temporary_url_gives_the_upload_itself_as_an_attachment(sleepy: Town) -> None:
    posted = await _upload(sleepy)
    assert posted["tempUrl"].startswith(f"{sleepy.url}/media/")
    response = await sleepy.stranger().get(posted["tempUrl"])
    assert (response.status_code, response.content) == (200, jpeg())
    assert response.headers["content-disposition"].startswith("attachment")
    assert response.headers["content-type"] == "image/jpeg"
    assert response.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_the_temporary_url_is_gone_once_the_story_is_processed(sleepy: Town) -> None:
    posted = await _upload(sleepy)
    await sleepy.process(posted["storyId"])
    refused(await sleepy.stranger().get(posted["tempUrl"]), 404)


async def test_a_story_whose_time_ends_while_it_is_processed_is_never_visible(sleepy: Town) -> None:
    story_id = (await _upload(sleepy, duration="60"))["storyId"]
    await sleepy.pass_time(story_id, 61)
    await sleepy.process(story_id)
    refused(await sleepy.client("bob").get(f"/api/story/{story_id}"), 404, "story_not_found")
    card = await sleepy.card(story_id)
    assert (card["status"], card["archiveReason"], card["isExpired"]) == ("Archived", "expired", True)


async def test_a_picture_that_cannot_be_decoded_fails_and_says_why(sleepy: Town) -> None:
    broken = jpeg(640, 480)[:-400]
    response = await sleepy.client("alice").post(
        "/api/story/users/alice", files={"media": ("photo.jpg", broken)}, data={"privacy": "public"}
    )
    if response.status_code == httpx.codes.CREATED:
        story_id = response.json()["data"]["storyId"]
        await sleepy.process(story_id)
        card = await sleepy.card(story_id)
        assert (card["status"], card["failureReason"]) == ("Failed", "media_invalid")
        refused(await sleepy.client("bob").get(f"/api/story/{story_id}"), 404, "story_not_found")
    else:
        refused(response, 400, "media_invalid")


async def test_without_its_media_store_it_is_degraded_and_serves_on(sleepy: Town) -> None:
    folder = sleepy.container.settings().media_folder
    folder.mkdir(parents=True, exist_ok=True)
    await asyncio.to_thread(folder.rename, folder.with_name("elsewhere"))
    folder.write_text("a file where the folder was")
    response = await sleepy.stranger().get("/health/ready")
    assert response.status_code == 200
    assert response.json()["status"] == "degraded"
    assert response.json()["stores"]["media"] != "ok"
    assert response.json()["stores"]["database"] == "ok"
    assert await sleepy.post_text("alice")

"""Posting over the community API: JSON, links and forms, and what of it the story API shows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import httpx
import pytest
from msgspec import structs

from infrastructure.container import Container
from infrastructure.settings import Settings
from infrastructure.sql.tables import stories
from tests.http.town import Town, form, refused
from tests.stage import jpeg, serve

pytestmark = pytest.mark.slow

STORIES = "/client/community/stories"
URL = "https://cdn.example.com/story.png"
IMAGE = {"type": "image", "url": URL, "caption": "Friday studio dump"}


def posted(response: httpx.Response) -> dict[str, Any]:
    """The record of a story that was posted."""
    assert response.status_code == 201, response.text
    record: dict[str, Any] = response.json()
    assert response.headers["location"].endswith(f"/data/community_story/{record['id']}")
    return record


async def post(town: Town, user: str = "alice", **body: Any) -> dict[str, Any]:
    """Post a story as JSON."""
    return posted(await town.client(user).post(STORIES, json=body))


def seconds(record: dict[str, Any]) -> float:
    """How long a record lives."""
    begin, end = (datetime.fromisoformat(record["data"][name]) for name in ("createdAt", "expiresAt"))
    return (end - begin).total_seconds()


@pytest.mark.says("community:stories short-lived-post", "community:create request expires-at")
async def test_the_example_of_the_description_works_as_it_stands(town: Town) -> None:
    record = await post(town, page="optional-page-id", content=IMAGE, duration=86_400)
    assert record["state"] == "active"
    assert record["data"]["content"] == {**IMAGE, "text": None, "backgroundColor": None}
    assert (record["data"]["page"], record["data"]["duration"], seconds(record)) == ("optional-page-id", 86_400, 86_400)
    assert record["data"]["views"] == []
    listed = (await town.client().get(STORIES, params={"page": "optional-page-id"})).json()
    assert [story["id"] for story in listed[0]["stories"]] == [record["id"]]


async def test_what_was_linked_is_a_card_of_the_story_api_at_once(town: Town) -> None:
    record = await post(town, content={**IMAGE, "type": "Video"}, overlays=[{"text": "Hi", "x": 0.5, "y": 0.5}])
    card = await town.card(record["id"], "bob")
    assert (card["type"], card["mediaUrl"], card["caption"]) == ("video", URL, "Friday studio dump")
    assert [card[name] for name in ("thumbnailUrl", "placeholder", "width", "height", "durationSeconds")] == [None] * 5
    assert card["overlays"][0]["text"] == "Hi"
    own = await town.card(record["id"])
    assert (own["visibility"], own["status"], own["processing"]) == ("Public", "Active", None)
    assert [event.type for event in await town.events(record["id"])] == ["story.created", "story.published"]
    edited = await town.client("alice").patch(f"/api/story/{record['id']}", json={"caption": "Sea"})
    assert edited.json()["data"]["mediaUrl"] == URL
    assert (await town.client("alice").delete(f"/api/story/{record['id']}")).is_success


@pytest.mark.parametrize(
    "content",
    [
        {"type": "text", "text": "Hello"},
        {"type": "TEXT", "caption": "Hello"},
        {"text": "Hello", "caption": "Hello"},
        {"caption": "Hello", "url": None, "type": None},
    ],
)
async def test_a_text_may_have_its_words_as_text_or_as_caption(town: Town, content: dict[str, Any]) -> None:
    record = await post(town, content={**content, "backgroundColor": "#ff5733"})
    assert record["data"]["content"] == {
        "type": "text",
        "url": None,
        "caption": None,
        "text": "Hello",
        "backgroundColor": "#ff5733",
    }
    card = await town.card(record["id"], "bob")
    assert (card["content"], card["caption"], card["backgroundColor"]) == ("Hello", None, "#ff5733")


async def test_a_story_is_public_unless_said(town: Town) -> None:
    await town.stage.befriend("alice", "bob")
    said: tuple[tuple[dict[str, Any], set[str]], ...] = (
        ({}, {"bob", "carol", "dora"}),
        ({"visibility": "friends"}, {"bob"}),
        ({"privacy": "Custom", "allowedUserIds": ["carol"]}, {"carol"}),
        ({"visibility": "ONLY_ME"}, set()),
    )
    for body, audience in said:
        record = await post(town, content={"text": "Hi"}, **body)
        for user in ("bob", "carol", "dora"):
            response = await town.client(user).get(f"/api/story/{record['id']}")
            assert response.is_success is (user in audience), (body, user)


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({}, "invalid_request", "body"),
    ({"content": None}, "invalid_request", "content"),
    ({"content": "Hello"}, "invalid_request", "content"),
    ({"content": {}}, "invalid_request", "content"),
    ({"content": {"type": "text"}}, "invalid_request", "content"),
    ({"content": {"text": " "}}, "invalid_request", "content"),
    ({"content": {"text": "a" * 2_201}}, "invalid_request", "content"),
    ({"content": {"text": "Hello", "caption": "Bye"}}, "invalid_request", "caption"),
    ({"content": {"type": "audio", "url": URL}}, "invalid_request", "type"),
    ({"content": {"type": "image"}}, "invalid_request", "url"),
    ({"content": {"type": "video", "url": None}}, "invalid_request", "url"),
    ({"content": {"type": "text", "text": "Hi", "url": URL}}, "invalid_request", "url"),
    ({"content": {"url": URL}}, "invalid_request", "type"),
    ({"content": {**IMAGE, "text": "Hi"}}, "invalid_request", "content"),
    ({"content": {**IMAGE, "caption": "a" * 2_201}}, "invalid_request", "caption"),
    ({"content": {**IMAGE, "url": 7}}, "invalid_request", "content.url"),
    *(
        ({"content": {"type": "image", "url": url}}, "url_not_allowed", "url")
        for url in ("", "cdn/story.png", "javascript:alert(1)", "https://me:secret@cdn/a", "file:///etc/passwd")
    ),
    ({"content": {"text": "Hi"}, "duration": 0}, "invalid_request", "duration"),
    ({"content": {"text": "Hi"}, "duration": 604_801}, "invalid_request", "duration"),
    ({"content": {"text": "Hi"}, "duration": "60"}, "invalid_request", "duration"),
    ({"content": {"text": "Hi"}, "page": "p" * 129}, "invalid_request", "page"),
    ({"content": {"text": "Hi"}, "page": "a\x00"}, "invalid_request", "page"),
    ({"content": {"text": "Hi"}, "visibility": "everybody"}, "invalid_request", "visibility"),
    ({"content": {"text": "Hi"}, "visibility": "public", "privacy": "friends"}, "invalid_request", "privacy"),
    ({"content": {"text": "Hi"}, "allowedUserIds": ["bob"]}, "invalid_request", "allowedUserIds"),
    ({"content": {"text": "Hi", "backgroundColor": "red"}}, "invalid_request", "backgroundColor"),
    ({"content": {"text": "Hi"}, "overlays": [{"text": "Hi", "x": 2, "y": 0}]}, "invalid_request", "overlays"),
]


async def test_what_breaks_a_rule_is_refused_by_the_name_of_the_field_and_nothing_is_posted(town: Town) -> None:
    for body, code, field in BAD:
        problem = refused(await town.client("alice").post(STORIES, json=body), 400, code)
        assert [error["field"] for error in problem["errors"]] == [field], body
    assert await town.rows(stories) == 0


@pytest.mark.attack(31)
async def test_a_link_is_an_http_address_and_never_followed(town: Town) -> None:
    alice, followed = town.client("alice"), 0

    async def listen(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal followed
        followed += 1
        writer.close()

    for url in (
        "javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "file:///etc/passwd",
        "ftp://cdn.example.com/a.jpg",
        "//cdn.example.com/a.jpg",
        "https://u:p@cdn.example.com/a.jpg",
        "",
    ):
        body = {"content": {"type": "image", "url": url}}
        refused(await alice.post(STORIES, json=body), 400, "url_not_allowed")
    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/a.jpg"
        record = posted(await alice.post(STORIES, json={"content": {"type": "image", "url": url}}))
        for seen in ((await town.client("bob").get(f"/data/community_story/{record['id']}")).json(), record):
            assert seen["data"]["content"]["url"] == url
        assert (await town.card(record["id"]))["mediaUrl"] == url
        await town.container.dispatch_events()()
        await asyncio.sleep(0.2)
    assert followed == 0, "somebody followed the link"


async def test_bodies_are_json_or_forms_and_of_a_size(town: Town) -> None:
    alice = town.client("alice")
    for kind in ("text/plain", "application/xml", "application/x-www-form-urlencoded"):
        refused(await alice.post(STORIES, content=b"{}", headers={"Content-Type": kind}), 415)
    refused(await alice.post(STORIES, content=b"{}"), 415)
    as_json = {"Content-Type": "application/vnd.story+json; charset=utf-8"}
    for broken in (b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'{"content": {"text": "\\ud800"}}'):
        refused(await alice.post(STORIES, content=broken, headers=as_json), 400)
    large = json.dumps({"content": {"text": "Hi"}, "padding": "a" * 2_097_152}).encode()
    refused(await alice.post(STORIES, content=large, headers=as_json), 413, "too_large")

    async def drip() -> AsyncIterator[bytes]:
        yield large[:1_000]
        yield large[1_000:]

    refused(await alice.post(STORIES, content=drip(), headers=as_json), 413, "too_large")
    known = {"content": {"text": "Hi"}, "id": "mine", "expiresAt": "2030-01-01", "author": "bob", "state": "failed"}
    record = posted(await alice.post(STORIES, content=json.dumps(known).encode(), headers=as_json))
    assert (record["author"], record["state"], seconds(record)) == ("alice", "active", 86_400)
    refused(await town.client().post(STORIES, json={"content": {"text": "Hi"}}), 401, "unauthenticated")


async def test_a_form_brings_a_file_with_flat_fields_or_with_content_as_json(town: Town) -> None:
    alice = town.client("alice")
    content = json.dumps({"type": "image", "caption": "Sea"})
    flat = {"type": "image", "caption": "Sea", "page": "lobby", "duration": "3600", "visibility": "friends"}
    nested = {"content": content, "caption": "Land", "page": "lobby", "duration": "3600", "visibility": "friends"}
    for fields in (flat, nested):
        record = posted(await alice.post(STORIES, files={"media": ("a.jpg", jpeg())}, data=fields))
        assert (record["data"]["content"]["type"], record["data"]["content"]["caption"]) == ("image", "Sea")
        assert (record["data"]["page"], seconds(record)) == ("lobby", 3_600)
        card = await town.settled(alice, record["id"])
        assert (card["status"], card["visibility"]) == ("Active", "Friends")
        shown = (await alice.get(f"/data/community_story/{record['id']}")).json()
        assert shown["state"] == "active"
        picture = await town.stranger().get(shown["data"]["content"]["url"])
        assert picture.headers["content-type"].startswith("image/")


async def test_a_form_without_a_file_posts_a_text_or_a_link(town: Town) -> None:
    for parts, kind in (
        ([('name="text"', b"Hello")], "text"),
        (
            [
                ('name="content"', b'{"text": "Hello"}'),
                ('name="allowedUserIds"', b'["bob"]'),
                ('name="privacy"', b"custom"),
            ],
            "text",
        ),
        ([('name="type"', b"image"), ('name="url"', URL.encode())], "image"),
    ):
        header, body = form(*parts)
        record = posted(await town.client("alice").post(STORIES, content=body, headers=dict([header])))
        assert record["data"]["content"]["type"] == kind


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"type": "video"}, 400, "type_mismatch"),
        ({"type": "text"}, 400, "type_mismatch"),
        ({"url": URL}, 400, "invalid_request"),
        ({"text": "Hi"}, 400, "invalid_request"),
        ({"content": "{"}, 400, "invalid_request"),
        ({"content": "[]"}, 400, "invalid_request"),
        ({"content": '{"url": 7}'}, 400, "invalid_request"),
        ({"duration": "soon"}, 400, "invalid_request"),
        ({"caption": "a" * 65_537}, 413, "too_large"),
    ],
)
async def test_of_a_form_that_is_refused_nothing_is_left(
    town: Town, fields: dict[str, str], status: int, code: str
) -> None:
    before = town.files()
    response = await town.client("alice").post(STORIES, files={"media": ("a.jpg", jpeg())}, data=fields)
    refused(response, status, code)
    left = {path for path in town.files() - before if town.org in path or "tmp" in path}
    assert (await town.rows(stories), left) == (0, set())


async def test_what_is_no_picture_is_refused_by_its_bytes(town: Town) -> None:
    for data, status in ((b"", 400), (b"<svg/>" * 100, 415), (jpeg()[:100], 400)):
        refused(await town.client("alice").post(STORIES, files={"media": ("a.jpg", data)}), status)


@pytest.fixture
async def strict(settings: Settings) -> AsyncIterator[Town]:
    """A town where media may be linked from one host and those below another, and e-mails are not exposed."""
    settings = structs.replace(settings, linked_media_hosts="cdn.example.com, .example.org", expose_email=False)
    container = Container(settings=settings)
    async with serve(settings, container) as served:
        town = Town(served, "strict")
        yield town
        await town.close()


async def test_media_are_linked_from_the_hosts_that_are_set(strict: Town) -> None:
    alice = strict.client("alice")
    for url in ("https://cdn.example.com/a", "http://CDN.example.com:8080/a", "https://a.b.example.org/c"):
        posted(await alice.post(STORIES, json={"content": {"type": "image", "url": url}}))
    for url in (
        "https://example.com/a",
        "https://example.org/a",
        "https://cdn.example.com.evil/a",
        "https://evil/?.example.org",
    ):
        body = {"content": {"type": "image", "url": url}}
        problem = refused(await alice.post(STORIES, json=body), 400, "url_not_allowed")
        assert [error["field"] for error in problem["errors"]] == ["url"]


async def test_an_e_mail_is_shown_without_a_token_only_where_that_is_set(strict: Town) -> None:
    alice = strict.client("alice", email="alice@example.org")
    record = posted(await alice.post(STORIES, json={"content": {"text": "Hi"}}))
    assert record["author"] == "alice@example.org"
    (seen,) = (await strict.client("bob").get(STORIES)).json()
    assert (seen["author"], seen["stories"][0]["data"]["author"]) == ("alice@example.org", "alice@example.org")
    response = await strict.client().get(STORIES)
    (shown,) = response.json()
    assert (shown["author"], shown["stories"][0]["author"], shown["stories"][0]["data"]["author"]) == ("alice",) * 3
    assert "alice@example.org" not in response.text


async def test_a_story_that_is_posted_again_with_its_key_is_posted_once(town: Town) -> None:
    alice, key = town.client("alice"), {"Idempotency-Key": "k1"}
    body = {"content": {"text": "Hi"}, "page": "lobby"}
    first = posted(await alice.post(STORIES, json=body, headers=key))
    again = await alice.post(STORIES, json=body, headers=key)
    assert (posted(again), again.headers["idempotency-replayed"]) == (first, "true")
    refused(await alice.post(STORIES, json={**body, "page": "roof"}, headers=key), 409, "idempotency_key_reused")
    files, form_key = {"media": ("a.jpg", jpeg())}, {"Idempotency-Key": "k2"}
    picture = posted(await alice.post(STORIES, files=files, data={"page": "lobby"}, headers=form_key))
    again = await alice.post(STORIES, files=files, data={"page": "lobby"}, headers=form_key)
    assert posted(again)["id"] == picture["id"]
    assert await town.rows(stories) == 2

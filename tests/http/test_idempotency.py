"""Sent again with its key, a request that creates something is answered as it was, and creates nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import literal, update

from infrastructure.sql.dialect import seconds_from_now
from infrastructure.sql.tables import idempotency_keys, replies, uploads
from tests.http.town import NOBODY, Town, ok, refused
from tests.stage import jpeg

pytestmark = pytest.mark.slow

KEY = {"Idempotency-Key": "5f0c8f5e-0b6e"}
TEXT = {"content": "Check out my day!", "visibility": "Public"}
POST = "/api/story/users/alice"


def first(response: httpx.Response, status: int = 201) -> Any:
    """An answer that was never given before."""
    assert "idempotency-replayed" not in response.headers
    assert response.status_code == status, response.text
    return response.json()


def again(response: httpx.Response, before: httpx.Response) -> None:
    """The very answer that was given before, and said to be that."""
    assert response.headers["idempotency-replayed"] == "true"
    assert (response.status_code, response.json()) == (before.status_code, before.json())
    assert response.headers.get("location") == before.headers.get("location")


async def test_a_text_sent_again_is_one_story_and_both_answers_are_one(town: Town) -> None:
    alice = town.client("alice")
    answer = await alice.post(POST, json=TEXT, headers=KEY)
    assert first(answer)["data"]["status"] == "Active"
    again(await alice.post(POST, json=TEXT, headers=KEY), answer)
    reordered = dict(reversed(TEXT.items())) | {"unknown": "ignored", "caption": None}
    again(await alice.post(POST.replace("story", "Story"), json=reordered, headers=KEY), answer)
    assert await town.posted() == 1


async def test_a_picture_sent_again_is_one_story_and_leaves_no_second_copy(town: Town) -> None:
    alice, fields = town.client("alice"), {"caption": "At the beach!"}
    answer = await alice.post(POST, files={"media": ("a.jpg", jpeg())}, data=fields, headers=KEY)
    story_id = first(answer)["data"]["storyId"]
    await town.settled(alice, story_id)
    again(await alice.post(POST, files={"media": ("b.jpg", jpeg())}, data=fields, headers=KEY), answer)
    await _nothing_but_one_picture_is_left(town)


async def test_an_announced_upload_and_its_story_are_one_each(town: Town) -> None:
    alice, data = town.client("alice"), jpeg()
    announced = {"size": len(data), "mimeType": "image/jpeg"}
    begun = await alice.post(f"{POST}/uploads", json=announced, headers=KEY)
    upload = first(begun)["data"]
    again(await alice.post(f"{POST}/uploads", json=announced, headers=KEY), begun)
    assert await town.rows(uploads) == 1
    ok(await alice.put(upload["uploadUrl"], content=data))
    story = {"mediaFileId": upload["mediaFileId"]}
    posted = await alice.post(POST, json=story, headers=KEY)
    first(posted)
    again(await alice.post(POST, json=story, headers=KEY), posted)
    refused(await alice.post(POST, json=story, headers={"Idempotency-Key": "another"}), 400, "invalid_request")


async def test_a_reply_sent_again_is_one_message(town: Town) -> None:
    story_id = await town.post_text("alice", visibility="Public")
    bob, body = town.client("bob"), {"content": "Great story!"}
    answer = await bob.post(f"/api/story/{story_id}/replies", json=body, headers=KEY)
    first(answer)
    again(await bob.post(f"/api/story/{story_id}/replies", json=body, headers=KEY), answer)
    assert await town.rows(replies) == 1


async def test_without_the_header_every_request_is_a_new_one(town: Town) -> None:
    for _ in range(2):
        first(await town.client("alice").post(POST, json=TEXT))
    assert (await town.posted(), await town.rows(idempotency_keys)) == (2, 0)


@pytest.mark.parametrize(
    "other", [{**TEXT, "content": "Another"}, {**TEXT, "duration": 60}, {"content": TEXT["content"]}]
)
async def test_the_key_of_one_request_is_none_for_another(town: Town, other: dict[str, Any]) -> None:
    alice = town.client("alice")
    first(await alice.post(POST, json=TEXT, headers=KEY))
    refused(await alice.post(POST, json=other, headers=KEY), 409, "idempotency_key_reused")
    assert await town.posted() == 1


async def test_other_bytes_are_another_request_and_leave_nothing(town: Town) -> None:
    alice = town.client("alice")
    answer = await alice.post(POST, files={"media": ("a.jpg", jpeg())}, headers=KEY)
    await town.settled(alice, first(answer)["data"]["storyId"])
    other = {"media": ("a.jpg", jpeg(color="red"))}
    refused(await alice.post(POST, files=other, headers=KEY), 409, "idempotency_key_reused")
    await _nothing_but_one_picture_is_left(town)


async def test_a_key_is_its_users_its_organisations_and_its_routes_own(town: Town, other: Town) -> None:
    story_id = await town.post_text("alice", visibility="Public")
    second_id = await town.post_text("alice", visibility="Public")
    await other.post_text("alice", visibility="Public")
    body = {"content": "Great story!"}
    for who, path in (("bob", story_id), ("carol", story_id), ("bob", second_id)):
        first(await town.client(who).post(f"/api/story/{path}/replies", json=body, headers=KEY))
    first(await town.client("bob").post("/api/story/users/bob", json=body, headers=KEY))
    first(await other.client("bob").post("/api/story/users/bob", json=body, headers=KEY))


async def test_a_service_shares_the_keys_of_those_it_acts_for(town: Town) -> None:
    answer = await town.service().post(POST, json=TEXT, headers=KEY)
    first(answer)
    again(await town.client("alice").post(POST, json=TEXT, headers=KEY), answer)


async def test_a_refusal_is_an_answer_also_when_it_would_not_be_repeated(town: Town) -> None:
    story_id = await town.post_text("alice", visibility="Friends")
    bob, path, body = town.client("bob"), f"/api/story/{story_id}/replies", {"content": "Hi"}
    answer = await bob.post(path, json=body, headers=KEY)
    refused(answer, 404, "story_not_found")
    await town.befriend("alice", "bob")
    again(await bob.post(path, json=body, headers=KEY), answer)
    refused(await bob.post(path, json={"content": "Hello"}, headers=KEY), 409, "idempotency_key_reused")
    first(await bob.post(path, json=body, headers={"Idempotency-Key": "another"}))
    assert await town.rows(replies) == 1


async def test_a_key_that_was_used_is_none_for_a_request_that_would_be_refused(town: Town) -> None:
    alice = town.client("alice")
    first(await alice.post(POST, json=TEXT, headers=KEY))
    refused(await alice.post(POST, json={"content": " "}, headers=KEY), 409, "idempotency_key_reused")
    refused(await alice.post(POST, json=TEXT | {"duration": 0}, headers=KEY), 409, "idempotency_key_reused")


async def test_values_that_break_a_rule_are_refused_once_and_for_all(town: Town) -> None:
    alice = town.client("alice")
    for path, body in (
        (POST, {"content": " "}),
        (POST, {"duration": 0}),
        (f"{POST}/uploads", {"size": 0, "mimeType": "x/y"}),
    ):
        key = {"Idempotency-Key": f"{path} {body}"}
        answer = await alice.post(path, json=body, headers=key)
        refused(answer, 400, "invalid_request")
        again(await alice.post(path, json=body, headers=key), answer)
        refused(
            await alice.post(path, json=TEXT | {"size": 1, "mimeType": "x/y"}, headers=key),
            409,
            "idempotency_key_reused",
        )


async def test_what_could_not_be_read_was_not_asked(town: Town) -> None:
    alice = town.client("alice")
    refused(await alice.post(POST, content=b"{", headers=KEY | {"Content-Type": "application/json"}), 400)
    refused(await alice.post(POST, files={"media": ("a.txt", b"words")}, headers=KEY), 415)
    first(await alice.post(POST, json=TEXT, headers=KEY))


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "caf\u00e9"])
async def test_a_key_that_is_none_is_refused(town: Town, key: str) -> None:
    header = [(b"Idempotency-Key", key.encode("latin-1"))]
    for path, body in ((POST, TEXT), (f"{POST}/uploads", {"size": 1, "mimeType": "image/jpeg"})):
        answer = refused(await town.client("alice").post(path, json=body, headers=header), 400, "invalid_request")
        assert answer["errors"][0]["field"] == "Idempotency-Key"
    assert await town.posted() == 0


async def test_two_keys_are_none(town: Town) -> None:
    twice = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    refused(await town.client("alice").post(POST, json=TEXT, headers=twice), 400, "invalid_request")


async def test_the_longest_key_and_any_printable_one_will_do(town: Town) -> None:
    for key in ("x" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "a key, with: signs/+=~"):
        answer = await town.client("alice").post(POST, json=TEXT, headers={"Idempotency-Key": key})
        first(answer)
        again(await town.client("alice").post(POST, json=TEXT, headers={"Idempotency-Key": key}), answer)


async def test_an_answer_is_given_again_for_a_day(town: Town) -> None:
    alice = town.client("alice")
    answer = await alice.post(POST, json=TEXT, headers=KEY)
    await _let_it_be(town, 86_390)
    again(await alice.post(POST, json=TEXT, headers=KEY), answer)
    await _let_it_be(town, 86_401)
    assert first(await alice.post(POST, json=TEXT, headers=KEY)) != answer.json()
    assert (await town.posted(), await town.rows(idempotency_keys)) == (2, 1)


async def test_the_first_answer_outlives_the_story(town: Town) -> None:
    alice = town.client("alice")
    answer = await alice.post(POST, json=TEXT, headers=KEY)
    ok(await alice.delete(f"/api/story/{first(answer)['data']['storyId']}"))
    again(await alice.post(POST, json=TEXT, headers=KEY), answer)
    assert await town.posted() == 0


@pytest.mark.slow
async def test_of_many_at_once_one_is_carried_out(town: Town) -> None:
    alice = town.client("alice")
    for number in range(20):
        key = {"Idempotency-Key": f"key {number}"}
        answers = await asyncio.gather(*(alice.post(POST, json=TEXT, headers=key) for _ in range(8)))
        ids = {answer.json()["data"]["storyId"] for answer in answers if answer.status_code == 201}
        assert len(ids) == 1
        for answer in answers:
            if answer.status_code != 201:
                refused(answer, 409, "request_in_progress")
    assert await town.posted() == 20


async def test_what_creates_nothing_takes_no_key(town: Town) -> None:
    refused(await town.client("alice").post(f"/api/story/{NOBODY}/archive", headers=KEY), 404, "story_not_found")
    assert await town.rows(idempotency_keys) == 0


async def test_every_route_that_creates_says_that_it_understands_the_key(town: Town) -> None:
    description = (await town.stranger().get("/schema/openapi.json")).json()
    creating = [
        item["post"]
        for item in description["paths"].values()
        if "201" in item.get("post", {"responses": {}})["responses"]
    ]
    assert len(creating) >= 3
    for operation in creating:
        header = next((each for each in operation["parameters"] if each["name"] == "Idempotency-Key"), None)
        assert header, f"{operation['operationId']} creates, and carries out nothing once"
        assert header["schema"]["maxLength"] == 255
        assert "Idempotency-Replayed" in operation["responses"]["201"]["headers"]
        assert "409" in operation["responses"], operation["operationId"]


async def _nothing_but_one_picture_is_left(town: Town) -> None:
    async def left() -> None:
        assert await town.rows(uploads) == 0
        assert len([file for file in town.files() if town.org in file]) == 2, "the picture and its thumbnail"

    await town.eventually(left)
    assert await town.posted() == 1


async def _let_it_be(town: Town, seconds: float) -> None:
    """Let the answers that are kept be so many seconds old."""
    async with town.container.database().write(None) as connection:
        await connection.execute(
            update(idempotency_keys)
            .where(idempotency_keys.c.org_id == town.org)
            .values(answered_at=seconds_from_now(literal(-seconds)))
        )

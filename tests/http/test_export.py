"""An export tells people all that is kept about them, and nothing that others did for themselves."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from infrastructure.sql.exports import PAGE
from infrastructure.sql.personal import RULES, Told
from tests.http.life import CLAIMS, EMAIL, WORD, lead
from tests.http.test_import import NDJSON, blocked, friends, written
from tests.http.town import OWNER_CARD, TIME, Town, ok, refused
from tests.patience import PATIENCE_SECONDS

Line = dict[str, Any]


def lines(response: httpx.Response) -> list[Line]:
    """What an export tells; its last line says that it is whole."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/x-ndjson"
    assert response.headers["cache-control"] == "no-store"
    told = [json.loads(line) for line in response.text.splitlines()]
    assert told.pop() == {"type": "end", "records": len(told)}
    return told


async def export(town: Town, user: str = "alice") -> dict[str, list[Line]]:
    """What is told to somebody, by type."""
    told: dict[str, list[Line]] = {}
    for line in lines(await town.client(user).get(f"/api/users/{user}/export")):
        told.setdefault(line.pop("type"), []).append(line)
    return told


async def test_it_tells_of_everything_there_is(town: Town) -> None:
    life = await lead(town)
    told = await export(town)
    types = {rule.told.type for rule in RULES.values() if isinstance(rule.told, Told)}
    assert told.keys() == {*types, "story"} - {"erasure"}
    (profile,) = told["profile"]
    assert TIME.fullmatch(profile.pop("toldAt"))
    assert profile == {
        "username": None,
        "fullName": CLAIMS["name"],
        "givenName": "Alice",
        "familyName": WORD,
        "avatarUrl": CLAIMS["picture"],
        "email": EMAIL,
        "company": CLAIMS["company"],
        "jobTitle": None,
    }
    assert [story["storyId"] for story in told["story"]] == life.own
    assert all(story.keys() - {"kind", "page", "insights"} == OWNER_CARD - {"type"} for story in told["story"])
    text, picture, listed, archived, linked = told["story"]
    assert (text["kind"], text["content"]) == ("text", f"A text: {WORD}")
    assert (picture["kind"], picture["caption"]) == ("image", f"A picture: {WORD}")
    assert listed["allowedUserIds"] == ["bob"]
    assert (archived["status"], archived["archiveReason"]) == ("Archived", "manual")
    assert (linked["mediaUrl"], linked["page"]) == (f"https://cdn.example.com/{WORD}.jpg", "p")
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as anybody:
        assert (await anybody.get(picture["mediaUrl"])).status_code == 200
    assert {line["userId"]: line["status"] for line in told["friendship"]} == {
        "bob": "confirmed",
        "dave": "requested",
        "erin": "pending",
    }
    assert told["closeFriend"] == [{"userId": "bob"}]
    assert told["mute"] == [{"userId": "frank"}]
    (affinity,) = told["affinity"]
    half_lives = (datetime.now(UTC) - datetime(2024, 1, 1, tzinfo=UTC)) / timedelta(days=14)
    assert affinity == {"userId": "bob"} | {
        name: pytest.approx(2 ** (power - half_lives), rel=1e-3)
        for name, power in (("points", 80), ("engaged", 79), ("chances", 78))
    }
    (block,) = told["block"]
    assert TIME.fullmatch(block.pop("createdAt"))
    assert block == {"userId": "mallory", "reason": None}
    (report,) = told["report"]
    assert (report["targetType"], report["targetId"], report["details"]) == ("user", "mallory", WORD)
    assert report["reason"] == f"A report: {WORD}"
    (act,) = told["moderation"]
    assert (act["action"], act["targetId"], act["outcome"]) == ("dismiss", "mallory", "dismissed")
    assert [line["kind"] for line in told["upload"]] == ["image"]
    (view,) = told["view"]
    assert (view["storyId"], view["ownerId"], view["viewDurationSeconds"]) == (life.bobs, "bob", 3)
    (reaction,) = told["reaction"]
    assert (reaction["storyId"], reaction["reaction"], reaction["shared"]) == (life.bobs, "love", True)
    assert {(line["userId"], line["content"]) for line in told["replySent"]} == {
        ("bob", f"Dear: {WORD}"),
        ("bob", f"Thanks: {WORD}"),
    }
    assert {line["storyId"] for line in told["replyReceived"]} == {life.bobs, life.own[0]}
    assert told["posted"] == [{"day": "2030-01-01", "stories": 5, "bytes": 631}]
    (request,) = told["request"]
    assert (request["route"], request["key"]) == ("POST /api/story/users/alice", WORD)
    assert request["answer"]["story_id"] == life.own[0]


async def test_it_does_not_tell_what_others_did_for_themselves(town: Town) -> None:
    await lead(town)
    told = await town.client("alice").get("/api/users/alice/export")
    assert "oscar" not in told.text, "who blocks her, and has reported her"
    assert "carol" not in told.text, "who looked at her stories, or is on a list with her"
    assert told.text.count('"frank"') == 1, "whom she mutes, not that he mutes her"
    (block,) = (await export(town, "oscar"))["block"]
    assert (block["userId"], block["reason"]) == ("alice", None)


async def test_a_service_gets_the_same_for_anybody(town: Town) -> None:
    await lead(town)
    mine = lines(await town.client("alice").get("/api/users/alice/export"))
    theirs = lines(await town.service().get("/api/users/alice/export"))
    assert [line["type"] for line in theirs] == [line["type"] for line in mine]
    assert len(mine) > 20


async def test_it_does_not_tell_the_secret_of_a_webhook_that_a_service_created_in_somebodys_name(town: Town) -> None:
    body, key = {"url": "https://1.1.1.1/"}, {"Idempotency-Key": "once"}
    for _ in range(2):
        created = ok(await town.service().post("/api/webhooks?userId=alice", json=body, headers=key), 201)
        assert created["data"]["secret"].startswith("whsec_")
    assert "whsec_" not in (await town.client("alice").get("/api/users/alice/export")).text


async def test_nobody_else_gets_it(town: Town) -> None:
    for roles in ([], ["moderator", "admin"]):
        response = await town.client("bob", roles=roles).get("/api/users/alice/export")
        refused(response, 403, "owner_only")
    refused(await town.client("bob").get("/api/users/alice/export?userId=alice"), 403, "identity_mismatch")
    refused(await town.client().get("/api/users/alice/export"), 401)


async def test_nothing_of_another_organisation_is_in_it(town: Town, other: Town) -> None:
    await lead(town)
    assert await export(other) == {}
    assert await export(town, "nobody-ever") == {}


@pytest.mark.slow
async def test_it_tells_of_all_however_many_there_are_and_of_each_once(town: Town) -> None:
    many = 2 * PAGE + 1
    graph = [friends("alice", f"f{number:04}") for number in range(many)]
    graph += [blocked("alice", f"b{number:04}") for number in range(2 * PAGE)]
    ok(await town.service().post("/api/social/import", content=written(graph), headers=NDJSON))
    stories = [await town.stage.post_text("alice", text=f"{number}") for number in range(PAGE + 1)]
    told = await export(town)
    assert [line["userId"] for line in told["friendship"]] == [f"f{number:04}" for number in range(many)]
    assert [line["userId"] for line in told["block"]] == [f"b{number:04}" for number in range(2 * PAGE)]
    assert [line["storyId"] for line in told["story"]] == list(map(str, stories))

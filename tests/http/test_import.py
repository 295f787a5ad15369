"""The graph as a service brings it: what each line does, what is wrong with lines, and how much may come."""

from __future__ import annotations

import asyncio
import json
import resource
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import httpx
import pytest

from infrastructure.sql.tables import blocks, friendships, profiles
from interfaces.http.graph import IMPORT_MAX_BYTES
from interfaces.http.ndjson import LINE_MAX_BYTES
from tests.http.town import Town, ok, refused

NDJSON = {"Content-Type": "application/x-ndjson"}
NOTHING = {"imported": 0, "unchanged": 0}


def written(lines: Iterable[dict[str, Any]]) -> bytes:
    """Lines, as they are sent."""
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def friends(a: str, b: str) -> dict[str, str]:
    """The line that says that two are friends."""
    return {"type": "friendship", "a": a, "b": b}


def blocked(user: str, target: str) -> dict[str, str]:
    """The line that says that somebody blocks somebody."""
    return {"type": "block", "userId": user, "targetId": target}


def profile(user: str, **told: str | None) -> dict[str, str | None]:
    """The line that tells of somebody."""
    return {"type": "profile", "userId": user, **told}


async def _import(town: Town, body: Any, **headers: str) -> dict[str, Any]:
    response = await town.service().post("/api/social/import", content=body, headers={**NDJSON, **headers})
    data: dict[str, Any] = ok(response)["data"]
    assert data.keys() == {"friendships", "profiles", "blocks", "bad", "badLines"}
    return data


async def _friends(town: Town, user: str) -> dict[str, str]:
    data = ok(await town.client(user).get(f"/api/social/users/{user}/friends"))["data"]
    return {friend["userId"]: friend["status"] for friend in data["friends"]}


async def test_friends_that_are_imported_are_friends_at_once_and_for_both(town: Town) -> None:
    story_id = await town.post_text("alice")
    await town.client("alice").put("/api/social/users/alice/friends/carol")  # asked, and not answered
    said = await _import(town, written([friends("bob", "alice"), friends("carol", "alice")]))
    assert said["friendships"] == {"imported": 2, "unchanged": 0}
    assert await _friends(town, "alice") == {"bob": "confirmed", "carol": "confirmed"}
    assert await _friends(town, "bob") == await _friends(town, "carol") == {"alice": "confirmed"}
    assert (await town.card(story_id, "bob"))["storyId"] == story_id


async def test_an_import_that_comes_again_changes_nothing(town: Town) -> None:
    lines = written(
        [friends("a", "b"), friends("b", "a"), blocked("a", "c"), profile("a", username="ann"), profile("a")]
    )
    first = await _import(town, lines)
    assert first == {
        "friendships": {"imported": 1, "unchanged": 1},
        "blocks": {"imported": 1, "unchanged": 0},
        "profiles": {"imported": 1, "unchanged": 1},
        "bad": 0,
        "badLines": [],
    }
    again = await _import(town, lines)
    assert again["friendships"] == again["profiles"] == {"imported": 0, "unchanged": 2}
    assert again["blocks"] == {"imported": 0, "unchanged": 1}
    assert [await town.rows(table) for table in (friendships, blocks, profiles)] == [2, 1, 1]


async def test_a_block_ends_what_was_between_two_and_they_cannot_be_friends_then(town: Town) -> None:
    await town.befriend("alice", "bob")
    for one, other in (("alice", "bob"), ("bob", "alice")):
        await town.client(one).put(f"/api/social/users/{one}/close-friends/{other}")
    story_id = await town.post_text("alice", visibility="CloseFriends")
    said = await _import(
        town,
        written([friends("a", "b"), blocked("b", "a"), blocked("bob", "alice"), friends("bob", "alice")]),
    )
    assert said["friendships"] == {"imported": 1, "unchanged": 0}
    assert said["blocks"] == {"imported": 2, "unchanged": 0}
    assert [line["line"] for line in said["badLines"]] == [4]
    assert "blocks the other" in said["badLines"][0]["message"]
    assert await _friends(town, "alice") == await _friends(town, "a") == {}
    refused(await town.client("bob").get(f"/api/story/{story_id}"), 404)
    await town.client("bob").delete("/api/social/users/bob/blocks/alice")
    refused(await town.client("bob").get(f"/api/story/{story_id}"), 404)  # nothing is restored
    assert (await _import(town, written([friends("b", "a")])))["bad"] == 1  # nor by another import


async def test_what_is_told_of_people_is_shown_and_what_is_not_told_stays(town: Town) -> None:
    await _import(town, written([profile("alice", username="ann", fullName="Ann", email="a@example.com")]))
    said = await _import(
        town,
        written(
            [profile("alice", username="annie", fullName=None, email=""), profile("alice", avatarUrl="http://a/b")]
        ),
    )
    assert said["profiles"] == {"imported": 2, "unchanged": 0}
    card = await town.card(await town.post_text_as("alice"), "bob")
    assert (card["username"], card["fullName"], card["avatarUrl"]) == ("annie", "Ann", "http://a/b")


async def test_a_token_made_later_tells_more_than_an_import_and_one_made_before_does_not(town: Town) -> None:
    story_id = await town.post_text_as("alice")
    await _import(town, written([profile("alice", username="imported")]))
    await town.client("alice", preferred_username="old", iat=1_000).put("/api/social/users/alice/mutes/x")
    assert (await town.card(story_id, "bob"))["username"] == "imported"
    await asyncio.sleep(1.1)  # a token says in whole seconds when it was made
    await town.client("alice", preferred_username="new").put("/api/social/users/alice/mutes/x")
    assert (await town.card(story_id, "bob"))["username"] == "new"


BAD = {
    b"nonsense": "JSON",
    b'{"type":"friendship","a":"x","b":"\xff"}': "UTF-8",
    b'{"type":"friendship","a":"x","b":"y","c":"\xff"}': "UTF-8",
    b'{"type":"friendship","a":"x","b":"y\\u0000"}': "b: ",
    b'{"type":"friendship","a":"x","b":"a/b"}': "b: ",
    b'{"type":"friendship","a":"","b":"y"}': "a: ",
    b'{"type":"friendship","a":"x","b":"x"}': "b: One cannot name oneself",
    b'{"type":"friendship","a":"x"}': "b",
    b'{"type":"friendship","a":"x","b":5}': "b: ",
    b'{"type":"friendship","a":"x","b":null}': "b: ",
    b'{"type":"block","userId":"x","targetId":"x"}': "targetId: ",
    b'{"type":"block","userId":"x","targetId":".."}': "targetId: ",
    b'{"type":"profile","userId":"x","fullName":"' + b"n" * 2_001 + b'"}': "fullName: ",
    b'{"type":"profile","userId":"x","email":"a\\u0000b"}': "email: ",
    b'{"type":"profile","userId":"x","email":"a\\ud800b"}': "",
    b'{"type":"marriage","a":"x","b":"y"}': "type",
    b'{"a":"x","b":"y"}': "type",
    b"[" * 20_000: "object",
    b'{"type":"profile","userId":"x","more":' + b"[" * 20_000: "JSON",
    b"{}": "type",
    b"5": "",
    b"NaN": "JSON",
    b'{"type":"profile","userId":"' + b"x" * LINE_MAX_BYTES + b'"}': "65,536 bytes",
}


async def test_bad_lines_are_passed_over_and_told_by_number_with_what_is_wrong(town: Town) -> None:
    lines = [line for bad in BAD for line in (bad, json.dumps(friends("a", "b")).encode(), b"", b"  \r")]
    said = await _import(town, b"\n".join(lines))
    assert said["friendships"] == {"imported": 1, "unchanged": len(BAD) - 1}
    assert said["bad"] == len(BAD)
    assert [line["line"] for line in said["badLines"]] == [1 + 4 * number for number in range(len(BAD))]
    for line, told in zip(said["badLines"], BAD.values(), strict=True):
        assert told in line["message"], line
    assert await town.rows(profiles) == 0


async def test_the_first_hundred_bad_lines_are_told_and_all_are_counted(town: Town) -> None:
    said = await _import(town, b"\n".join([b"{}"] * 1_050))
    assert said["bad"] == 1_050
    assert [line["line"] for line in said["badLines"]] == list(range(1, 101))


async def test_lines_may_end_as_on_any_machine_and_the_last_without_an_end(town: Town) -> None:
    body = b'\n{"type":"friendship","a":"a","b":"b"}\r\n\r\n{"type":"friendship","a":"a","b":"\xc3\xa9"}'
    assert (await _import(town, body))["friendships"]["imported"] == 2
    assert await _import(town, b"") == {
        "friendships": NOTHING,
        "profiles": NOTHING,
        "blocks": NOTHING,
        "bad": 0,
        "badLines": [],
    }


@pytest.mark.parametrize("size", [1, 7, LINE_MAX_BYTES])
async def test_it_does_not_matter_where_the_network_cuts(town: Town, size: int) -> None:
    lines = [friends("a", f"b{number}") for number in range(20)] + [profile("a", fullName="ö" * 2_000)]
    longest = json.dumps(profile("b", username="b")).encode()
    body = written(lines) + longest + b" " * (LINE_MAX_BYTES - len(longest)) + b"\n" + longest
    body += b" " * (LINE_MAX_BYTES + 1 - len(longest))

    async def cut() -> AsyncIterator[bytes]:
        for start in range(0, 4_000, size):
            yield body[start : min(start + size, 4_000)]
        yield body[4_000:]

    said = await _import(town, cut())
    assert said["friendships"]["imported"] == 20
    assert said["profiles"] == {"imported": 2, "unchanged": 0}
    assert [line["line"] for line in said["badLines"]] == [23]


@pytest.mark.parametrize(
    "media_type",
    ["application/x-ndjson", "application/ndjson; charset=utf-8", "application/jsonl", "application/x-jsonlines"],
)
async def test_lines_of_json_have_several_names(town: Town, media_type: str) -> None:
    said = await _import(town, written([friends("a", "b")]), **{"Content-Type": media_type})
    assert said["friendships"]["imported"] == 1


@pytest.mark.parametrize("media_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", None])
async def test_what_is_sent_as_something_else_is_refused(town: Town, media_type: str | None) -> None:
    headers = {} if media_type is None else {"Content-Type": media_type}
    response = await town.service().post("/api/social/import", content=written([friends("a", "b")]), headers=headers)
    refused(response, 415, "unsupported_media_type")
    assert await town.rows(friendships) == 0


async def test_who_is_no_service_is_refused_before_anything_is_read(town: Town) -> None:
    for roles in ([], ["moderator", "admin"]):
        token = ("Authorization", f"Bearer {town.token('alice', roles=roles)}")
        sent = (token, ("Content-Length", "1000000"))  # of which nothing comes
        refused(await town.raw("POST", "/api/social/import", *sent, user=None), 403, "role_required")


async def test_more_than_is_accepted_is_refused(town: Town) -> None:
    token = ("Authorization", f"Bearer {town.token('app', roles=['service'])}")
    sent = (token, ("Content-Type", "application/x-ndjson"), ("Content-Length", str(IMPORT_MAX_BYTES + 1)))
    refused(await town.raw("POST", "/api/social/import", *sent, user=None), 413, "too_large")


async def test_what_is_imported_in_one_organisation_is_unknown_in_another(town: Town, other: Town) -> None:
    await _import(town, written([friends("alice", "bob"), profile("alice", username="ann"), blocked("alice", "x")]))
    said = await _import(other, written([friends("alice", "x"), profile("alice", username="ann")]))
    assert said["friendships"]["imported"] == said["profiles"]["imported"] == 1
    assert await _friends(other, "bob") == {}


async def test_imports_and_people_at_the_same_moment_agree(town: Town) -> None:
    lines = written([friends("alice", f"friend-{number}") for number in range(200)])

    async def block(number: int) -> httpx.Response:
        return await town.client("alice").put(f"/api/social/users/alice/blocks/friend-{number}")

    async def befriend(number: int) -> httpx.Response:
        return await town.client("alice").put(f"/api/social/users/alice/friends/friend-{number}")

    answers = await asyncio.gather(
        *(_import(town, lines) for _ in range(3)), *map(block, range(0, 40, 2)), *map(befriend, range(1, 40, 2))
    )
    assert {answer.status_code for answer in answers if isinstance(answer, httpx.Response)} == {204}
    page = ok(await town.client("alice").get("/api/social/users/alice/friends", params={"pageSize": 1}))
    assert page["data"]["totalCount"] == 180
    assert await town.rows(friendships) == 360


def _resident() -> int:
    """Bytes of memory that this process, which the server runs in, holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.slow
async def test_an_import_takes_no_more_memory_however_long_it_is(town: Town) -> None:
    filler = "x" * 3_000  # unknown, and ignored
    grown, before = 0, 0

    async def lines() -> AsyncIterator[bytes]:
        nonlocal grown, before
        for start in range(0, 20_000, 20):
            if start == 4_000:
                before = _resident()
            elif before:
                grown = max(grown, _resident() - before)
            yield written({**friends("alice", f"f{start + number}"), "more": filler} for number in range(20))

    said = await _import(town, lines())
    assert said["friendships"] == {"imported": 20_000, "unchanged": 0}
    assert grown < 20 * 2**20, "what is read is let go of: all of it were 60 MB"

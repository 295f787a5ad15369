"""Bodies that are not what they should be: none is an error of the service, and nothing comes of any."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from infrastructure.sql.tables import replies, story_reactions, story_views
from tests.http.town import NOBODY, Town, ok, refused

pytestmark = pytest.mark.slow

JSON = ("Content-Type", "application/json")
DEEP = b"[" * 100_000 + b"]" * 100_000
DEEP_OBJECTS = b'{"a":' * 100_000 + b"1" + b"}" * 100_000


@dataclass(frozen=True)
class Row:
    """A body sent to a route, and what it is refused with."""

    name: str
    method: str
    path: str
    body: bytes
    code: str
    status: int = 400


ROUTES = {
    "posting": ("POST", "/api/story/users/bob", b'{"content":"hi","unknown":%s}'),
    "uploading": ("POST", "/api/story/users/bob/uploads", b'{"size":1,"mimeType":"image/png","unknown":%s}'),
    "editing": ("PATCH", "/api/story/{story}", b'{"caption":"hi","unknown":%s}'),
    "viewing": ("POST", "/api/story/{story}/views", b'{"viewDurationSeconds":1,"unknown":%s}'),
    "reacting": ("POST", "/api/story/{story}/reactions", b'{"reaction":"like","unknown":%s}'),
    "replying": ("POST", "/api/story/{story}/replies", b'{"content":"hi","unknown":%s}'),
    "asking for rings": ("POST", "/api/story/check-active", b"[%s]"),
}
BROKEN = {
    "empty": b"",
    "blank": b"  \n",
    "truncated": b'{"content":"hi',
    "a brace": b"{",
    "two documents": b'{"content":"a"}{"content":"b"}',
    "a comment": b'{"content":"a"}//',
    "single quotes": b"{'content':'a'}",
    "bad UTF-8": b'{"content":"\xff\xfe","caption":"\xc3\x28","reaction":"\xff","x":"\xff"}',
    "bad UTF-8 in a key": b'{"\xff":1}',
    "UTF-16": '{"content":"hi"}'.encode("utf-16"),
    "a NUL": b"\x00",
    "deep lists": DEEP,
    "deep objects": DEEP_OBJECTS,
    "unclosed lists": b"[" * 100_000,
    "NaN": b'{"content":NaN,"viewDurationSeconds":NaN,"x":NaN}',
    "Infinity": b'{"content":-Infinity,"viewDurationSeconds":Infinity,"x":Infinity}',
    "a trailing comma": b'{"content":"hi",}',
    "a control character": b'{"content":"a\x01b"}',
    "a wrong escape": b'{"content":"\\x41"}',
    "a lone surrogate in an unknown field": None,
}
DURATIONS: list[Any] = [0, -5, 0.5, "60", 604_801, 10**12, 2**63, 2**64, 10**400, True, [], "P1D"]
SECONDS: list[Any] = [-1, -0.001, 3_600.001, 3_601, 10**9, 10**400, "15", True, None, [1], {}]
OVERLAYS: list[Any] = [
    "text",
    {},
    [1],
    [{}],
    [{"text": "a", "x": 0.5}],
    [{"text": "", "x": 0.5, "y": 0.5}],
    [{"text": "x" * 201, "x": 0.5, "y": 0.5}],
    [{"text": "a\0", "x": 0.5, "y": 0.5}],
    [{"text": "a", "x": 1.01, "y": 0.5}],
    [{"text": "a", "x": 0.5, "y": -0.01}],
    [{"text": "a", "x": "0.5", "y": 0.5}],
    [{"text": "a", "x": 0.5, "y": 0.5, "fontSize": 0.6}],
    [{"text": "a", "x": 0.5, "y": 0.5, "color": "white"}],
    [{"text": "a", "x": 0.5, "y": 0.5, "align": "justify"}],
    [{"text": "a", "x": 0.5, "y": 0.5, "rotation": 1e300}],
    [{"text": "a", "x": 0.5, "y": 0.5}] * 21,
]
WRONG: dict[str, list[Any]] = {
    "posting": [
        {"content": ""},
        {"content": "  \n\t "},
        {"content": "x" * 2_201},
        {"content": "a\0b"},
        {"content": "a\x1bb"},
        {"content": 5},
        {"content": ["hi"]},
        {"content": None},
        {"type": "text"},
        {"type": "story", "content": "hi"},
        {"type": 7, "content": "hi"},
        {"type": "image"},
        {"type": "image", "content": "hi"},
        {"content": "hi", "caption": "and a caption"},
        *({"content": "hi", "backgroundColor": color} for color in (
            "red", "#FFF", "#GGGGGG", "#FF5733;x", "url(//x)", "#" * 1_024, "", "#FF5733\n", "#FF573380", 1, "#٣٣٣٣٣٣"
        )),
        *({"content": "hi", "duration": duration} for duration in DURATIONS),
        *({"content": "hi", "visibility": word} for word in ("Everyone", "", "friend", 1, ["Public"], "Pub\0lic")),
        {"content": "hi", "privacy": "nobody"},
        {"content": "hi", "visibility": "Public", "privacy": "friends"},
        *({"content": "hi", "privacy": "custom", "allowedUserIds": users} for users in (
            [], None, ["a/b"], [""], ["a\0b"], [1], "bob", [f"u{n}" for n in range(1_001)], ["x" * 129], ["\u202e"]
        )),
        {"content": "hi", "privacy": "public", "allowedUserIds": ["carol"]},
        *({"content": "hi", "overlays": overlays} for overlays in OVERLAYS),
        *({"type": "image", "mediaFileId": given} for given in ("x", 1, "../x", NOBODY)),
    ],
    "uploading": [
        {},
        {"size": 5},
        {"mimeType": "image/png"},
        *({"size": size, "mimeType": "image/png"} for size in (0, -1, "5", 1.5, None, True, -(2**70))),
    ],
    "editing": [
        {"caption": "x" * 2_201},
        {"caption": "a\0b"},
        {"caption": 1},
        {"visibility": "custom"},
        {"visibility": "nobody"},
        {"overlays": [{"text": "a"}]},
        {"allowedUserIds": ["a/b"]},
    ],
    "viewing": [
        {},
        {"viewdurationseconds": 5},
        *({"viewDurationSeconds": seconds} for seconds in SECONDS),
    ],
    "reacting": [
        {},
        *({"reaction": value} for value in ("heart", "", None, "👍", ["like"], 1, "like ", "li\0ke", "x" * 100_000)),
    ],
    "replying": [
        {},
        *({"content": value} for value in ("", "  ", None, 5, ["hi"], "x" * 1_001, "a\0b", "a\u0085b")),
        *({"content": "hi", "to": value} for value in ("", "a/b", 1, "a\0b", "x" * 129)),
    ],
    "asking for rings": [{}, None, "alice", 5, [1], [None], [["alice"]], [""], ["a b"], ["a\0b"], ["a/b"], ["x" * 129]],
}  # fmt: skip
RAW = {
    "posting": [b'{"content":"a\\ud800b"}', b'{"content":"hi","duration":1e400}', b'{"content":"hi","duration":1e3.5}'],
    "viewing": [b'{"viewDurationSeconds":1e400}', b'{"viewDurationSeconds":0x10}', b'{"viewDurationSeconds":01}'],
    "reacting": [b'{"reaction":"\\udc00"}'],
    "replying": [b'{"content":"\\ud83d"}', b'{"content":"hi","to":"\\ud800"}'],
    "asking for rings": [b'["\\ud800"]'],
}


def _rows() -> Iterator[Row]:
    for route, (method, path, unknown) in ROUTES.items():
        for name, body in BROKEN.items():
            raw = unknown % b'"\\ud800"' if body is None else body
            yield Row(f"{route}: {name}", method, path, raw, "")
        yield Row(f"{route}: deep unknown field", method, path, unknown % DEEP, "")
        for number, wrong in enumerate(WRONG[route]):
            yield Row(f"{route}: wrong {number}", method, path, json.dumps(wrong).encode(), "invalid_request")
        for number, body in enumerate(RAW.get(route, [])):
            yield Row(f"{route}: raw {number}", method, path, body, "")
        yield Row(f"{route}: 2 MiB", method, path, b" " * 2_097_153, "too_large", 413)
        yield Row(f"{route}: 10 MB", method, path, b'{"content":"' + b"x" * 10_000_000 + b'"}', "too_large", 413)


ROWS = list(_rows())


@pytest.mark.attack(22, 23, 24, 25, 26, 28, 29, 30, 32, 33, 34)
@pytest.mark.parametrize("route", ROUTES)
async def test_no_bad_body_is_ever_an_error_of_the_service_and_nothing_comes_of_it(town: Town, route: str) -> None:
    story_id = await town.post_text("alice", visibility="Public")
    user = "alice" if route == "editing" else "bob"
    for row in (row for row in ROWS if row.name.startswith(f"{route}:")):
        response = await town.raw(
            row.method, row.path.format(story=story_id), JSON, ("orgid", town.org), body=row.body, user=user
        )
        assert response.status_code < 500, f"{row.name}: {response.text}"
        assert response.status_code == row.status, f"{row.name}: {response.text}"
        body = refused(response, row.status, row.code or None)
        if not row.code:
            assert body["code"] in {"malformed_json", "invalid_request"}, row.name
        if body["code"] == "invalid_request":
            assert body["errors"], row.name
    assert await town.posted("bob") == 0
    assert len(await town.events(story_id)) == 2
    for table in (story_views, story_reactions, replies):
        assert await town.rows(table) == 0


@pytest.mark.attack(27)
@pytest.mark.parametrize(
    "content_type", ["text/xml", "text/plain", "application/x-www-form-urlencoded", "", None, "json"]
)
async def test_json_is_sent_as_json(town: Town, content_type: str | None) -> None:
    story_id = await town.post_text("alice", visibility="Public")
    headers = [] if content_type is None else [("Content-Type", content_type)]
    for method, path, template in ROUTES.values():
        body = template % b"1"
        response = await town.raw(
            method, path.format(story=story_id), *headers, ("orgid", town.org), body=body, user="bob"
        )
        refused(response, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", "APPLICATION/JSON", "application/json;x=y;z", "application/vnd.api+json"],
)
async def test_json_may_have_parameters_and_a_suffix(town: Town, content_type: str) -> None:
    story_id = await town.post_text("alice", visibility="Public")
    path, body = f"/api/story/{story_id}/views", b'{"viewDurationSeconds":0.5}'
    ok(await town.raw("POST", path, ("Content-Type", content_type), ("orgid", town.org), body=body, user="bob"))
    header, org = ("Content-Type", content_type), ("orgid", town.org)
    text = await town.raw("POST", "/api/story/users/bob", header, org, body=b'{"content":"hi"}', user="bob")
    ok(text, 201)


@pytest.mark.attack(15, 26)
async def test_unknown_fields_are_ignored_and_the_last_of_duplicate_keys_wins(town: Town) -> None:
    body = b'{"content":"first","content":"last","unknown":{"a":[1,{"b":null}]},"type":"text","userId":"x"}'
    response = await town.raw("POST", "/api/story/users/alice", JSON, ("orgid", town.org), body=body)
    assert (await town.card(ok(response, 201)["data"]["storyId"]))["content"] == "last"


async def test_null_for_an_optional_field_is_as_if_it_were_absent(town: Town) -> None:
    body: dict[str, Any] = dict.fromkeys(
        ("type", "caption", "backgroundColor", "overlays", "visibility", "privacy", "allowedUserIds", "duration")
    )
    response = await town.client("alice").post("/api/story/users/alice", json={**body, "content": "hi"})
    card = await town.card(ok(response, 201)["data"]["storyId"])
    assert (card["visibility"], card["backgroundColor"], card["overlays"]) == ("Friends", "#000000", [])


@pytest.mark.parametrize("body", [b"", b"{}", b'{"anything": 1}'])
async def test_what_needs_no_body_takes_none_or_an_empty_one(town: Town, body: bytes) -> None:
    story_id = await town.post_text("alice")
    path = f"/api/story/{story_id}/archive"
    ok(await town.raw("POST", path, JSON, ("orgid", town.org), body=body))
    ok(await town.raw("POST", path, ("orgid", town.org), body=body))


async def test_a_text_of_json_may_be_as_large_as_two_mebibytes(town: Town) -> None:
    body = b'{"content":"hi","unknown":"' + b"x" * (2_097_152 - 29) + b'"}'
    assert len(body) == 2_097_152
    ok(await town.raw("POST", "/api/story/users/alice", JSON, ("orgid", town.org), body=body), 201)


async def test_json_that_is_too_large_is_refused_by_its_announced_length_alone(town: Town) -> None:
    length = ("Content-Length", "3000000")
    response = await town.raw("POST", "/api/story/check-active", JSON, length, ("orgid", town.org))
    refused(response, 413, "too_large")


@pytest.mark.attack(33)
@pytest.mark.parametrize("value", [0, 0.5, 3_600])
async def test_views_of_no_time_and_of_an_hour_are_views(town: Town, value: float) -> None:
    story_id = await town.post_text("alice", visibility="Public")
    ok(await town.client("bob").post(f"/api/story/{story_id}/views", json={"viewDurationSeconds": value}))
    assert (await town.card(story_id))["viewCount"] == 1


async def test_what_was_wrong_is_named_value_by_value(town: Town) -> None:
    alice = town.client("alice")
    for body, field in (
        ({"content": "hi", "duration": 0}, "duration"),
        ({"content": "hi", "backgroundColor": "red"}, "backgroundColor"),
        ({"content": "hi", "visibility": "nobody"}, "visibility"),
        ({"content": "hi", "privacy": "custom"}, "allowedUserIds"),
        ({"content": ""}, "content"),
        ({"content": 5}, "content"),
        ({"content": "hi", "type": "poem"}, "type"),
    ):
        response = await alice.post("/api/story/users/alice", json=body)
        problem = refused(response, 400, "invalid_request")
        assert [error["field"] for error in problem["errors"]] == [field]

"""Who is refused, and in which order: organisations, names, parameters, ids. One row is one request."""

from __future__ import annotations

from typing import Any

import pytest

from infrastructure.sql.tables import profiles, stories, story_reactions, story_views
from tests.http.town import NOBODY, Town, ok, problem_without_instance, refused

pytestmark = pytest.mark.slow

PROTECTED = [
    ("POST", "/api/story/users/alice"),
    ("POST", "/api/story/users/alice/uploads"),
    ("PUT", f"/api/story/users/alice/uploads/{NOBODY}"),
    ("GET", "/api/story/users/alice/active"),
    ("GET", "/api/story/users/alice/history"),
    ("GET", "/api/story/users/alice/archived"),
    ("GET", "/api/story/users/alice/replies"),
    ("GET", "/api/story/feed/alice"),
    ("GET", "/api/story/feed/alice/recommended"),
    ("POST", "/api/story/check-active"),
    ("GET", f"/api/story/{NOBODY}"),
    ("PATCH", f"/api/story/{NOBODY}"),
    ("DELETE", f"/api/story/{NOBODY}"),
    ("POST", f"/api/story/{NOBODY}/views"),
    ("POST", f"/api/story/{NOBODY}/reactions"),
    ("DELETE", f"/api/story/{NOBODY}/reactions"),
    ("POST", f"/api/story/{NOBODY}/replies"),
    ("GET", f"/api/story/{NOBODY}/replies"),
    ("GET", f"/api/story/{NOBODY}/viewers"),
    ("POST", f"/api/story/{NOBODY}/archive"),
    ("GET", "/api/social/users/alice/friends"),
    ("PUT", "/api/social/users/alice/friends/bob"),
    ("DELETE", "/api/social/users/alice/friends/bob"),
    ("POST", "/client/community/stories"),
    ("POST", f"/client/community/stories/{NOBODY}/view"),
    ("DELETE", f"/client/community/stories/{NOBODY}"),
]


@pytest.mark.says("community:endpoints create-jwt view-jwt delete-jwt")
@pytest.mark.attack(1)
@pytest.mark.parametrize(("method", "path"), PROTECTED)
async def test_without_a_token_nothing_is_done(town: Town, method: str, path: str) -> None:
    response = await town.client().request(method, path)
    refused(response, 401, "unauthenticated")
    assert response.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.attack(6)
@pytest.mark.parametrize(
    "headers",
    [
        ["a", "b"],
        ["a", "a"],
        [""],
        ["x" * 65],
        ["x" * 10_000],
        ["a,b"],
        ["a b"],
        ["é"],
        ["a/b"],
        ["*"],
        ["a%20"],
        ["a "],
    ],
    ids=lambda headers: repr(headers)[:20],
)
async def test_an_organisation_is_named_once_and_well(town: Town, headers: list[str]) -> None:
    named = [("orgid", value) for value in headers]
    refused(await town.raw("GET", "/api/story/feed/alice", *named), 400, "org_invalid")


@pytest.mark.attack(6)
async def test_an_organisation_is_any_well_formed_name_and_its_letter_case_matters(town: Town) -> None:
    await town.post_text("alice")
    for org, count in ((town.org, 1), (town.org.upper(), 0), ("x" * 64, 0), ("a.B_c-9", 0)):
        data = ok(await town.client("alice", org=org).get("/api/story/users/alice/history"))["data"]
        assert data["totalCount"] == count


@pytest.mark.attack(7)
async def test_a_token_of_one_organisation_is_no_good_for_another(town: Town) -> None:
    await town.post_text("alice")
    token = {"Authorization": f"Bearer {town.token('alice', org=town.org)}"}
    assert ok(await town.stranger(**token).get("/api/story/users/alice/history"))["data"]["totalCount"] == 1
    ok(await town.stranger(**token, orgid=town.org).get("/api/story/users/alice/history"))
    for path in ("/api/story/users/alice/history", f"/api/story/{NOBODY}"):
        refused(await town.stranger(**token, orgid="default").get(path), 403, "org_mismatch")


async def test_without_a_name_the_organisation_is_the_default_one(town: Town) -> None:
    story_id = await town.post_text("alice")
    nameless = town.stranger(Authorization=f"Bearer {town.token('alice')}")
    refused(await nameless.get(f"/api/story/{story_id}"), 404, "story_not_found")


async def test_asking_creates_nothing(town: Town) -> None:
    for path in ("active", "history", "archived"):
        ok(await town.client("ghost", name="A Ghost").get(f"/api/story/users/ghost/{path}"))
    ok(await town.client("ghost", name="A Ghost").get("/api/story/feed/ghost/recommended"))
    assert await town.rows(profiles) == 0


@pytest.mark.attack(11)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/story/users/alice/active?requestingUserId=bob&requestingUserId=alice"),
        ("GET", "/api/story/feed/alice?limit=1&limit=2"),
        ("GET", "/api/story/feed/alice?x&x"),
        ("POST", f"/api/story/{NOBODY}/archive?userId=alice&userId=alice"),
    ],
)
async def test_a_query_parameter_is_given_once(town: Town, method: str, path: str) -> None:
    body = refused(await town.client("alice").request(method, path), 400, "duplicate_parameter")
    assert len(body["errors"]) == 1


@pytest.mark.says("story:active requestinguserid-optional-id ", "story:active requestinguserid-optional-id")
@pytest.mark.attack(9, 12)
async def test_a_name_in_the_query_grants_nothing(town: Town) -> None:
    story_id = await town.post_text("alice", visibility="Public")
    mallory = town.client("mallory", roles=["moderator", "admin", "Service", "root"])
    for name in ("userId", "requestingUserId"):
        for method, path in PROTECTED:
            response = await mallory.request(method, path.replace(NOBODY, story_id), params={name: "alice"})
            refused(response, 403, "identity_mismatch")
    for table in (story_views, story_reactions):
        assert await town.rows(table) == 0
    assert (await town.card(story_id))["status"] == "Active"


@pytest.mark.attack(13)
async def test_a_path_that_names_another_is_refused_whatever_the_role(town: Town) -> None:
    mallory = town.client("mallory", roles=["moderator", "admin"])
    body = {"type": "text", "content": "in alice's name"}
    for path in ("/api/Story/users/alice", "/api/story/users/alice"):
        refused(await mallory.post(path, json=body), 403, "owner_only")
    assert await town.rows(stories) == 0


async def test_a_service_names_one_person_or_is_an_ordinary_user(town: Town) -> None:
    app = town.service()
    ok(await app.get("/api/story/feed/alice?userId=alice"))
    ok(await app.get("/api/story/users/alice/active"))
    refused(await app.get("/api/story/feed/alice?userId=bob"), 403, "identity_mismatch")
    refused(await app.get("/api/story/feed/alice?userId=alice&requestingUserId=bob"), 403, "identity_mismatch")
    refused(await app.get("/api/story/users/alice/active?userId=a%2Fb"), 400)


LIMITS = ["0", "-1", "101", "1000000000", "abc", "1.5", str(2**63), "", "٣", "0x10", "1_0", "NaN", "9" * 5_000]


@pytest.mark.says(
    "story:recommended limit-optional-stories ",
    "story:history pagesize-optional-items ",
    "story:recommended limit-optional-stories",
    "story:history pagesize-optional-items",
)
@pytest.mark.attack(21)
@pytest.mark.parametrize("value", LIMITS, ids=lambda value: value[:12] or "empty")
async def test_a_number_outside_its_range_is_refused(town: Town, value: str) -> None:
    alice = town.client("alice")
    for path, name in (
        ("/api/story/feed/alice", "limit"),
        ("/api/story/feed/alice/recommended", "limit"),
        ("/api/story/users/alice/history", "pageSize"),
        ("/api/story/users/alice/archived", "pageSize"),
        ("/api/story/users/alice/replies", "pageSize"),
        ("/api/social/users/alice/friends", "pageSize"),
    ):
        body = refused(await alice.get(path, params={name: value}), 400, "invalid_parameter")
        assert [error["field"] for error in body["errors"]] == [name]


@pytest.mark.attack(21)
@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("feed/alice", "skip", "-1"),
        ("feed/alice", "skip", str(2**63)),
        ("feed/alice/recommended", "skip", "-1"),
        ("feed/alice/recommended", "skip", "x"),
        ("feed/alice/recommended", "includeScoreDetails", "maybe"),
        ("users/alice/history", "page", "0"),
        ("users/alice/history", "page", str(2**63)),
        ("users/alice/replies", "direction", "sideways"),
    ],
)
async def test_a_parameter_that_makes_no_sense_is_refused(town: Town, path: str, name: str, value: str) -> None:
    response = await town.client("alice").get(f"/api/story/{path}", params={name: value})
    refused(response, 400, "invalid_parameter")


@pytest.mark.attack(21)
@pytest.mark.parametrize("many", [10**9, 2**40, 2**56])
async def test_far_beyond_the_end_there_is_nothing(town: Town, many: int) -> None:
    await town.befriend("me", "john")
    await town.post_text("john")
    me = town.client("me")
    for path in ("feed/me", "feed/me/recommended"):
        assert ok(await me.get(f"/api/story/{path}", params={"skip": many}))["data"]["stories"] == []
    for path in ("users/me/history", "users/me/archived"):
        assert ok(await me.get(f"/api/story/{path}", params={"page": many}))["data"]["stories"] == []


async def test_a_query_of_very_many_parameters_is_refused(town: Town) -> None:
    query = "&".join(f"p{number}=1" for number in range(2_000))
    refused(await town.client("alice").get(f"/api/story/feed/alice?{query}"), 400)


@pytest.mark.attack(20)
@pytest.mark.parametrize(
    "story_id",
    [
        "nonsense",
        f"{NOBODY}%00",
        f"{NOBODY};x=1",
        f"{{{NOBODY}}}",
        f"urn:uuid:{NOBODY}",
        NOBODY.replace("-", ""),
        "%2e%2e%2f" + NOBODY,
        "..%2f..%2fetc%2fpasswd",
        "x" * 10_000,
        "%ff%fe",
        "null",
        "-1",
        NOBODY[:-1] + "%D9%A3",
        f"%20{NOBODY}",
        "' OR 1=1 --",
        "*",
    ],
    ids=lambda story_id: story_id[:40],
)
async def test_what_is_no_id_is_no_story(town: Town, story_id: str) -> None:
    for method, path, body in (
        ("GET", "", b""),
        ("DELETE", "", b""),
        ("POST", "/archive", b""),
        ("GET", "/viewers", b""),
        ("POST", "/reactions", b'{"reaction":"like"}'),
    ):
        quoted = story_id.replace(" ", "%20").encode().decode("latin-1")
        response = await town.raw(
            method, f"/api/story/{quoted}{path}", ("Content-Type", "application/json"), ("orgid", town.org), body=body
        )
        refused(response, 404)


async def test_an_id_that_is_none_is_told_when_a_missing_story_is(town: Town) -> None:
    bob = town.client("bob")
    for story_id in ("nonsense", NOBODY):
        for path, body in (
            ("views", {"viewDurationSeconds": 3_601}),
            ("reactions", {"reaction": "heart"}),
            ("replies", {"content": " "}),
            ("replies", {"content": "hi", "to": "a/b"}),
        ):
            refused(await bob.post(f"/api/story/{story_id}/{path}", json=body), 400, "invalid_request")
        refused(await bob.patch(f"/api/story/{story_id}", json={"caption": "\x01"}), 400, "invalid_request")
        refused(await bob.delete(f"/api/story/{story_id}/reactions?reaction=heart"), 400, "invalid_request")
        refused(await bob.get(f"/api/story/{story_id}/viewers?search=%01"), 400, "invalid_request")
        react = {"targetType": "story", "targetId": story_id, "reaction": "heart"}
        refused(await bob.post("/client/community/react", json=react), 400, "invalid_request")
        report = {"targetType": "story", "targetId": story_id, "reason": ""}
        refused(await bob.post("/client/community/reports", json=report), 400, "invalid_request")
        resolve = f"/community/reports/{story_id}/resolve"
        moderator = town.client("max", roles=["moderator"])
        refused(await moderator.post(resolve, json={"action": "burn"}), 400, "invalid_request")


@pytest.mark.attack(52)
async def test_where_a_websocket_opens_no_method_is_allowed(town: Town) -> None:
    response = await town.client("alice").get("/api/story/ws")
    refused(response, 405, "method_not_allowed")
    assert response.headers["allow"] == ""


@pytest.mark.attack(52)
@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", f"/api/story/{NOBODY}", {"GET", "HEAD", "PATCH", "DELETE"}),
        ("TRACE", f"/api/story/{NOBODY}", {"GET", "HEAD", "PATCH", "DELETE"}),
        ("OPTIONS", f"/api/story/{NOBODY}", {"GET", "HEAD", "PATCH", "DELETE"}),
        ("PROPFIND", f"/api/story/{NOBODY}", {"GET", "HEAD", "PATCH", "DELETE"}),
        ("GET", f"/api/story/{NOBODY}/views", {"POST"}),
        ("POST", "/api/story/feed/alice", {"GET", "HEAD"}),
        ("DELETE", "/api/story/users/alice", {"POST"}),
    ],
)
async def test_another_method_is_not_allowed_and_told_which_are(
    town: Town, method: str, path: str, allowed: set[str]
) -> None:
    response = await town.client("alice").request(method, path)
    refused(response, 405, "method_not_allowed")
    assert {*response.headers["allow"].split(", ")} == allowed


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/story", "/api/nothing", "/favicon.ico", "/..%2fetc/passwd", "/%00"]
)
async def test_a_path_that_leads_nowhere_is_not_found(town: Town, path: str) -> None:
    refused(await town.client("alice").get(path), 404, "not_found")


@pytest.mark.attack(49)
async def test_spoofed_headers_change_nothing(town: Town) -> None:
    story_id = await town.post_image("alice")
    spoofed = {
        "X-Forwarded-Host": "evil.test",
        "X-Forwarded-Proto": "https",
        "Forwarded": "host=evil.test",
        "X-HTTP-Method-Override": "DELETE",
        "X-User-Id": "bob",
        "X-Original-URL": "/health/live",
        "Origin": "https://evil.test",
    }
    response = await town.client("alice").get(f"/api/story/{story_id}", headers=spoofed)
    assert ok(response)["data"]["mediaUrl"].startswith(town.url)
    assert not {name for name in response.headers if name.startswith("access-control-")}


@pytest.mark.parametrize("host", ["evil.test/path", 'evil.test"><script>', "evil.test\\@x", "", "a b", "x" * 300])
async def test_a_host_that_is_none_is_not_put_into_links(town: Town, host: str) -> None:
    response = await town.raw("GET", "/api/story/feed/alice", ("Host", host), ("orgid", town.org))
    assert response.status_code in {200, 400}
    assert "evil" not in response.headers.get("link", "")


async def test_refusals_come_in_one_order(town: Town) -> None:
    """401, then the organisation, the identity, the input, 404, 403 of an owner, 410, 409."""
    story_id = await town.post_text("alice", visibility="Public")
    over = await town.post_text("alice", visibility="Public")
    hidden = await town.post_text("alice", visibility="OnlyMe")
    await town.pass_time(over, 86_400)
    bob = ("Authorization", f"Bearer {town.token('bob')}")
    elsewhere = ("Authorization", f"Bearer {town.token('bob', org='elsewhere')}")
    json_type, org = ("Content-Type", "application/json"), ("orgid", town.org)
    other_name, no_json = "?userId=alice", b"{"
    view, reply = f"/api/story/{hidden}/views", f"/api/story/{over}/replies"

    async def ask(path: str, *headers: tuple[str, str], body: bytes = b"", method: str = "POST") -> Any:
        return await town.raw(method, path, *headers, body=body, user=None)

    bad_org, two_names = ("orgid", "a,b"), "?userId=alice&userId=bob"
    refused(await ask(view + two_names, bad_org, body=no_json), 401, "unauthenticated")
    refused(await ask(view + two_names, bob, bad_org, body=no_json), 400, "org_invalid")
    refused(await ask(view + other_name, elsewhere, org, body=no_json), 403, "org_mismatch")
    refused(await ask(view + other_name, bob, org, body=no_json), 403, "identity_mismatch")
    refused(await ask(view, bob, org, body=b"{}"), 415, "unsupported_media_type")
    refused(await ask(view, bob, org, json_type, body=no_json), 400, "malformed_json")
    refused(await ask(view, bob, org, json_type, body=b'{"viewDurationSeconds": -1}'), 400, "invalid_request")
    refused(await ask(view, bob, org, json_type, body=b'{"viewDurationSeconds": 1}'), 404, "story_not_found")
    refused(await ask(f"/api/story/{hidden}", bob, org, method="DELETE"), 404, "story_not_found")
    refused(await ask(f"/api/story/{story_id}", bob, org, method="DELETE"), 403, "owner_only")
    refused(await ask(f"/api/story/{over}", bob, org, method="DELETE"), 403, "owner_only")
    refused(await ask(f"/api/story/{hidden}/viewers?page=0", bob, org, method="GET"), 400, "invalid_parameter")
    refused(await ask(reply, bob, org, json_type, body=b'{"content": ""}'), 400, "invalid_request")
    refused(await ask(reply, bob, org, json_type, body=b'{"content": "late"}'), 410, "story_expired")


@pytest.mark.says(
    "story:by-id validating-story-exists validating-story-access ",
    "story:by-id validating-story-exists validating-story-access",
)
@pytest.mark.attack(16)
async def test_refusals_of_the_foreign_the_missing_and_the_hidden_read_alike(town: Town, other: Town) -> None:
    foreign = await other.post_text("alice", visibility="Public")
    hidden = await town.post_text("alice", visibility="OnlyMe")
    blocked = await town.post_text("blocker", visibility="Public")
    await town.stage.block("blocker", "bob")
    ended = await town.post_text("alice", visibility="OnlyMe")
    await town.pass_time(ended, 86_400)
    bob = town.client("bob")
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"caption": "mine"}),
        ("DELETE", "", None),
        ("POST", "/views", {"viewDurationSeconds": 1}),
        ("POST", "/reactions", {"reaction": "like"}),
        ("DELETE", "/reactions", None),
        ("POST", "/replies", {"content": "hi"}),
        ("GET", "/replies", None),
        ("GET", "/viewers", None),
        ("POST", "/archive", None),
    ):
        answers = [
            await bob.request(method, f"/api/story/{story_id}{path}", json=body)
            for story_id in (foreign, NOBODY, hidden, blocked, ended)
        ]
        for answer in answers:
            refused(answer, 404, "story_not_found")
        assert len({problem_without_instance(answer) for answer in answers}) == 1, (method, path)
        assert len({str(sorted(set(answer.headers) - {"date"})) for answer in answers}) == 1

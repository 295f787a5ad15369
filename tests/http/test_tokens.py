"""Tokens that are none: made by hand, each with one thing wrong with it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from infrastructure.sql.tables import profiles
from tests.conftest import SECRET
from tests.http.town import Town, ok, refused

pytestmark = pytest.mark.slow


def _segment(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _token(claims: Any, header: Any = None, *, secret: str = SECRET, signature: bytes | None = None) -> str:
    """A token made by hand: any claims under any header."""
    header = {"alg": "HS256", "typ": "JWT"} if header is None else header
    signed = ".".join(
        _segment(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (header, claims)
    )
    if signature is None:
        signature = hmac.digest(secret.encode(), signed.encode(), hashlib.sha256)
    return f"{signed}.{_segment(signature)}"


def _claims(**changes: Any) -> dict[str, Any]:
    """Good claims, changed; None takes one out."""
    now = int(time.time())
    claims = {"sub": "alice", "iat": now, "exp": now + 600, **changes}
    return {name: value for name, value in claims.items() if value is not None}


def _header(**changes: Any) -> dict[str, Any]:
    return {"alg": "HS256", "typ": "JWT", **changes}


NOW = int(time.time())
BAD_TOKENS = {
    "alg none": _token(_claims(), _header(alg="none"), signature=b""),
    "alg None": _token(_claims(), _header(alg="None"), signature=b""),
    "alg none, signed": _token(_claims(), _header(alg="none")),
    "empty signature": _token(_claims(), signature=b""),
    "another secret": _token(_claims(), secret="another secret that is long enough too"),
    "HS512": _token(_claims(), _header(alg="HS512")),
    "RS256": _token(_claims(), _header(alg="RS256")),
    "alg missing": _token(_claims(), {"typ": "JWT"}),
    "alg a list": _token(_claims(), _header(alg=["HS256"])),
    "unknown crit": _token(_claims(), _header(crit=["x-unknown"])),
    "typ of another kind": _token(_claims(), _header(typ="secevent+jwt")),
    "typ a list": _token(_claims(), _header(typ=["JWT"])),
    "typ an object": _token(_claims(), _header(typ={})),
    "expired": _token(_claims(exp=NOW - 120)),
    "never expires": _token(_claims(exp=None)),
    "exp a text": _token(_claims(exp=str(NOW + 600))),
    "exp true": _token(_claims(exp=True)),
    "exp enormous": _token(b'{"sub":"alice","exp":1e400}'),
    "exp NaN": _token(b'{"sub":"alice","exp":NaN}'),
    "exp a long number": _token(b'{"sub":"alice","exp":1' + b"0" * 400 + b"}"),
    "exp a far too long number": _token(b'{"sub":"alice","exp":1' + b"0" * 5_000 + b"}"),
    "not good yet": _token(_claims(nbf=NOW + 3_600)),
    "made in the future": _token(_claims(iat=NOW + 3_600)),
    "nbf a text": _token(_claims(nbf="soon")),
    "no sub": _token(_claims(sub=None)),
    "sub a number": _token(_claims(sub=123)),
    "sub a list": _token(_claims(sub=[])),
    "sub empty": _token(_claims(sub="")),
    "sub with a slash": _token(_claims(sub="a/b")),
    "sub with a space": _token(_claims(sub="a b")),
    "sub with a NUL": _token(_claims(sub="a\0b")),
    "sub half a surrogate pair": _token(_claims(sub="\ud800")),
    "sub two dots": _token(_claims(sub="..")),
    "sub too long": _token(_claims(sub="x" * 129)),
    "org empty": _token(_claims(org="")),
    "org a number": _token(_claims(org=1)),
    "claims a list": _token([]),
    "claims a text": _token("alice"),
    "claims nested": _token(b'{"sub":' + b"[" * 2_000 + b"]" * 2_000 + b"}"),
    "claims not UTF-8": _token(b'{"sub":"\xff"}'),
    "header no JSON": _token(_claims(), b"nonsense"),
    "header a list": _token(_claims(), []),
    "two dots": "..",
    "one word": "nonsense",
    "five parts": "a.b.c.d.e",
    "too long": "a" * 20_000,
    "not ASCII": "\u00e9\u00e9\u00e9",
}


@pytest.mark.attack(2, 4)
@pytest.mark.parametrize("token", BAD_TOKENS.values(), ids=BAD_TOKENS.keys())
async def test_a_bad_token_is_refused(town: Town, token: str) -> None:
    response = await town.raw("GET", "/api/story/feed/alice", ("Authorization", f"Bearer {token}"), user=None)
    refused(response, 401, "invalid_token")
    assert response.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.attack(3)
@pytest.mark.parametrize(
    "hint",
    [
        {"kid": "../../dev/null"},
        {"kid": "' UNION SELECT 'key"},
        {"jku": "http://127.0.0.1:9/keys"},
        {"jwk": {"kty": "oct", "k": _segment(b"a key of the attacker's, long enough")}},
        {"x5u": "http://127.0.0.1:9/cert"},
    ],
    ids=str,
)
async def test_the_header_of_a_token_never_says_which_key_is_good(town: Town, hint: dict[str, Any]) -> None:
    forged = _token(_claims(), _header(**hint), secret="a key of the attacker's, long enough")
    refused(await town.stranger(Authorization=f"Bearer {forged}").get("/api/story/feed/alice"), 401, "invalid_token")


@pytest.mark.parametrize("given", ["Basic YTpi", "Bearer", "Bearer ", "Token x", "", "bearer"])
async def test_another_scheme_is_no_token(town: Town, given: str) -> None:
    refused(await town.raw("GET", "/api/story/feed/alice", ("Authorization", given), user=None), 401)


async def test_two_tokens_are_none(town: Town) -> None:
    one = ("Authorization", f"Bearer {town.token('alice')}")
    two = ("Authorization", f"Bearer {town.token('bob')}")
    refused(await town.raw("GET", "/api/story/feed/alice", one, two, user=None), 401, "invalid_token")


@pytest.mark.attack(5)
async def test_a_token_in_the_url_is_none(town: Town) -> None:
    path = f"/api/story/feed/alice?access_token={town.token('alice')}"
    refused(await town.client().get(path), 401, "unauthenticated")


async def test_a_token_is_good_a_minute_around_its_time(town: Town) -> None:
    now = int(time.time())
    for claims in (_claims(exp=now - 30), _claims(nbf=now + 30), _claims(iat=now + 30), _claims(exp=now + 600.5)):
        ok(await town.stranger(Authorization=f"Bearer {_token(claims)}").get("/api/story/feed/alice"))


@pytest.mark.parametrize("path", ["/health/live", "/schema/openapi.json", "/media/x/media"])
async def test_a_bad_token_is_refused_even_where_none_is_needed(town: Town, path: str) -> None:
    refused(await town.stranger(Authorization="Bearer nonsense").get(path), 401, "invalid_token")


async def test_what_a_service_is_called_is_told_of_nobody(town: Town) -> None:
    """A token of the application may tell who made it; the profile of whom it acts for stays what it was."""
    ok(await town.client("alice", name="Alice").post("/api/story/users/alice", json={"content": "Hi"}), 201)
    app = town.client("app", roles=["service"], name="The App", email="app@example.org", preferred_username="app")
    story_id = ok(await app.post("/api/story/users/alice", json={"content": "Hi again"}), 201)["data"]["storyId"]
    ok(await app.post("/api/story/users/bob", json={"content": "Hello"}), 201)
    ok(await app.post(f"/api/story/{story_id}/reactions", json={"reaction": "like"}, params={"userId": "alice"}))
    assert (await town.card(story_id))["fullName"] == "Alice"
    assert await town.rows(profiles) == 1
    refused(await app.get("/api/story/feed/alice?userId=bob"), 403, "identity_mismatch")

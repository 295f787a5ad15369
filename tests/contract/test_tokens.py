"""Which tokens are good, by RFC 8725 and the published claims; and what is read from them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from application.ports.errors import InvalidTokenError
from application.ports.people import Role
from infrastructure.identity.tokens import Hs256Tokens

SECRET = b"a secret for tests that is long enough"
FULL = {
    "email": "alice@example.org",
    "preferred_username": "alice_w",
    "name": "Alice Wonder",
    "given_name": "Alice",
    "family_name": "Wonder",
    "picture": "https://example.org/alice.png",
    "company": "Looking Glass",
    "job_title": "Explorer",
    "roles": ["service", "unknown", 7],
    "org": "acme",
}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def forged(header: dict[str, Any], claims: Any, secret: bytes = SECRET, digest: str = "sha256") -> str:
    """A token by hand, as no library would make it."""
    signed = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
    return f"{signed}.{b64(hmac.digest(secret, signed.encode(), digest))}"


def claims(**more: Any) -> dict[str, Any]:
    now = int(time.time())
    return {"sub": "alice", "iat": now, "exp": now + 600, **more}


HS256 = {"alg": "HS256", "typ": "JWT"}


@pytest.fixture
def tokens() -> Hs256Tokens:
    return Hs256Tokens(SECRET)


async def test_a_good_token_tells_who_its_user_is_and_what_is_known_of_them(tokens: Hs256Tokens) -> None:
    read = await tokens.verify(tokens.make("alice", ttl_seconds=60, **FULL))
    assert (read.user, read.org, read.roles) == ("alice", "acme", frozenset({Role.SERVICE}))
    assert read.profile.username == "alice_w"
    assert read.profile.full_name == "Alice Wonder"
    assert read.profile.email == "alice@example.org"
    assert read.profile.job_title == "Explorer"


async def test_without_a_name_the_full_name_is_made_of_its_parts(tokens: Hs256Tokens) -> None:
    read = await tokens.verify(tokens.make("alice", ttl_seconds=60, given_name="Alice", family_name="Wonder"))
    assert read.profile.full_name == "Alice Wonder"


async def test_claims_that_are_no_text_tell_nothing(tokens: Hs256Tokens) -> None:
    read = await tokens.verify(forged(HS256, claims(name=["x"], email=7, picture="a\x00b", company="x" * 3000)))
    profile = read.profile
    assert (profile.full_name, profile.email, profile.avatar_url, profile.company) == (None, None, None, None)


BAD = {
    "no signature": ".".join(forged(HS256, claims()).split(".")[:2]) + ".",
    "alg none": f"{b64(json.dumps({'alg': 'none'}).encode())}.{b64(json.dumps(claims()).encode())}.",
    "alg None": forged({"alg": "None"}, claims()),
    "alg not on the list": forged({"alg": "HS512"}, claims(), digest="sha512"),
    "alg missing": forged({"typ": "JWT"}, claims()),
    "another secret": forged(HS256, claims(), secret=b"x" * 40),
    "RS256 confusion": forged({"alg": "RS256"}, claims()),
    "critical extension": forged({**HS256, "crit": ["exp"], "b64": False}, claims()),
    "unknown critical": forged({**HS256, "crit": ["x"], "x": 1}, claims()),
    "another kind": forged({**HS256, "typ": "dpop+jwt"}, claims()),
    "over": forged(HS256, claims(exp=int(time.time()) - 61)),
    "never over": forged(HS256, {"sub": "alice"}),
    "exp no number": forged(HS256, claims(exp="soon")),
    "exp a boolean": forged(HS256, claims(exp=True)),
    "exp absurd": forged(HS256, claims(exp=1e300)),
    "not yet": forged(HS256, claims(nbf=int(time.time()) + 86_400)),
    "made in the future": forged(HS256, claims(iat=int(time.time()) + 86_400)),
    "iat no number": forged(HS256, claims(iat="now")),
    "no user": forged(HS256, {"exp": int(time.time()) + 60}),
    "user a number": forged(HS256, claims(sub=123)),
    "user a list": forged(HS256, claims(sub=[])),
    "user empty": forged(HS256, claims(sub="")),
    "user with a slash": forged(HS256, claims(sub="a/b")),
    "user with a space": forged(HS256, claims(sub="a b")),
    "user dots": forged(HS256, claims(sub="..")),
    "user too long": forged(HS256, claims(sub="x" * 129)),
    "org impossible": forged(HS256, claims(org="a/b")),
    "org a number": forged(HS256, claims(org=7)),
    "claims a list": forged(HS256, [1, 2]),
    "not base64": "a.b.c",
    "empty": "",
    "words": "hello there",
    "too long": "x" * 9000,
    "not utf-8": f"{b64(bytes([0xFF]))}.{b64(b'{}')}.{b64(b'x')}",
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_token_proves_nothing(tokens: Hs256Tokens, name: str) -> None:
    with pytest.raises(InvalidTokenError):
        await tokens.verify(BAD[name])


async def test_a_minute_of_difference_between_clocks_is_forgiven(tokens: Hs256Tokens) -> None:
    now = int(time.time())
    await tokens.verify(forged(HS256, claims(exp=now - 30, nbf=now + 30, iat=now + 30)))


async def test_a_remembered_token_still_ends(tokens: Hs256Tokens) -> None:
    token = forged(HS256, claims(exp=int(time.time()) - 58))
    await tokens.verify(token)
    time.sleep(2.1)  # noqa: ASYNC251 - nothing else runs, and the end of the token is what is waited for
    with pytest.raises(InvalidTokenError):
        await tokens.verify(token)


async def test_issuer_and_audience_are_asked_for_where_they_are_set() -> None:
    strict = Hs256Tokens(SECRET, issuer="https://id.example", audience="stories")
    await strict.verify(strict.make("alice", ttl_seconds=60))
    await strict.verify(forged(HS256, claims(iss="https://id.example", aud=["other", "stories"])))
    for wrong in (
        claims(),
        claims(iss="https://id.example"),
        claims(iss="https://id.exampl", aud="stories"),
        claims(iss="https://id.example.evil", aud="stories"),
        claims(iss="https://id.example", aud="other"),
    ):
        with pytest.raises(InvalidTokenError):
            await strict.verify(forged(HS256, wrong))


async def test_an_organisation_is_asked_for_where_it_is_required() -> None:
    strict = Hs256Tokens(SECRET, require_org=True)
    await strict.verify(strict.make("alice", ttl_seconds=60, org="acme"))
    with pytest.raises(InvalidTokenError):
        await strict.verify(strict.make("alice", ttl_seconds=60))


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="32"):
        Hs256Tokens(b"short")


def test_a_made_token_is_signed_as_the_standard_says(tokens: Hs256Tokens) -> None:
    head, body, signature = tokens.make("alice", ttl_seconds=60).split(".")
    expected = hmac.new(SECRET, f"{head}.{body}".encode(), hashlib.sha256).digest()
    assert signature == b64(expected)

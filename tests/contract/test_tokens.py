"""Which tokens are good, by RFC 8725 and the published claims, whatever signs them; and what is read from them."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from application.ports.errors import InvalidTokenError
from application.ports.people import Role
from infrastructure.identity.claims import ClaimRules
from infrastructure.identity.jwks import PublishedKeys
from infrastructure.identity.keys import SharedSecret
from infrastructure.identity.tokens import TokenMaker, Tokens
from tests.issuer import TLS, Issuer, Signer, b64, by_secret, claims, ec_key, ed_key, publishing, rsa_key

SECRET = b"a secret for tests that is long enough"
SIGNERS: dict[str, Callable[[], Signer]] = {
    "HS256": lambda: by_secret(SECRET),
    "RS256": rsa_key,
    "ES256": ec_key,
    "EdDSA": ed_key,
    "Ed25519": lambda: ed_key("ed-by-its-new-name", "Ed25519"),
}
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


@pytest.fixture(params=SIGNERS)
def signer(request: pytest.FixtureRequest) -> Signer:
    """Somebody whose tokens are good: a test is about each."""
    return SIGNERS[request.param]()


@pytest.fixture(scope="module")
async def issuer() -> AsyncIterator[Issuer]:
    """All who sign by a key of their own, at one URL."""
    async with publishing(*(make() for name, make in SIGNERS.items() if name != "HS256")) as issuer:
        yield issuer


@pytest.fixture(scope="module")
async def published(issuer: Issuer) -> AsyncIterator[PublishedKeys]:
    keys = PublishedKeys(issuer.url, tls=TLS)
    yield keys
    await keys.close()


@pytest.fixture(scope="module")
def tokens(published: PublishedKeys) -> Tokens:
    """Believes the secret, and the issuer."""
    return Tokens([SharedSecret(SECRET), published])


async def test_a_good_token_tells_who_its_user_is_and_what_is_known_of_them(tokens: Tokens, signer: Signer) -> None:
    for _ in range(2):  # the second is remembered
        read = await tokens.verify(signer.token(claims(**FULL)))
        assert (read.user, read.org, read.roles) == ("alice", "acme", frozenset({Role.SERVICE}))
        assert read.profile.username == "alice_w"
        assert read.profile.full_name == "Alice Wonder"
        assert read.profile.email == "alice@example.org"
        assert read.profile.job_title == "Explorer"


async def test_without_a_name_the_full_name_is_made_of_its_parts(tokens: Tokens) -> None:
    read = await tokens.verify(by_secret(SECRET).token(claims(given_name="Alice", family_name="Wonder")))
    assert read.profile.full_name == "Alice Wonder"


async def test_claims_that_are_no_text_tell_nothing(tokens: Tokens) -> None:
    told = claims(name=["x"], email=7, picture="a\x00b", company="x" * 3000)
    profile = (await tokens.verify(by_secret(SECRET).token(told))).profile
    assert (profile.full_name, profile.email, profile.avatar_url, profile.company) == (None, None, None, None)


@pytest.mark.parametrize("kind", [None, "JWT", "jwt", "at+jwt", "application/at+jwt"])
async def test_a_token_may_say_that_it_is_one(tokens: Tokens, signer: Signer, kind: str | None) -> None:
    await tokens.verify(signer.token(typ=kind))


async def test_what_else_a_header_says_is_not_read(tokens: Tokens, signer: Signer) -> None:
    await tokens.verify(signer.token(x5t="abc", nonce="n", cat="cl_1"))


NOW = int(time.time())
BAD_HEADERS: dict[str, dict[str, Any]] = {
    "alg none": {"alg": "none"},
    "alg None": {"alg": "None"},
    "alg HS512": {"alg": "HS512"},
    "alg PS256": {"alg": "PS256"},
    "alg ES384": {"alg": "ES384"},
    "alg RS512": {"alg": "RS512"},
    "alg Ed448": {"alg": "Ed448"},
    "alg missing": {"alg": None},
    "alg a list": {"alg": ["HS256"]},
    "alg a number": {"alg": 7},
    "unknown crit": {"crit": ["x"], "x": 1},
    "crit of a claim": {"crit": ["exp"], "exp": NOW},
    "crit empty": {"crit": []},
    "unencoded payload": {"crit": ["b64"], "b64": True},
    "typ of another kind": {"typ": "dpop+jwt"},
    "typ a list": {"typ": ["JWT"]},
    "typ empty": {"typ": ""},
    "kid a number": {"kid": 7},
    "x5c": {"x5c": ["MII"]},
    "too long a header": {"x": "x" * 2_000},
}
BAD_CLAIMS: dict[str, Any] = {
    "over": claims(exp=NOW - 120),
    "never over": claims(exp=None),
    "exp no number": claims(exp="soon"),
    "exp a boolean": claims(exp=True),
    "exp absurd": claims(exp=1e300),
    "exp NaN": b'{"sub":"alice","exp":NaN}',
    "exp a far too long number": b'{"sub":"alice","exp":1' + b"0" * 5_000 + b"}",
    "not yet": claims(nbf=NOW + 86_400),
    "nbf no number": claims(nbf="now"),
    "made in the future": claims(iat=NOW + 86_400),
    "iat no number": claims(iat="now"),
    "no user": claims(sub=None),
    "user a number": claims(sub=123),
    "user a list": claims(sub=[]),
    "user empty": claims(sub=""),
    "user with a slash": claims(sub="a/b"),
    "user with a space": claims(sub="a b"),
    "user dots": claims(sub=".."),
    "user too long": claims(sub="x" * 129),
    "org impossible": claims(org="a/b"),
    "org a number": claims(org=7),
    "a list": [1, 2],
    "a text": "alice",
    "nested": b'{"sub":' + b"[" * 2_000 + b"]" * 2_000 + b"}",
    "not UTF-8": b'{"sub":"\xff"}',
    "nothing": b"",
}


@pytest.mark.attack(2, 3)
@pytest.mark.parametrize("name", BAD_HEADERS)
async def test_a_token_under_a_bad_header_proves_nothing(tokens: Tokens, signer: Signer, name: str) -> None:
    with pytest.raises(InvalidTokenError):
        await tokens.verify(signer.token(**BAD_HEADERS[name]))


@pytest.mark.parametrize("name", BAD_CLAIMS)
async def test_a_token_of_bad_claims_proves_nothing(tokens: Tokens, signer: Signer, name: str) -> None:
    with pytest.raises(InvalidTokenError):
        await tokens.verify(signer.token(BAD_CLAIMS[name]))


@pytest.mark.attack(2)
@pytest.mark.parametrize("signature", [b"", b"x", bytes(32), bytes(64), bytes(256), b"\xff" * 64])
async def test_a_signature_that_is_none_proves_nothing(tokens: Tokens, signer: Signer, signature: bytes) -> None:
    header = {"alg": signer.algorithm, "typ": "JWT", **({"kid": signer.name} if signer.name else {})}
    for said in (header, {**header, "alg": "none"}):
        with pytest.raises(InvalidTokenError):
            await tokens.verify(signer.under(said, signature=signature))


async def test_a_signature_of_something_else_proves_nothing(tokens: Tokens, signer: Signer) -> None:
    head, _, signature = signer.token().split(".")
    with pytest.raises(InvalidTokenError):
        await tokens.verify(f"{head}.{b64(json.dumps(claims(sub='mallory')).encode())}.{signature}")


STRANGERS: dict[str, Callable[[], Signer]] = {
    "HS256": lambda: by_secret(b"another secret that is long enough"),
    "RS256": lambda: rsa_key("a stranger's"),
    "ES256": lambda: ec_key("a stranger's"),
    "EdDSA": lambda: ed_key("a stranger's"),
}


@pytest.mark.attack(3)
@pytest.mark.parametrize("name", STRANGERS)
async def test_a_stranger_proves_nothing_whatever_key_they_name(tokens: Tokens, name: str) -> None:
    stranger = STRANGERS[name]()
    for kid in ("rsa", "ec", "ed", None, stranger.name, "../../dev/null", "' UNION SELECT 'key", ""):
        with pytest.raises(InvalidTokenError):
            await tokens.verify(stranger.token(kid=kid))


@pytest.mark.attack(3)
@pytest.mark.parametrize("signed_as", ["HS256", "RS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("material", ["n", "PEM", "DER", "JWK", "JWK Set", "x of the curve", "nothing"])
async def test_what_is_public_is_no_secret(tokens: Tokens, signed_as: str, material: str) -> None:
    """A public key, in every form in which somebody may have it, does not sign as a shared secret would."""
    jwk = rsa_key().jwk
    secret = {
        "n": jwk["n"].encode(),
        "PEM": _pem(jwk),
        "DER": _pem(jwk).replace(b"-----BEGIN PUBLIC KEY-----", b"").strip(),
        "JWK": json.dumps(jwk).encode(),
        "JWK Set": json.dumps({"keys": [jwk]}).encode(),
        "x of the curve": ec_key().jwk["x"].encode(),
        "nothing": b"",
    }[material]
    for kid in ("rsa", "ec", "ed", None):
        with pytest.raises(InvalidTokenError):
            await tokens.verify(by_secret(secret).token(alg=signed_as, kid=kid))


def _pem(jwk: dict[str, Any]) -> bytes:
    from joserfc.jwk import RSAKey  # noqa: PLC0415 - what an attacker has at hand

    return RSAKey.import_key(jwk).as_pem()


async def test_a_key_signs_by_its_own_algorithm_alone(tokens: Tokens) -> None:
    """Also those of whom everybody knows everything but the private key."""
    for signer in (rsa_key(), ec_key(), ed_key()):
        for other in {"HS256", "RS256", "ES256", "EdDSA"} - {signer.algorithm}:
            with pytest.raises(InvalidTokenError):
                await tokens.verify(signer.token(alg=other))


@pytest.mark.attack(3)
@pytest.mark.parametrize("hint", ["jku", "x5u", "jwk"])
async def test_a_key_that_a_token_brings_along_is_not_looked_at(
    tokens: Tokens, issuer: Issuer, signer: Signer, hint: str
) -> None:
    elsewhere = issuer.url.replace("/jwks.json", "/elsewhere.json")
    for each in (signer, rsa_key("a stranger's")):
        with pytest.raises(InvalidTokenError):
            await tokens.verify(each.token(**{hint: each.jwk if hint == "jwk" else elsewhere}))
    assert "/elsewhere.json" not in issuer.asked


@pytest.mark.parametrize(
    "token",
    ["a.b.c", "", "..", "a", "hello there", "a.b.c.d.e", "x" * 9_000, f"{b64(b'[]')}.{b64(b'{}')}.x", "é.é.é"]
    + [
        f"{b64(head)}.{b64(b'{}')}.{b64(b'x')}"
        for head in (b"\xff", b'"alg"', b'["alg"]', b"null", b"7", b"[" * 90_000)
    ],
    ids=lambda token: token[:20] or "nothing",
)
async def test_what_is_no_token_proves_nothing(tokens: Tokens, token: str) -> None:
    with pytest.raises(InvalidTokenError):
        await tokens.verify(token)


async def test_a_minute_of_difference_between_clocks_is_forgiven(tokens: Tokens, signer: Signer) -> None:
    now = int(time.time())
    await tokens.verify(signer.token(claims(exp=now - 30, nbf=now + 30, iat=now + 30)))


async def test_a_remembered_token_still_ends(tokens: Tokens) -> None:
    ending = [make().token(claims(exp=int(time.time()) - 57)) for make in SIGNERS.values()]
    for token in ending:
        await tokens.verify(token)
    time.sleep(3.1)  # noqa: ASYNC251 - nothing else runs, and the end of the tokens is what is waited for
    for token in ending:
        with pytest.raises(InvalidTokenError):
            await tokens.verify(token)


@pytest.mark.attack(4)
async def test_issuer_and_audience_are_asked_for_where_they_are_set(published: PublishedKeys, signer: Signer) -> None:
    strict = Tokens([SharedSecret(SECRET), published], ClaimRules("https://id.example", "stories"))
    await strict.verify(signer.token(claims(iss="https://id.example", aud="stories")))
    await strict.verify(signer.token(claims(iss="https://id.example", aud=["other", "stories"])))
    for wrong in (
        claims(),
        claims(iss="https://id.example"),
        claims(aud="stories"),
        claims(iss="https://id.exampl", aud="stories"),
        claims(iss="https://id.example.evil", aud="stories"),
        claims(iss=["https://id.example"], aud="stories"),
        claims(iss="https://id.example", aud="other"),
        claims(iss="https://id.example", aud="stor"),
        claims(iss="https://id.example", aud=[["stories"]]),
    ):
        with pytest.raises(InvalidTokenError):
            await strict.verify(signer.token(wrong))


async def test_an_organisation_is_asked_for_where_it_is_required(published: PublishedKeys, signer: Signer) -> None:
    strict = Tokens([SharedSecret(SECRET), published], ClaimRules(require_org=True))
    await strict.verify(signer.token(claims(org="acme")))
    with pytest.raises(InvalidTokenError):
        await strict.verify(signer.token())


async def test_only_those_are_believed_who_are_asked(published: PublishedKeys) -> None:
    for sources, stranger in (([published], by_secret(SECRET)), ([SharedSecret(SECRET)], rsa_key())):
        with pytest.raises(InvalidTokenError):
            await Tokens(sources).verify(stranger.token())


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="32"):
        SharedSecret(b"short")


def test_a_made_token_is_signed_as_the_standard_says() -> None:
    head, body, signature = TokenMaker(SECRET).make("alice", ttl_seconds=60).split(".")
    expected = hmac.new(SECRET, f"{head}.{body}".encode(), hashlib.sha256).digest()
    assert signature == b64(expected)


async def test_a_made_token_carries_what_is_asked_for() -> None:
    made = TokenMaker(SECRET, issuer="https://id.example", audience="stories").make("alice", ttl_seconds=60, org="acme")
    strict = Tokens([SharedSecret(SECRET)], ClaimRules("https://id.example", "stories", require_org=True))
    read = await strict.verify(made)
    assert (read.user, read.org) == ("alice", "acme")
    assert (read.expires_at - read.issued_at).total_seconds() == 60

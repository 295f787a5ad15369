"""Keys at a URL: rotated, away, slow, garbage; fetched once for all, and seldom."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from application.ports.errors import InvalidTokenError, UnavailableError
from infrastructure.identity.jwks import FLOOR_SECONDS, FRESH_SECONDS, KEPT_SECONDS, PublishedKeys
from infrastructure.identity.keys import SharedSecret
from infrastructure.identity.tokens import Tokens
from tests.issuer import TLS, Issuer, Signer, by_secret, ec_key, ed_key, publishing, rsa_key

SECRET = b"a secret for tests that is long enough"


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with publishing(ec_key()) as issuer:
        yield issuer


@pytest.fixture
async def keys(issuer: Issuer, clock: Clock) -> AsyncIterator[PublishedKeys]:
    keys = PublishedKeys(issuer.url, clock=clock, tls=TLS)
    yield keys
    await keys.close()


@pytest.fixture
def tokens(keys: PublishedKeys) -> Tokens:
    return Tokens([keys])


async def refuses(tokens: Tokens, token: str) -> None:
    with pytest.raises(InvalidTokenError):
        await tokens.verify(token)


async def test_many_who_wait_ask_once(tokens: Tokens, issuer: Issuer) -> None:
    issuer.pause = 0.1
    read = await asyncio.gather(*(tokens.verify(ec_key().token(jti=str(each))) for each in range(50)))
    assert {claims.user for claims in read} == {"alice"}
    assert len(issuer.asked) == 1


async def test_who_goes_away_does_not_take_the_answer_from_the_others(tokens: Tokens, issuer: Issuer) -> None:
    issuer.pause = 0.2
    impatient = asyncio.create_task(tokens.verify(ec_key().token()))
    patient = asyncio.create_task(tokens.verify(ec_key().token()))
    await asyncio.sleep(0.05)
    impatient.cancel()
    assert (await patient).user == "alice"
    assert len(issuer.asked) == 1


async def test_a_new_key_is_found_when_a_token_names_it(tokens: Tokens, issuer: Issuer, clock: Clock) -> None:
    await tokens.verify(ec_key().token())
    issuer.publish(ec_key(), rsa_key())
    clock.pass_by(FLOOR_SECONDS)
    await tokens.verify(rsa_key().token())
    assert len(issuer.asked) == 2


async def test_names_nobody_knows_cost_one_question_in_a_while(tokens: Tokens, issuer: Issuer, clock: Clock) -> None:
    for _ in range(3):
        for each in range(100):
            await refuses(tokens, ec_key().token(kid=f"unknown {each}"))
        clock.pass_by(FLOOR_SECONDS)
    assert len(issuer.asked) <= 4


async def test_a_key_that_was_taken_out_is_no_good_after_a_while(
    tokens: Tokens, keys: PublishedKeys, issuer: Issuer, clock: Clock
) -> None:
    remembered, fresh = ec_key().token(), ec_key().token(jti="not seen before")
    await tokens.verify(remembered)
    issuer.publish(rsa_key())
    clock.pass_by(FRESH_SECONDS)
    await tokens.verify(remembered)
    clock.pass_by(1)
    await tokens.verify(remembered)  # the last: the keys are being fetched meanwhile
    await keys.settled()
    await refuses(tokens, remembered)
    await refuses(tokens, fresh)
    await tokens.verify(rsa_key().token())


async def test_a_name_that_gets_another_key_does_not_keep_the_old(
    tokens: Tokens, keys: PublishedKeys, issuer: Issuer, clock: Clock
) -> None:
    token = ec_key().token()
    await tokens.verify(token)
    issuer.publish({**ec_key("another").jwk, "kid": ec_key().name})
    clock.pass_by(FRESH_SECONDS + 1)
    await tokens.verify(token)
    await keys.settled()
    await refuses(tokens, token)


BROKEN: dict[str, tuple[bytes, int, dict[str, str]]] = {
    "away": (b"", 503, {}),
    "not there": (b"{}", 404, {}),
    "elsewhere": (b"", 302, {"Location": "/moved.json"}),
    "in trouble, and not to be believed": (json.dumps({"keys": [ed_key("of the trouble").jwk]}).encode(), 500, {}),
    "garbage": (b"<html>", 200, {}),
    "no UTF-8": (b'{"keys": ["\xff"]}', 200, {}),
    "no set": (b'{"key": []}', 200, {}),
    "a list": (b"[]", 200, {}),
    "keys a text": (b'{"keys": "none"}', 200, {}),
    "deep": (b"[" * 100_000, 200, {}),
    "10 MB": (b'{"keys": [' + b" " * 10_000_000 + b"]}", 200, {}),
    "10 MB in a few bytes": (
        gzip.compress(b'{"keys": [' + b" " * 10_000_000 + b"]}"),
        200,
        {"Content-Encoding": "gzip"},
    ),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_without_an_answer_the_keys_that_are_there_go_on(
    tokens: Tokens, keys: PublishedKeys, issuer: Issuer, clock: Clock, name: str
) -> None:
    token, good = ec_key().token(), issuer.answer
    await tokens.verify(token)
    body, status, headers = BROKEN[name]
    issuer.say(body, status, **headers)
    for _ in range(3):
        clock.pass_by(FRESH_SECONDS + 1)
        await tokens.verify(token)
        await tokens.verify(ec_key().token(jti="new"))
        await keys.settled()
    assert len(issuer.asked) == 4
    assert set(issuer.asked) == {"/jwks.json"}
    assert (await keys.problem() or "").startswith("cannot be fetched")
    issuer.answer = good
    clock.pass_by(FLOOR_SECONDS)
    assert await keys.problem() is None


@pytest.mark.parametrize("name", BROKEN)
async def test_before_the_first_answer_nothing_can_be_told(
    tokens: Tokens, keys: PublishedKeys, issuer: Issuer, clock: Clock, name: str
) -> None:
    good = issuer.answer
    body, status, headers = BROKEN[name]
    issuer.say(body, status, **headers)
    for each in range(20):
        with pytest.raises(UnavailableError):
            await tokens.verify(ec_key().token(jti=str(each)))
    assert len(issuer.asked) == 1
    assert await keys.problem()
    await refuses(tokens, ec_key().token(alg="none"))  # what no key could mend is bad at once
    issuer.answer = good
    clock.pass_by(FLOOR_SECONDS)
    await tokens.verify(ec_key().token())
    assert await keys.problem() is None


async def test_nobody_there_is_nothing_told(clock: Clock) -> None:
    keys = PublishedKeys("http://127.0.0.1:9/jwks.json", clock=clock, tls=TLS)
    with pytest.raises(UnavailableError):
        await Tokens([keys]).verify(ec_key().token())
    await keys.close()


async def test_a_secret_goes_on_without_the_issuer(clock: Clock) -> None:
    keys = PublishedKeys("http://127.0.0.1:9/jwks.json", clock=clock, tls=TLS)
    assert (await Tokens([keys, SharedSecret(SECRET)]).verify(by_secret(SECRET).token())).user == "alice"
    await keys.close()


async def test_a_slow_answer_keeps_nobody_waiting_who_has_a_key(
    tokens: Tokens, keys: PublishedKeys, issuer: Issuer, clock: Clock
) -> None:
    await tokens.verify(ec_key().token())
    issuer.pause = 30
    clock.pass_by(FRESH_SECONDS + 1)
    async with asyncio.timeout(25):
        for each in range(20):
            await tokens.verify(ec_key().token(jti=str(each)))


@pytest.mark.slow
@pytest.mark.parametrize(("pause", "drip"), [(30, 0), (0, 0.2)], ids=["late", "dripping"])
async def test_a_slow_answer_is_waited_for_some_seconds_and_no_longer(
    tokens: Tokens, issuer: Issuer, pause: float, drip: float
) -> None:
    issuer.pause, issuer.drip = pause, drip
    async with asyncio.timeout(25):
        with pytest.raises(UnavailableError):
            await tokens.verify(ec_key().token())


async def test_keys_are_kept_for_a_day_and_no_longer(
    tokens: Tokens, keys: PublishedKeys, issuer: Issuer, clock: Clock
) -> None:
    token = ec_key().token()
    await tokens.verify(token)
    issuer.say(b"", 503)
    clock.pass_by(KEPT_SECONDS)
    await tokens.verify(token)
    await keys.settled()
    clock.pass_by(FLOOR_SECONDS)
    with pytest.raises(UnavailableError):
        await tokens.verify(token)


def without(jwk: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in jwk.items() if name not in names}


UNFIT: dict[str, tuple[Signer, Any]] = {
    "for encryption": (ec_key(), {**ec_key().jwk, "use": "enc"}),
    "use a number": (ec_key(), {**ec_key().jwk, "use": 7}),
    "to sign only": (ec_key(), {**ec_key().jwk, "key_ops": ["sign"]}),
    "key_ops a number": (ec_key(), {**ec_key().jwk, "key_ops": 7}),
    "of another algorithm": (rsa_key(), {**rsa_key().jwk, "alg": "RS512"}),
    "for a shared secret": (rsa_key(), {**rsa_key().jwk, "alg": "HS256"}),
    "alg a list": (rsa_key(), {**rsa_key().jwk, "alg": ["RS256"]}),
    "of another kind": (rsa_key(), {**rsa_key().jwk, "kty": "EC"}),
    "on another curve": (ec_key(), {**ec_key().jwk, "crv": "P-384"}),
    "off the curve": (ec_key(), {**ec_key().jwk, "y": ec_key().jwk["x"]}),
    "incomplete": (ec_key(), without(ec_key().jwk, "y")),
    "of a number": (rsa_key(), {**rsa_key().jwk, "n": 7}),
    "not base64": (rsa_key(), {**rsa_key().jwk, "n": "+/=="}),
    "exponent 1": (rsa_key(), {**rsa_key().jwk, "e": "AQ"}),
    "of 1024 bits": (rsa_key("small", 1_024), rsa_key("small", 1_024).jwk),
    "private": (ed_key(), {**ed_key().jwk, "d": "x" * 43}),
    "name a number": (ed_key(), {**ed_key().jwk, "kid": 7}),
    "a secret": (by_secret(SECRET), {"kty": "oct", "k": "YSBzZWNyZXQgZm9yIHRlc3RzIHRoYXQgaXMgbG9uZyBlbm91Z2g"}),
    "a text": (ec_key(), "key"),
    "nothing": (ec_key(), None),
}


@pytest.mark.parametrize("name", UNFIT)
async def test_a_key_that_is_not_for_us_is_left_out_and_the_others_are_not(
    tokens: Tokens, keys: PublishedKeys, issuer: Issuer, name: str
) -> None:
    signer, jwk = UNFIT[name]
    issuer.say(json.dumps({"keys": [jwk, ed_key("fit").jwk]}).encode())
    await tokens.verify(ed_key("fit").token())
    await refuses(tokens, signer.token())
    await refuses(tokens, signer.token(kid=None))
    assert await keys.problem() is None


async def test_an_issuer_of_no_key_is_a_problem(tokens: Tokens, keys: PublishedKeys, issuer: Issuer) -> None:
    issuer.publish({**ec_key().jwk, "use": "enc"})
    await refuses(tokens, ec_key().token())
    assert await keys.problem() == "none is of a kind and for a use that is accepted"


@pytest.mark.parametrize("signer", [rsa_key(None), ec_key(None), ed_key(None)], ids=lambda signer: signer.algorithm)
async def test_without_a_name_the_keys_of_the_kind_are_tried(tokens: Tokens, issuer: Issuer, signer: Signer) -> None:
    issuer.publish(rsa_key(), ec_key(), ed_key(), signer)
    await tokens.verify(signer.token())
    for named in (rsa_key(), ec_key(), ed_key()):
        await tokens.verify(named.token(kid=None))
    await refuses(tokens, signer.token(kid="a name that no key has"))


@pytest.mark.parametrize(
    ("signer", "algorithm"), [(rsa_key(), "RS256"), (ec_key(), "ES256"), (ed_key(), "EdDSA"), (ed_key(), "Ed25519")]
)
async def test_a_key_may_say_what_it_is_for(tokens: Tokens, issuer: Issuer, signer: Signer, algorithm: str) -> None:
    issuer.publish({**signer.jwk, "alg": algorithm, "use": "sig", "key_ops": ["verify"], "x5t": "x", "ext": True})
    await tokens.verify(signer.token())


async def test_of_very_many_keys_the_first_hundred_are_read(tokens: Tokens, issuer: Issuer) -> None:
    issuer.publish(ec_key(), *({**ed_key().jwk, "kid": str(each)} for each in range(99)), rsa_key())
    await tokens.verify(ec_key().token())
    await refuses(tokens, rsa_key().token())


async def test_closing_ends_what_is_under_way(issuer: Issuer, clock: Clock) -> None:
    keys = PublishedKeys(issuer.url, clock=clock, tls=TLS)
    issuer.pause = 30
    waiting = asyncio.create_task(Tokens([keys]).verify(ec_key().token()))
    await issuer.heard.wait()
    await keys.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting

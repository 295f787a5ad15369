"""A service that believes an issuer: tokens signed by published keys, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from msgspec import structs

from infrastructure.container import Container
from infrastructure.settings import Settings
from tests.http.town import TLS, ok, refused
from tests.issuer import Issuer, Signer, by_secret, claims, ec_key, ed_key, publishing, rsa_key
from tests.patience import PATIENCE_SECONDS
from tests.stage import serve

pytestmark = pytest.mark.slow

FEED = "/api/story/feed/alice"


@pytest.fixture
def engine() -> str:
    """Nothing here differs between engines."""
    return "sqlite"


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with publishing(rsa_key(), ec_key(), ed_key()) as issuer:
        yield issuer


@pytest.fixture
async def client(settings: Settings, issuer: Issuer) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody at a service that has an issuer and no secret of its operator's."""
    trusting = structs.replace(settings, jwt_jwks_url=issuer.url, jwt_secret=None)
    async with (
        serve(trusting, Container(settings=trusting)) as served,
        httpx.AsyncClient(base_url=served.url, verify=TLS, timeout=PATIENCE_SECONDS) as client,
    ):
        yield client


def bearer(signer: Signer, **more: object) -> dict[str, str]:
    return {"Authorization": f"Bearer {signer.token(claims(**more))}"}


@pytest.mark.parametrize("signer", [rsa_key(), ec_key(), ed_key()], ids=lambda signer: signer.algorithm)
async def test_who_has_a_token_of_the_issuer_is_who_it_says(client: httpx.AsyncClient, signer: Signer) -> None:
    ok(await client.get(FEED, headers=bearer(signer)))
    refused(await client.get(FEED, headers=bearer(signer, sub="bob")), 403, "owner_only")
    refused(await client.get(FEED, headers=bearer(signer, exp=1)), 401, "invalid_token")
    befriended = await client.put("/api/social/users/alice/friends/bob", headers=bearer(signer, name="Alice"))
    assert befriended.status_code == 204
    friends = ok(await client.get("/api/social/users/bob/friends", headers=bearer(signer, sub="bob")))["data"][
        "friends"
    ]
    assert [friend["fullName"] for friend in friends] == ["Alice"]


async def test_a_secret_that_nobody_set_proves_nothing(client: httpx.AsyncClient, settings: Settings) -> None:
    made = structs.replace(settings, jwt_secret=None).secret()  # links are signed by it
    refused(await client.get(FEED, headers=bearer(by_secret(made))), 401, "invalid_token")


async def test_a_secret_that_was_set_is_good_beside_the_issuer(settings: Settings, issuer: Issuer) -> None:
    both = structs.replace(settings, jwt_jwks_url=issuer.url)
    async with (
        serve(both, Container(settings=both)) as served,
        httpx.AsyncClient(base_url=served.url, verify=TLS, timeout=PATIENCE_SECONDS) as client,
    ):
        for signer in (by_secret(both.secret()), ec_key()):
            ok(await client.get(FEED, headers=bearer(signer)))


async def test_until_the_issuer_answers_nothing_is_told_of_a_token(client: httpx.AsyncClient, issuer: Issuer) -> None:
    issuer.say(b"", 500)
    for _ in range(3):
        unavailable = await client.get(FEED, headers=bearer(ec_key()))
        refused(unavailable, 503, "unavailable")
        assert int(unavailable.headers["retry-after"]) > 0
        assert issuer.url not in unavailable.text
    ready = await client.get("/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert ready.json()["stores"]["jwks"] == "cannot be fetched: the answer was 500"
    assert len(issuer.asked) == 1
    refused(await client.get(FEED), 401, "unauthenticated")
    refused(await client.get(FEED, headers=bearer(by_secret(b"x" * 32))), 401, "invalid_token")


async def test_an_issuer_that_answers_is_well(client: httpx.AsyncClient) -> None:
    assert (await client.get("/health/ready")).json()["stores"]["jwks"] == "ok"

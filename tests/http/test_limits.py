"""Limits over HTTP: a flood is refused before its body is read, and who lives as people do never notices."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from dependency_injector import providers
from msgspec import structs

from infrastructure.container import Container
from infrastructure.settings import Settings
from tests.conftest import REDIS_URL, SECRET
from tests.http.conftest import Resting
from tests.http.town import Town, form, ok, refused
from tests.patience import PATIENCE_SECONDS
from tests.stage import jpeg, serve

pytestmark = pytest.mark.slow

KEEPER = ["memory", pytest.param("redis", marks=pytest.mark.redis)]


@pytest.fixture
def defaults(sqlite_template: Path, tmp_path: Path) -> Settings:
    """The limits that everybody gets. They know no engine: one is enough."""
    path = tmp_path / "stories.db"
    shutil.copy(sqlite_template, path)
    return Settings(data_dir=str(tmp_path), database_url=f"sqlite:///{path}", jwt_secret=SECRET, log_level="error")


@pytest.fixture(params=KEEPER)
def keeper(request: pytest.FixtureRequest) -> tuple[str | None, str]:
    """Where allowances are kept: URL and prefix."""
    return (None, "") if request.param == "memory" else (REDIS_URL, request.getfixturevalue("redis_prefix"))


@asynccontextmanager
async def _town(settings: Settings, **changes: Any) -> AsyncIterator[Town]:
    prefix = changes.pop("prefix", "")
    changed = structs.replace(settings, **changes)
    container = Container(settings=changed, redis_prefix=prefix, worker=providers.Object(Resting()))
    async with serve(changed, container) as served:
        town = Town(served, "limits")
        yield town
        await town.close()


async def _statuses(client: httpx.AsyncClient, path: str, times: int, method: str = "GET", **sent: Any) -> list[int]:
    return [(await client.request(method, path, **sent)).status_code for _ in range(times)]


FEED = "/api/story/feed/alice"


def limited(response: httpx.Response) -> int:
    """After how many seconds a limited request is worth another try."""
    refused(response, 429, "rate_limited")
    return int(response.headers["retry-after"])


@pytest.mark.attack(50)
async def test_a_flood_of_replies_is_refused_and_told_when_to_come_back(
    defaults: Settings, keeper: tuple[str | None, str]
) -> None:
    url, prefix = keeper
    async with _town(defaults, redis_url=url, prefix=prefix) as town:
        story = await town.post_text("alice", visibility="Public")
        bob, path = town.client("bob"), f"/api/story/{story}/replies"
        answers = [await bob.post(path, json={"content": "hi"}) for _ in range(100)]
        let_pass = [answer for answer in answers if answer.status_code == 201]
        assert 60 <= len(let_pass) < 100, "sixty at once, and one a second"
        assert limited(answers[-1]) == 1
        assert ok(await bob.get(f"/api/story/{story}"))["data"]["replyCount"] == len(let_pass)
        assert (await town.client("carol").post(path, json={"content": "hi"})).status_code == 201


@pytest.mark.attack(50)
async def test_a_thousand_stories_a_minute_are_a_flood_too(defaults: Settings) -> None:
    async with _town(defaults) as town:
        statuses = await _statuses(town.client("alice"), "/api/story/users/alice", 100, "POST", json={"content": "hi"})
        assert 60 <= statuses.count(201) < 100
        assert set(statuses) == {201, 429}


@pytest.mark.attack(50)
async def test_of_five_of_the_largest_files_at_once_one_is_refused_before_it_is_sent(defaults: Settings) -> None:
    async with _town(defaults) as town:
        content_type, start = form(('name="media"; filename="a.jpg"', jpeg()), end=False)

        async def nothing_more() -> AsyncIterator[bytes]:
            yield start
            await asyncio.Event().wait()

        async def send() -> httpx.Response:
            length = ("Content-Length", str(100 * 1_048_576))
            return await town.raw("POST", "/api/story/users/alice", content_type, length, body=nothing_more())

        sending = [asyncio.create_task(send()) for _ in range(5)]
        done, waiting = await asyncio.wait(sending, timeout=PATIENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        assert len(done) == 1
        assert limited(done.pop().result()) > 1
        for other in waiting:
            other.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_body_of_unknown_length_counts_as_the_largest(defaults: Settings) -> None:
    async with _town(defaults, rate_limit_upload_bytes=3 * 104_857_600) as town:
        chunked = ("Transfer-Encoding", "chunked"), ("Content-Type", "application/json")
        body = b'10\r\n{"content":"ab"}\r\n0\r\n\r\n'
        answers = [await town.raw("POST", "/api/story/users/alice", *chunked, body=body) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [201, 201, 201, 429]


async def test_reading_writing_and_posting_are_counted_apart(defaults: Settings) -> None:
    async with _town(defaults, rate_limit_reads=3, rate_limit_writes=3, rate_limit_posts=3) as town:
        alice = town.client("alice")
        assert (await _statuses(alice, FEED, 5)).count(200) == 3
        assert limited(await alice.post("/api/story/check-active", json=["bob"])) <= 20
        assert (await _statuses(alice, "/api/social/users/alice/mutes/bob", 5, "PUT")).count(204) == 3
        statuses = await _statuses(alice, "/api/story/users/alice", 5, "POST", json={"content": "hi"})
        assert statuses.count(201) == 3


async def test_a_service_that_acts_for_many_is_none_of_them(defaults: Settings) -> None:
    async with _town(defaults, rate_limit_reads=3, rate_limit_writes=3) as town:
        service = town.service()
        for user in range(50):
            assert (await service.put(f"/api/social/users/u{user}/friends/alice")).status_code == 204
            assert (await service.get(f"/api/story/feed/u{user}")).status_code == 200
        assert (await _statuses(service, "/api/story/users/bob/active", 20)).count(200) == 20, "for nobody"
        assert (await _statuses(service, "/api/story/users/bob/active?requestingUserId=u1", 5)).count(200) == 2


async def test_an_organisation_of_many_users_has_a_limit_too_and_pays_for_no_other(defaults: Settings) -> None:
    async with _town(defaults, rate_limit_reads=10, rate_limit_org_factor=2) as town:
        statuses = [(await town.client(f"u{user}").get(f"/api/story/feed/u{user}")).status_code for user in range(30)]
        assert statuses.count(200) == 20
        assert "organisation" in refused(await town.client("u31").get("/api/story/feed/u31"), 429)["detail"]
        assert (await town.client("u31", org="elsewhere").get("/api/story/feed/u31")).status_code == 200


async def test_who_may_name_any_organisation_does_not_get_an_allowance_in_each(defaults: Settings) -> None:
    async with _town(defaults, rate_limit_reads=5) as town:
        alice = town.client("alice")
        statuses = [(await alice.get(FEED, headers={"orgid": f"org-{n}"})).status_code for n in range(8)]
        assert statuses == [200] * 5 + [429] * 3
        bound = [town.client("alice", org=org, name=org) for org in ("one", "two")]
        assert {(await each.get(FEED)).status_code for each in bound} == {429}, "whatever else the token says"
        service = town.service()
        acting = [await service.get(FEED, headers={"orgid": f"org-{n}"}) for n in range(8)]
        assert {each.status_code for each in acting} == {200}, "a service acts for people of many organisations"


async def test_who_has_no_token_is_counted_by_address(defaults: Settings) -> None:
    async with _town(defaults, rate_limit_anonymous=5) as town:
        assert (await _statuses(town.stranger(), FEED, 8)).count(401) == 5
        forged = town.stranger(Authorization="Bearer forged")
        assert set(await _statuses(forged, FEED, 3)) == {429}
        assert (await town.client("alice").get(FEED)).status_code == 200, "those who have one are not"
        assert (await _statuses(town.stranger(), "/health/live", 20)).count(200) == 20


@pytest.mark.attack(49)
async def test_an_address_that_anybody_may_claim_is_no_way_round(defaults: Settings) -> None:
    async with _town(defaults, rate_limit_anonymous=5) as town:
        claims = [{"X-Forwarded-For": f"192.0.2.{n}", "Forwarded": f"for=192.0.2.{n}"} for n in range(8)]
        statuses = [(await town.stranger(**claim).get(FEED)).status_code for claim in claims]
        assert statuses == [401] * 5 + [429] * 3


async def test_an_address_that_a_trusted_proxy_tells_is_the_one_that_counts(defaults: Settings) -> None:
    async with _town(defaults, rate_limit_anonymous=5, trusted_proxies="127.0.0.0/8") as town:
        told = [f"192.0.2.{n}" for n in range(8)]
        statuses = [(await town.stranger(**{"X-Forwarded-For": each}).get(FEED)).status_code for each in told]
        assert set(statuses) == {401}
        one_site = [f"2001:db8:0:7::{n}" for n in range(8)]
        statuses = [(await town.stranger(**{"X-Forwarded-For": each}).get(FEED)).status_code for each in one_site]
        assert statuses == [401] * 5 + [429] * 3


async def test_a_link_is_counted_by_itself_whoever_fetches_it(defaults: Settings) -> None:
    async with _town(defaults, rate_limit_anonymous=5) as town:
        links = [
            ok(await town.client("alice").post("/api/story/users/alice", files={"media": ("a.jpg", jpeg())}), 201)
            for _ in range(2)
        ]
        one, other = (link["data"]["tempUrl"] for link in links)
        assert (await _statuses(town.stranger(), one, 7)).count(200) == 5
        assert (await town.stranger().get(other)).status_code == 200


async def test_links_that_somebody_makes_up_are_counted_by_address(defaults: Settings) -> None:
    async with _town(defaults, rate_limit_anonymous=5) as town:
        posted = ok(await town.client("alice").post("/api/story/users/alice", files={"media": ("a.jpg", jpeg())}), 201)
        link = posted["data"]["tempUrl"]
        made_up = [
            "/media/none/media",
            "/media/ABCD/media",
            *(link.replace("/media/", f"/media/{n}") for n in range(6)),
        ]
        statuses = [(await town.stranger().get(each)).status_code for each in made_up]
        assert statuses == [404] * 5 + [429] * 3
        assert (await town.stranger().get(link)).status_code == 200, "a good one counts by itself"


async def test_switched_off_nobody_is_refused(defaults: Settings) -> None:
    async with _town(defaults, rate_limit_enabled=False, rate_limit_reads=1) as town:
        assert (await _statuses(town.client("alice"), FEED, 20)).count(200) == 20


async def test_without_redis_requests_are_limited_and_none_fails(defaults: Settings) -> None:
    async with _town(defaults, redis_url="redis://127.0.0.1:1/0", rate_limit_reads=5) as town:
        statuses = await _statuses(town.client("alice"), FEED, 20)
        assert (statuses.count(200), statuses.count(429)) == (5, 15)

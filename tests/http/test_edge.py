"""The edge of the HTTP port: headers of every answer, pages of other origins, proxies, and requests that are none."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import structs

from infrastructure.container import Container
from infrastructure.settings import Settings
from tests.conftest import SECRET
from tests.http.town import NOBODY, Town, ok, refused, spoken
from tests.logs import heard
from tests.patience import PATIENCE_SECONDS
from tests.stage import serve

pytestmark = pytest.mark.slow

PAGE = "https://app.example"


@pytest.fixture
def settings(sqlite_template: Path, tmp_path: Path) -> Settings:
    """The edge knows no engine: one is enough."""
    path = tmp_path / "stories.db"
    shutil.copy(sqlite_template, path)
    return Settings(data_dir=str(tmp_path), database_url=f"sqlite:///{path}", jwt_secret=SECRET, log_level="error")


async def _town(settings: Settings, **changes: Any) -> AsyncIterator[Town]:
    changed = structs.replace(settings, **changes)
    container = Container(settings=changed)
    async with serve(changed, container) as served:
        town = Town(served, "edge")
        yield town
        await town.close()


@pytest.fixture
async def plain(settings: Settings) -> AsyncIterator[Town]:
    async for town in _town(settings):
        yield town


@pytest.fixture
async def behind(settings: Settings) -> AsyncIterator[Town]:
    """Behind a proxy on the same machine, for the pages of one origin."""
    async for town in _town(settings, trusted_proxies="127.0.0.0/8, ::1", cors_origins=PAGE):
        yield town


@pytest.mark.attack(47)
async def test_every_answer_to_somebody_is_theirs_alone_and_kept_by_nobody(plain: Town) -> None:
    story = await plain.post_text("alice")
    alice = plain.client("alice")
    answers = [
        await alice.get(f"/api/story/{story}"),
        await alice.post("/api/story/check-active", json=["bob"]),
        await alice.put("/api/social/users/alice/friends/bob"),
        await alice.get(f"/api/story/{NOBODY}"),
        await alice.get("/nothing/here"),
        await alice.delete("/api/story/users/alice"),
        await alice.get("/api/story/feed/alice/recommended", params={"limit": "0"}),
        await plain.stranger().get(f"/api/story/{story}"),
        await plain.stranger().get("/health/live"),
        await plain.stranger().get("/schema/openapi.json"),
        await plain.stranger().get("/schema"),
        await plain.stranger().get("/media/forged/media"),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 204, 404, 404, 405, 400, 401, 200, 200, 200, 404]
    for answer in answers:
        headers = answer.headers
        assert headers["cache-control"] == "no-store", answer.url
        assert headers["vary"] == "Authorization, orgid"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "default-src 'none'" in headers["content-security-policy"]
        assert not {"server", "x-powered-by"} & set(headers)


async def test_the_page_of_the_description_may_load_its_viewer_and_ask_us_and_no_more(plain: Town) -> None:
    page = await plain.stranger().get("/schema")
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert policy["script-src"] in page.text.replace("https://cdn.jsdelivr.net/", "https://cdn.jsdelivr.net /")
    assert policy["connect-src"] == "'self'"
    assert "unsafe" not in policy["script-src"]


@pytest.mark.attack(48)
async def test_without_the_setting_no_page_is_answered(plain: Town) -> None:
    for origin in ("https://evil", "null", "https://good.evil.com", "https://goodXcom"):
        asked = {"Origin": origin, "Access-Control-Request-Method": "GET"}
        answers = [
            await plain.client("alice").get("/api/story/feed/alice", headers=asked),
            await plain.stranger(**asked).options("/api/story/feed/alice"),
        ]
        refused(answers[1], 405, "method_not_allowed")
        for answer in answers:
            assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.attack(48)
async def test_a_page_of_the_origin_that_is_set_reads_answers_and_refusals(behind: Town) -> None:
    asked = await behind.stranger(Origin=PAGE).options(
        "/api/story/users/alice",
        headers={"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,orgid"},
    )
    assert (asked.status_code, asked.content) == (204, b"")
    assert asked.headers["access-control-allow-origin"] == PAGE
    assert asked.headers["x-content-type-options"] == "nosniff"

    alice = behind.client("alice")
    for answer in (
        await alice.get("/api/story/feed/alice", headers={"Origin": PAGE}),
        await alice.get(f"/api/story/{NOBODY}", headers={"Origin": PAGE}),
        await behind.stranger(Origin=PAGE).get("/api/story/feed/alice"),
    ):
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert {"Authorization", "orgid", "Origin"} == {*answer.headers["vary"].split(", ")}
    foreign = await alice.get("/api/story/feed/alice", headers={"Origin": "https://evil"})
    assert not [name for name in foreign.headers if name.startswith("access-control-")]
    refused(await behind.stranger(Origin=PAGE).options("/api/story/feed/alice"), 405)


async def test_links_are_made_for_where_the_client_is_when_a_trusted_proxy_says_so(behind: Town) -> None:
    told = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "stories.example"}
    posted = await behind.client("alice").post("/api/story/users/alice", json={"content": "hi"}, headers=told)
    ok(posted, 201)
    assert posted.headers["location"].startswith("https://stories.example/api/story/")


@pytest.mark.attack(49)
async def test_without_trusted_proxies_forwarded_headers_change_nothing(plain: Town) -> None:
    told = {
        "Forwarded": "for=192.0.2.7;proto=https;host=evil.test",
        "X-Forwarded-For": "192.0.2.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.test",
        "X-HTTP-Method-Override": "DELETE",
        "X-User-Id": "bob",
    }
    posted = await plain.client("alice").post("/api/story/users/alice", json={"content": "hi"}, headers=told)
    ok(posted, 201)
    assert posted.headers["location"].startswith(plain.url)
    card = ok(await plain.client("alice").get(posted.headers["location"], headers=told))["data"]
    assert card["userId"] == "alice"


@pytest.mark.attack(5)
async def test_a_token_in_the_query_proves_nothing_and_is_in_no_log(plain: Town) -> None:
    token = plain.token("alice")
    with heard() as logs:
        refused(await plain.stranger().get(f"/api/story/feed/alice?access_token={token}"), 401, "unauthenticated")
        ok(await plain.client("alice").get(f"/api/story/feed/alice?access_token={plain.token('bob')}"))
    lines = [line for line in logs if line["event"] == "request"]
    assert [line["route"] for line in lines] == ["/api/story/feed/{user_id}"] * 2
    assert set(lines[0]) == {"event", "log_level", "method", "route", "status", "milliseconds", "request_id"}
    assert token.rpartition(".")[2] not in repr(logs)


HOST = b"Host: stories.example\r\n"
NO_REQUESTS = {
    "two lengths of a body": b"POST /health/live HTTP/1.1\r\n%sContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    "two content lengths": b"POST /health/live HTTP/1.1\r\n%sContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
    "a chunk of no size": b"POST /health/live HTTP/1.1\r\n%sTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "a method of its own": b"STEAL /health/live HTTP/1.1\r\n%s\r\n",
    "no HTTP": b"hello?\r\n%s\r\n",
    "a NUL in a header": b"GET /health/live HTTP/1.1\r\n%sX-Name: a\0b\r\n\r\n",
}


@pytest.mark.attack(52)
@pytest.mark.parametrize("name", NO_REQUESTS)
async def test_what_is_no_request_is_refused_in_the_form_of_all_refusals(plain: Town, name: str) -> None:
    refused(await spoken(plain.url, NO_REQUESTS[name] % HOST, b"", 10), 400, "invalid_request")


async def test_headers_without_end_are_refused(plain: Town) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for number in range(1_000):
            yield b"X-%d: %s\r\n" % (number, b"x" * 1_000)
            await asyncio.sleep(0)

    answer = await spoken(plain.url, b"GET /health/live HTTP/1.1\r\n" + HOST, endless(), 10)
    refused(answer, 431, "invalid_request")


async def test_a_connection_serves_one_request_after_the_other(plain: Town) -> None:
    async with httpx.AsyncClient(base_url=plain.url, timeout=PATIENCE_SECONDS) as client:
        for _ in range(3):
            assert (await client.get("/health/live")).status_code == 200
            assert (await client.post("/health/live", content=b"x" * 100_000)).status_code == 405

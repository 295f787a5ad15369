"""Attacks that no other test makes on its way: what they learn, what they leave, and how long they are kept waiting."""

from __future__ import annotations

import logging
import re
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import httpx
import pytest
import redis.asyncio as redis_client
from msgspec import structs
from sqlalchemy import Engine, event, func, select

from domain.audience import Visibility
from infrastructure.container import Container
from infrastructure.settings import Settings
from infrastructure.sql.tables import metadata, replies
from tests.conftest import REDIS_URL
from tests.http.town import NOBODY, Town, form, ok, refused
from tests.stage import jpeg, serve

pytestmark = pytest.mark.slow

MIB = 1_048_576


@contextmanager
def _asked_of_the_database() -> Iterator[list[str]]:
    """Every statement of this process, with its parameters."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        asked.append(f"{statement} {parameters}")

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.mark.attack(7)
async def test_for_a_token_of_another_organisation_nothing_is_looked_up(town: Town) -> None:
    """In a town where nothing has ever happened, so that nobody else asks for it."""
    foreign = town.stranger(Authorization=f"Bearer {town.token('alice', org='elsewhere')}", orgid=town.org)
    with _asked_of_the_database() as asked:
        refused(await foreign.get(f"/api/story/{NOBODY}"), 403, "org_mismatch")
        refused(await foreign.delete(f"/api/story/{NOBODY}"), 403, "org_mismatch")
        assert not [statement for statement in asked if town.org in statement or "elsewhere" in statement]
        refused(await town.client("alice").get(f"/api/story/{NOBODY}"), 404, "story_not_found")
    assert [statement for statement in asked if town.org in statement]


async def _rows_of(town: Town, org: str) -> int:
    """How many rows of an organisation there are, in all tables together."""
    total = 0
    async with town.container.database().read(None) as connection:
        for table in metadata.sorted_tables:
            if "org_id" in table.c:
                counted = select(func.count()).select_from(table).where(table.c.org_id == org)
                total += (await connection.execute(counted)).scalar_one()
    return total


@pytest.mark.attack(8)
@pytest.mark.redis
async def test_an_organisation_nobody_knows_has_an_empty_list_and_leaves_nothing(
    house: Settings, redis_prefix: str
) -> None:
    shared = structs.replace(house, redis_url=REDIS_URL, rate_limit_enabled=True)
    keys = redis_client.Redis.from_url(REDIS_URL)
    async with serve(shared, Container(settings=shared, redis_prefix=redis_prefix)) as served:
        town = Town(served, "never-heard-of")
        for client in (town.client(), town.stranger(orgid="never-heard-of-either")):
            response = await client.get("/client/community/stories")
            assert (response.status_code, response.json()) == (200, [])
        assert await _rows_of(town, "never-heard-of") == await _rows_of(town, "never-heard-of-either") == 0
        assert not [key async for key in keys.scan_iter("*never-heard-of*")]
        await town.close()
    await keys.aclose()


async def _milliseconds(client: httpx.AsyncClient, story_id: str) -> float:
    started = time.perf_counter()
    refused(await client.get(f"/api/story/{story_id}"), 404, "story_not_found")
    return (time.perf_counter() - started) * 1_000


@pytest.mark.attack(16)
async def test_a_hidden_story_takes_no_longer_to_be_denied_than_none(town: Town, other: Town) -> None:
    """Ten in a hundred is the aim, and is logged; what fails is a difference that no busy machine explains."""
    ids = {
        "none": NOBODY,
        "hidden": await town.post_text("alice", visibility="OnlyMe"),
        "friends'": await town.post_text("alice", visibility="Friends"),
        "blocked": await town.post_text("blocker", visibility="Public"),
        "foreign": await other.post_text("alice", visibility="Public"),
    }
    await town.stage.block("blocker", "bob")
    bob, furthest = town.client("bob"), 1.0
    medians: dict[str, float] = {}
    for _ in range(4):
        taken: dict[str, list[float]] = {name: [] for name in ids}
        for _ in range(60):  # in turns: what slows the machine down slows all of them
            for name, story_id in ids.items():
                taken[name].append(await _milliseconds(bob, story_id))
        medians = {name: statistics.median(values) for name, values in taken.items()}
        furthest = max(abs(median / medians["none"] - 1) for median in medians.values())
        if furthest <= 0.1:
            break
    logging.getLogger(__name__).info("median milliseconds: %s", medians)
    assert furthest <= 0.5, medians


@pytest.mark.attack(22)
@pytest.mark.parametrize(
    "body", [b"[" + b'"x",' * 250_000 + b'"x"]', b'["' + b"x" * MIB + b'"]', b"{}", b"null", b'["a b"]', b"[1]"],
    ids=["very many", "one very long", "an object", "null", "no user", "a number"],
)  # fmt: skip
async def test_rings_of_what_are_no_users_are_not_told(town: Town, body: bytes) -> None:
    header, org = ("Content-Type", "application/json"), ("orgid", town.org)
    refused(await town.raw("POST", "/api/story/check-active", header, org, body=body), 400, "invalid_request")


@pytest.mark.attack(34)
async def test_nobody_replies_to_their_own_story(town: Town) -> None:
    story_id = await town.post_text("alice", visibility="Public")
    refused(await town.client("alice").post(f"/api/story/{story_id}/replies", json={"content": "I"}), 409, "own_story")
    assert await town.rows(replies) == 0


@pytest.mark.attack(35)
async def test_a_hundred_megabytes_are_no_caption(town: Town) -> None:
    header, whole = form(('name="caption"', b"@"), ('name="media"; filename="a.jpg"', jpeg()))
    before, after = whole.split(b"@", 1)

    async def body() -> AsyncIterator[bytes]:
        yield before
        for _ in range(100):
            yield b"x" * MIB
        yield after

    length = ("Content-Length", str(len(before) + 100 * MIB + len(after)))
    response = await town.raw("POST", "/api/story/users/alice", header, length, ("orgid", town.org), body=body())
    refused(response, 413, "too_large")
    assert await town.posted() == 0


@pytest.mark.attack(44)
@pytest.mark.parametrize("name", ["a\r\nSet-Cookie: x=1", 'a"; name="caption', "a\r\n\r\nmedia", "a\0b", "a\nb"])
async def test_the_name_of_a_file_ends_no_header(town: Town, name: str) -> None:
    header, body = form((f'name="media"; filename="{name}"', jpeg()))
    response = await town.raw("POST", "/api/story/users/alice", header, ("orgid", town.org), body=body)
    assert response.status_code in {201, 400, 415}, response.text
    assert "set-cookie" not in response.headers
    assert not [path for path in town.files() if "cookie" in path.lower()]


@pytest.mark.attack(51)
@pytest.mark.parametrize("page", ["*", "%", "_", "' OR 1=1 --", "lobb_", "lob%", '{"$ne": null}', "lobby\\"])
async def test_a_page_is_named_exactly_or_not_at_all(town: Town, page: str) -> None:
    await town.stage.post_text(visibility=Visibility.PUBLIC, page="lobby")
    client = town.client()
    response = await client.get("/client/community/stories", params={"page": page})
    assert (response.status_code, response.json()) == (200, []), response.text
    assert len((await client.get("/client/community/stories", params={"page": "lobby"})).json()) == 1
    assert (await client.get("/client/community/stories", params={"page": "LOBBY"})).json() == []


@pytest.mark.attack(51)
async def test_a_page_of_another_organisation_is_another_page(town: Town, other: Town) -> None:
    await other.stage.post_text(visibility=Visibility.PUBLIC, page="lobby")
    assert (await town.client().get("/client/community/stories", params={"page": "lobby"})).json() == []
    who = {"requestingUserId": "alice", "search": "%"}
    story_id = await town.post_text("alice", visibility="Public")
    ok(await town.client("bob").post(f"/api/story/{story_id}/views", json={"viewDurationSeconds": 1}))
    assert ok(await town.client("alice").get(f"/api/story/{story_id}/viewers", params=who))["data"] == []


@pytest.mark.attack(1)
async def test_no_route_that_asks_for_a_token_answers_without_one(town: Town) -> None:
    nobody, asked = town.client(), 0
    paths = (await nobody.get("/schema/openapi.json")).json()["paths"]
    for path, method in [(path, method) for path, methods in paths.items() for method in methods]:
        if {} in paths[path][method].get("security", []) or paths[path][method].get("security") == []:
            continue
        response = await nobody.request(method.upper(), re.sub(r"\{[^}]*\}", NOBODY, path))
        refused(response, 401, "unauthenticated")
        assert response.headers["www-authenticate"].startswith("Bearer"), path
        asked += 1
    assert asked > 20

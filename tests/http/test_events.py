"""Reading events over HTTP: lines of JSON, bounds, waiting, and the descriptions that anybody may read."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import jsonschema_rs
import msgspec
import pytest

from tests.http.town import Town

pytestmark = pytest.mark.slow


def service(town: Town) -> httpx.AsyncClient:
    """Another service of the town."""
    return town.client("app", roles=["service"])


def lines(response: httpx.Response) -> list[dict[str, Any]]:
    """The events of an answer."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/x-ndjson"
    assert response.headers["cache-control"] == "no-store"
    return [msgspec.json.decode(line) for line in response.content.splitlines()]


async def test_what_happened_is_read_line_by_line_and_is_as_the_schema_says(town: Town, other: Town) -> None:
    story = await town.post_text()
    await other.post_text()
    found: list[dict[str, Any]] = []
    while len(found) < 2:
        found = lines(await service(town).get("/api/events", params={"wait": 5}))
    assert [(event["type"], event["subject"], event["version"]) for event in found] == [
        ("story.created", story, 1),
        ("story.published", story, 2),
    ]
    assert {event["orgid"] for event in found} == {town.org}
    assert lines(await service(town).get("/api/events", params={"after": found[0]["position"]})) == found[1:]
    assert lines(await service(town).get("/api/events", params={"limit": 1})) == found[:1]
    assert lines(await service(town).get("/api/events", params={"after": found[1]["position"]})) == []
    schema = (await town.stranger().get("/schema/events.json")).json()
    validator = jsonschema_rs.validator_for(schema)
    assert all(validator.is_valid(event) for event in found)


async def test_who_waits_is_answered_as_soon_as_something_happens(town: Town) -> None:
    client = service(town)
    assert lines(await client.get("/api/events")) == []
    begun = time.monotonic()
    waiting = asyncio.create_task(client.get("/api/events", params={"wait": 30}))
    await asyncio.sleep(0.3)
    story = await town.post_text()
    assert story in {event["subject"] for event in lines(await waiting)}
    assert time.monotonic() - begun < 30


async def test_who_waits_in_vain_is_answered_when_the_time_is_over(town: Town) -> None:
    begun = time.monotonic()
    assert lines(await service(town).get("/api/events", params={"wait": 1})) == []
    assert 0.9 < time.monotonic() - begun < 30


@pytest.mark.parametrize(
    "query",
    [
        *("after=-1", "after=x", "after=9223372036854775808", "after=1&after=2"),
        *("limit=0", "limit=1001", "wait=-1", "wait=31", "wait=0.5"),
    ],
)
async def test_what_is_out_of_bounds_is_refused(town: Town, query: str) -> None:
    response = await service(town).get(f"/api/events?{query}")
    assert (response.status_code, response.json()["success"]) == (400, False)


async def test_nobody_but_a_service_reads_them_whatever_they_ask(town: Town) -> None:
    for user, roles in (("alice", []), ("mod", ["moderator"]), ("root", ["admin"])):
        for query in ("", "?limit=0"):
            response = await town.client(user, roles=roles).get(f"/api/events{query}")
            assert (response.status_code, response.json()["code"]) == (403, "role_required")
    assert (await town.stranger().get("/api/events")).status_code == 401


async def test_their_descriptions_are_for_everybody(town: Town) -> None:
    for path, name in (("/schema/events.json", "$defs"), ("/schema/asyncapi.json", "asyncapi")):
        response = await town.stranger().get(path)
        assert response.status_code == 200
        assert response.headers["content-type"] == "application/json"
        assert name in response.json()

"""Metrics over HTTP: how requests go and how much waits, and nobody's name."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from dependency_injector import providers
from prometheus_client.parser import text_string_to_metric_families

from application.ports.backlog import Backlog
from application.ports.errors import UnavailableError
from infrastructure.container import Container
from infrastructure.settings import Settings
from tests.conftest import SECRET
from tests.http.conftest import Resting
from tests.http.town import Town, form, refused
from tests.stage import jpeg, serve

pytestmark = pytest.mark.slow


@pytest.fixture
def settings(sqlite_template: Path, tmp_path: Path) -> Settings:
    """Metrics know no engine: one is enough."""
    path = tmp_path / "stories.db"
    shutil.copy(sqlite_template, path)
    return Settings(
        data_dir=str(tmp_path), database_url=f"sqlite:///{path}", jwt_secret=SECRET, log_level="error",
        rate_limit_posts=3,
    )  # fmt: skip


async def _town(settings: Settings, **parts: Any) -> AsyncIterator[Town]:
    resting = {name: providers.Object(Resting()) for name in ("worker", "relay", "scheduler")}
    container = Container(settings=settings, **resting, **parts)
    async with serve(settings, container) as served:
        town = Town(served, "measured")
        yield town
        await town.close()


@pytest.fixture
async def town(settings: Settings) -> AsyncIterator[Town]:
    """Where nothing is done that nobody asked for."""
    async for town in _town(settings):
        yield town


@pytest.fixture
async def forgetful(settings: Settings) -> AsyncIterator[Town]:
    """Where the database does not say what waits."""

    class Away:
        async def backlog(self) -> Backlog:
            raise UnavailableError

    async for town in _town(settings, backlog_reader=providers.Object(Away())):
        yield town


async def measured(town: Town) -> dict[tuple[str, ...], float]:
    """Every series by its name and the values of its labels, in the order of their names."""
    response = await town.stranger().get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


async def test_requests_are_counted_by_route_method_and_status(town: Town) -> None:
    story = await town.post_text("alice")
    for user in ("alice", "alice", "mallory"):
        await town.client(user).get(f"/api/Story/{story}")
    await town.client("alice").head(f"/api/story/{story}")
    await town.client("alice").get("/nothing")
    series = await measured(town)
    counted = {key[1:]: value for key, value in series.items() if key[0] == "stories_http_requests_total"}
    assert counted == {
        ("POST", "/api/story/users/{user_id}", "201"): 1,
        ("GET", "/api/story/{story_id}", "200"): 2,
        ("GET", "/api/story/{story_id}", "404"): 1,
        ("HEAD", "/api/story/{story_id}", "200"): 1,
        ("GET", "", "404"): 1,
    }


async def test_their_time_is_a_histogram(town: Town) -> None:
    await town.post_text("alice")
    name, of = "stories_http_request_duration_seconds", ("POST", "/api/story/users/{user_id}")
    series = await measured(town)
    assert series[f"{name}_count", *of] == 1
    assert 0 < series[f"{name}_sum", *of] < 30
    assert series[f"{name}_bucket", "+Inf", *of] == 1


async def test_requests_in_flight_are_those_that_are_not_answered(town: Town) -> None:
    assert (await measured(town))["stories_http_requests_in_flight",] == 1, "this one"

    async def never_ending() -> AsyncIterator[bytes]:
        yield form(('name="media"', jpeg()), end=False)[1]
        await asyncio.sleep(30)

    sent = ("Content-Type", "multipart/form-data; boundary=b0undary"), ("Content-Length", "1000000")
    sending = asyncio.create_task(town.raw("POST", "/api/story/users/alice", *sent, body=never_ending()))

    async def two() -> None:
        assert (await measured(town))["stories_http_requests_in_flight",] == 2

    await town.eventually(two)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)

    async def one() -> None:
        assert (await measured(town))["stories_http_requests_in_flight",] == 1

    await town.eventually(one)


async def test_what_waits_is_told_with_the_age_of_the_oldest(town: Town) -> None:
    story = await town.post_text("alice", duration=60)
    await town.pass_time(story, 100)
    await town.client("alice").post("/api/story/users/alice", files={"media": ("a.jpg", jpeg())})
    series = await measured(town)
    assert series["stories_waiting_known",] == 1
    assert series["stories_waiting", "overdue"] == 1
    assert 40 <= series["stories_waiting_oldest_seconds", "overdue"] < 100
    assert series["stories_waiting", "processing"] == 1
    assert series["stories_waiting", "events"] >= 2


async def test_without_the_database_the_rest_is_still_told(forgetful: Town) -> None:
    series = await measured(forgetful)
    assert series["stories_waiting_known",] == 0
    assert ("stories_waiting", "events") not in series
    assert series["stories_http_requests_in_flight",] == 1


async def test_refusals_of_the_limiter_are_counted_by_their_kind(town: Town) -> None:
    statuses = [
        (await town.client("alice").post("/api/story/users/alice", json={"content": "hi"})).status_code
        for _ in range(5)
    ]
    assert statuses == [201, 201, 201, 429, 429]
    assert (await measured(town))["stories_rate_limited_total", "uploads", "user"] == 2


async def test_nobody_is_named(town: Town) -> None:
    story = await town.post_text("alice-in-wonderland")
    await town.client("alice-in-wonderland").get(f"/api/story/{story}?access_token=secret")
    told = (await town.stranger().get("/metrics")).text
    for name in ("alice", story, town.org, "secret"):
        assert name not in told


async def test_metrics_are_read_and_nothing_else(town: Town) -> None:
    refused(await town.stranger().post("/metrics"), 405, "method_not_allowed")
    assert (await town.stranger().head("/metrics")).content == b""

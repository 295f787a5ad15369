"""One served application for the tests of a module, on each engine; each test is played in a town of its own in it."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal
from dependency_injector import providers

from infrastructure.container import Container, close
from infrastructure.settings import Settings
from tests.conftest import ENGINES, LOOP, SECRET
from tests.http.town import Town
from tests.stage import Served, serve
from tests.webhooks import Targets


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep those who share a server in one process of tests: in several, each would start one."""
    for item in items:
        if "address" in getattr(item, "fixturenames", ()) and not item.get_closest_marker("xdist_group"):
            on = getattr(item, "callspec", None)
            engine = on.params.get("engine", "") if on else ""
            item.add_marker(pytest.mark.xdist_group(f"{item.path.stem} {engine}"))


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The engine a test runs on: it runs on each."""
    return str(request.param)


@pytest.fixture(scope="module")
def house(engine: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of the served application. Nothing sweeps: what is over is over by the clock alone."""
    return house_on(engine, request, tmp_path_factory)


def house_on(engine: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """As `house`, on an engine."""
    folder = tmp_path_factory.mktemp("house")
    if engine == "sqlite":
        path: Path = folder / "stories.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        url = f"sqlite:///{path}"
    else:
        url = str(request.getfixturevalue("postgresql_database"))
    return Settings(
        data_dir=str(folder),
        database_url=url,
        jwt_secret=SECRET,
        log_level="error",
        sweep_interval_seconds=86_400,
        rate_limit_enabled=False,  # a town has few people, who do in seconds what others do in days
    )


@pytest.fixture(scope="module")
def address(house: Settings) -> Iterator[str]:
    """The application, served over real HTTP with its workers beside it, on a loop that also runs between tests."""
    container = Container(settings=house, webhook_sender=providers.Object(Targets()))  # nothing is sent anywhere
    with (
        start_blocking_portal("asyncio", LOOP) as portal,
        portal.wrap_async_context_manager(serve(house, container)) as served,
    ):
        yield served.url


@asynccontextmanager
async def _town(house: Settings, address: str) -> AsyncIterator[Town]:
    container = Container(settings=house)
    town = Town(Served(container, address), f"town-{uuid.uuid4().hex[:12]}")
    yield town
    await town.close()
    await close(container)


@pytest.fixture
async def town(house: Settings, address: str) -> AsyncIterator[Town]:
    """People who share the server with other tests, and nothing else."""
    async with _town(house, address) as town:
        yield town


@pytest.fixture
async def other(house: Settings, address: str) -> AsyncIterator[Town]:
    """Another town at the same server."""
    async with _town(house, address) as town:
        yield town


class Resting:
    """A worker that takes no work."""

    async def start(self) -> None:
        """Rest."""

    async def stop(self) -> None:
        """Rest."""


@pytest.fixture
async def sleepy(settings: Settings) -> AsyncIterator[Town]:
    """A town whose workers rest: what is uploaded stays as it came."""
    container = Container(settings=settings, worker=providers.Object(Resting()))
    async with serve(settings, container) as served:
        town = Town(served, f"sleepy-{uuid.uuid4().hex[:12]}")
        yield town
        await town.close()

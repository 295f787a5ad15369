"""One scene for each engine, set up once, at an application whose workers rest: nothing but the tests changes it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import psycopg
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from dependency_injector import providers

from infrastructure.container import Container, close
from infrastructure.settings import Settings
from tests.conftest import ENGINES, LOOP
from tests.http.authorisation.cells import Cell, all_cells
from tests.http.authorisation.play import Player
from tests.http.authorisation.scene import Renderer, Scene, set_scene
from tests.http.conftest import Resting, house_on
from tests.stage import serve


@dataclass(frozen=True)
class Theatre:
    """A scene, and where it is served."""

    scene: Scene
    url: str


@pytest.fixture(scope="session")
def cells() -> list[Cell]:
    """The whole table."""
    return all_cells()


def _resting(house: Settings) -> Container:
    rest = providers.Object(Resting())
    return Container(settings=house, worker=rest, relay=rest, scheduler=rest, renderer=providers.Object(Renderer()))


async def _scene(house: Settings, residents: list[str]) -> Scene:
    container = _resting(house)
    try:
        return await set_scene(container, residents)
    finally:
        await close(container)


@pytest.fixture(scope="package", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The engine a test runs on: it runs on each."""
    return str(request.param)


@pytest.fixture(scope="package")
def house(engine: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of the served application."""
    return house_on(engine, request, tmp_path_factory)


@pytest.fixture(scope="package")
def theatre(house: Settings, cells: list[Cell]) -> Iterator[Theatre]:
    """The application, served over real HTTP, with everybody in their place."""
    residents = [cell.request for cell in cells if not cell.state]
    with start_blocking_portal("asyncio", LOOP) as portal:
        scene = _in(portal, house, residents)
        if house.database_url and house.database_url.startswith("postgresql"):
            with psycopg.connect(house.database_url, autocommit=True) as connection:
                connection.execute("ANALYZE")  # as the server does by itself, a minute after so much was written
        with portal.wrap_async_context_manager(serve(house, _resting(house))) as served:
            yield Theatre(scene, served.url)


def _in(portal: BlockingPortal, house: Settings, residents: list[str]) -> Scene:
    return portal.call(_scene, house, list(dict.fromkeys(residents)))


@pytest.fixture(scope="package")
async def player(theatre: Theatre, house: Settings) -> AsyncIterator[Player]:
    """Who plays cells on the scene."""
    container = _resting(house)
    yield Player(container, theatre.scene, theatre.url)
    await close(container)

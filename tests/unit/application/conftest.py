"""Use cases by themselves: over SQLite, with quick adapters where bytes are rendered and workers woken."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from dependency_injector import providers

from infrastructure.container import Container, close
from infrastructure.settings import Settings
from tests.unit.application.doubles import MemoryObjects, PlainRenderer, RecordingWakeups


@pytest.fixture
def engine() -> str:
    """No server: the tests of the adapters run on each engine."""
    return "sqlite"


@pytest.fixture
def objects() -> MemoryObjects:
    """Where the bytes lie."""
    return MemoryObjects()


@pytest.fixture
def renderer() -> PlainRenderer:
    """What makes renditions."""
    return PlainRenderer()


@pytest.fixture
def wakeups() -> RecordingWakeups:
    """Who was woken."""
    return RecordingWakeups()


@pytest.fixture
async def container(
    settings: Settings, objects: MemoryObjects, renderer: PlainRenderer, wakeups: RecordingWakeups
) -> AsyncIterator[Container]:
    """Everything wired, over the doubles."""
    container = Container(
        settings=settings,
        objects=providers.Object(objects),
        renderer=providers.Object(renderer),
        wakeups=providers.Object(wakeups),
    )
    yield container
    await close(container)

"""Shared fixtures: an engine, a wired container over it, and a served application, for each test anew."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import hypothesis
import psycopg
import pytest
import redis as redis_client
from psycopg import sql
from sqlalchemy import make_url

from infrastructure.container import Container, close
from infrastructure.settings import Settings
from infrastructure.sql.migrate import migrate
from tests.logs import keep_quiet
from tests.stage import Served, Stage, serve

POSTGRES_URL = os.environ.get("TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
REDIS_URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/0")
# Quick while one works, thorough in CI; a busy machine is no failure.
hypothesis.settings.register_profile("quick", max_examples=40, deadline=None)
hypothesis.settings.register_profile("thorough", max_examples=200, deadline=None)
hypothesis.settings.load_profile("thorough" if os.environ.get("CI") else "quick")
keep_quiet()

SECRET = "a secret for tests that is long enough"

LOOP = {"use_uvloop": find_spec("uvloop") is not None}
"""The event loop that the service runs on."""
ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


FIRST: Final = {"e2e": 0, "chaos": 0, "http": 1}
"""Folders whose tests take longest."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long; who mostly waits for processes does so in one process, while others compute."""
    here = Path(__file__).parent
    items.sort(key=lambda item: FIRST.get(item.path.relative_to(here).parts[0], len(FIRST)))
    for item in items:
        if item.get_closest_marker("e2e") and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group("e2e"))


def pytest_collection_finish() -> None:
    """Look no more at what is there for good whenever memory is tidied: that took a sixth of the time of tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """All tests run on asyncio, as the service does."""
    return "asyncio", LOOP


def missing(server: str, reason: object) -> None:
    """Skip a test whose server is not there; in CI it must be."""
    message = f"{server} is not reachable: {reason}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty database to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgresql_database() -> Iterator[str]:
    """A migrated database of this test process alone; dropped at the end."""
    name = f"stories_test_{uuid.uuid4().hex[:12]}"
    try:
        connection = psycopg.connect(POSTGRES_URL, autocommit=True, connect_timeout=30)
    except psycopg.OperationalError as error:
        missing("PostgreSQL", error)
        raise
    with connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        # What survives a crash of the server is no matter here; tests/chaos has a server of its own for that.
        connection.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(name)))
    url = make_url(POSTGRES_URL).set(database=name).render_as_string(hide_password=False)
    migrate(url)
    yield url
    with psycopg.connect(POSTGRES_URL, autocommit=True) as again:
        again.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The engine a test runs on: it runs on each."""
    return str(request.param)


@pytest.fixture
def database_url(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A migrated, empty database on the engine."""
    if engine == "sqlite":
        path = tmp_path / "stories.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        return f"sqlite:///{path}"
    url = str(request.getfixturevalue("postgresql_database"))
    with psycopg.connect(url, autocommit=True) as connection:
        _empty(connection)
    return url


def _empty(connection: psycopg.Connection) -> None:
    """Empty all tables. To look into each costs less than to truncate it, and most have nothing in them."""
    tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    names = [name for (name,) in tables if name != "alembic_version"]
    looks = (
        sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(sql.Literal(name), sql.Identifier(name))
        for name in names
    )
    filled = connection.execute(sql.SQL(" UNION ALL ").join(looks)).fetchall()
    if filled:
        found = sql.SQL(", ").join(sql.Identifier(name) for (name,) in filled)
        connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(found))


@pytest.fixture
def redis_prefix() -> Iterator[str]:
    """A prefix of this test's own for keys in Redis; they are deleted at the end."""
    client = redis_client.Redis.from_url(REDIS_URL, socket_timeout=30)
    try:
        client.ping()
    except redis_client.RedisError as error:
        missing("Redis", error)
    prefix = f"stories-test-{uuid.uuid4().hex[:12]}:"
    yield prefix
    for key in client.scan_iter(f"{prefix}*"):
        client.delete(key)
    client.close()


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings of the embedded default, on the engine at hand."""
    return Settings(
        data_dir=str(tmp_path),
        database_url=database_url,
        jwt_secret=SECRET,
        log_level="error",
        rate_limit_enabled=False,
    )


@pytest.fixture
async def container(settings: Settings) -> AsyncIterator[Container]:
    """Everything wired, on the engine at hand."""
    container = Container(settings=settings)
    yield container
    await close(container)


@pytest.fixture
async def stage(container: Container) -> Stage:
    """People, stories and time, through the use cases; nothing is served."""
    return Stage(container)


@pytest.fixture
async def served(settings: Settings) -> AsyncIterator[Served]:
    """The application, served over real HTTP on a free port of this machine, with its workers beside it."""
    container = Container(settings=settings)
    async with serve(settings, container) as served:
        yield served
    await asyncio.sleep(0)

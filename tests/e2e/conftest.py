"""Servers of the test's own: a Redis that is started for it, a database that is dropped after it."""

from __future__ import annotations

import random
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import psycopg
import pytest
import redis as redis_client
from PIL import Image
from psycopg import sql
from sqlalchemy import make_url

from infrastructure.container import REDIS_PREFIX
from tests.conftest import POSTGRES_URL, REDIS_URL, missing
from tests.processes import eventually, free_port

_SPARE_DATABASE = "9"
"""Of the shared Redis, where none can be started."""


@pytest.fixture(scope="session")
def big_picture() -> bytes:
    """A photo of 24 Mpx that no decoder is quick with: noise."""
    width, height = 6_000, 4_000
    noise = Image.frombytes("RGB", (width, height), random.Random(1).randbytes(3 * width * height))
    file = BytesIO()
    noise.save(file, "JPEG", quality=60, progressive=True)
    return file.getvalue()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[str]:
    """The URL of a Redis that no other test uses."""
    program = shutil.which("redis-server")
    if program is None:
        yield from _spare_redis()
        return
    port = free_port()
    folder = tmp_path / "redis"
    folder.mkdir()
    server = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--appendonly", "no"],
        stdout=subprocess.DEVNULL,
    )
    try:
        with redis_client.Redis(port=port, socket_timeout=30) as client:
            eventually(lambda: _answers(client), "Redis answers")
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def own_database() -> Iterator[str]:
    """The URL of an empty database; what still uses it at the end is disconnected."""
    name = f"stories_e2e_{uuid.uuid4().hex[:12]}"
    try:
        connection = psycopg.connect(POSTGRES_URL, autocommit=True, connect_timeout=30)
    except psycopg.OperationalError as error:
        missing("PostgreSQL", error)
        raise
    with connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield make_url(POSTGRES_URL).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(POSTGRES_URL, autocommit=True) as again:
        again.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _spare_redis() -> Iterator[str]:
    url = make_url(REDIS_URL).set(database=_SPARE_DATABASE).render_as_string(hide_password=False)
    with redis_client.Redis.from_url(url, socket_timeout=30) as client:
        if not _answers(client):
            missing("Redis", "no redis-server to start, and none at TEST_REDIS_URL")
        _clear(client)
        yield url
        _clear(client)


def _answers(client: redis_client.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis_client.RedisError:
        return False


def _clear(client: redis_client.Redis) -> None:
    for key in client.scan_iter(f"{REDIS_PREFIX}*"):
        client.delete(key)

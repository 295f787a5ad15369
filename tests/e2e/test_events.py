"""Events, from the commit to another service: over processes of their own, and over a Redis that is wiped."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as redis_client

from tests.conftest import SECRET
from tests.e2e.test_distributed import all_ready
from tests.processes import Client, Start, environment, eventually, processes, run

pytestmark = [pytest.mark.e2e, pytest.mark.postgres, pytest.mark.redis, pytest.mark.slow]

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.fixture
def env(tmp_path: Path, own_redis: str, own_database: str) -> dict[str, str]:
    """What all parts share."""
    env = environment(tmp_path, database_url=own_database, redis_url=own_redis, jwt_secret=SECRET, port="0")
    assert run("migrate", env=env).returncode == 0
    return env


@pytest.fixture
def start(env: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Starts parts of the service."""
    with processes(env, tmp_path / "logs") as start:
        yield start


def test_the_consumer_of_the_examples_hears_of_everything_also_after_redis_was_wiped(
    env: dict[str, str], start: Start, tmp_path: Path, own_redis: str
) -> None:
    server, *_ = all_ready(*(start(part) for part in ("serve", "relay")))
    alice = Client(server, env, "alice")
    said = tmp_path / "consumer.out"
    with said.open("w") as out, redis_client.Redis.from_url(own_redis) as redis:
        consumer = subprocess.Popen([sys.executable, EXAMPLES / "consumer.py"], env=env, stdout=out)
        try:
            first = alice.post_text()
            eventually(lambda: f"story.published {first}" in said.read_text(), "the first is told")
            redis.flushall()
            second = alice.post_text()
            eventually(lambda: f"story.published {second}" in said.read_text(), "the second is told")
            entries: Any = redis.xrange("stories:events")
            assert [int(entry.partition(b"-")[0]) for entry, _ in entries] == [1, 2, 3, 4], "all are there again"
        finally:
            consumer.kill()
            consumer.wait()
    assert said.read_text().splitlines() == [
        f"default {kind} {story}" for story in (first, second) for kind in ("story.created", "story.published")
    ]
    alice.close()

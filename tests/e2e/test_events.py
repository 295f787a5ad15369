"""Events, from the commit to another service: over processes of their own, and over a Redis that is wiped."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
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


class Consumer:
    """A consumer of the examples, and whatever starts it again when it ends."""

    def __init__(self, example: str, env: dict[str, str], folder: Path) -> None:
        self._command, self._env = [sys.executable, str(EXAMPLES / example)], env
        self._said = folder / f"{example}.out"
        self._run()

    @property
    def said(self) -> list[str]:
        """What it has said until now, each time it ran."""
        return self._said.read_text().splitlines()

    def hears(self, story: str) -> None:
        """Wait until it says that a story was published."""
        eventually(lambda: self._restarted() and f"default story.published {story}" in self.said, f"{story} is told")

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()

    def _restarted(self) -> bool:
        code = self._process.poll()
        if code is not None:
            assert code == 0, f"{self._command}: {code}"
            self._run()
        return True

    def _run(self) -> None:
        with self._said.open("a") as out:
            self._process = subprocess.Popen(self._command, env=self._env, stdout=out)


def test_consumers_of_the_examples_hear_of_everything_also_after_redis_was_wiped(
    env: dict[str, str], start: Start, tmp_path: Path, own_redis: str
) -> None:
    server, *_ = all_ready(*(start(part) for part in ("serve", "relay")))
    alice = Client(server, env, "alice")
    with (
        closing(Consumer("consumer.py", env, tmp_path)) as plain,
        closing(Consumer("faststream_consumer.py", env, tmp_path)) as framed,
        redis_client.Redis.from_url(own_redis) as redis,
    ):
        first = alice.post_text()
        for consumer in (plain, framed):
            consumer.hears(first)
        redis.flushall()
        second = alice.post_text()
        for consumer in (plain, framed):
            consumer.hears(second)
        entries: Any = redis.xrange("stories:events")
        assert [int(entry.partition(b"-")[0]) for entry, _ in entries] == [1, 2, 3, 4], "all are there again"
        told = [
            [f"default {kind} {story}" for kind in ("story.created", "story.published")] for story in (first, second)
        ]
        assert plain.said == told[0] + told[1]
        assert framed.said == told[0] + told[0] + told[1], "what it had seen it forgot when it ended"
    alice.close()

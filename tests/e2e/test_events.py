"""Events, from the commit to another service: over processes of their own, and over a Redis that is wiped."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import redis as redis_client

from tests.conftest import SECRET
from tests.e2e.test_distributed import all_ready
from tests.patience import PATIENCE_SECONDS
from tests.processes import Client, Start, environment, eventually, free_port, processes, run

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


def test_the_receiver_of_the_examples_gets_everything_in_order_though_a_relay_is_killed_over_it(
    env: dict[str, str], start: Start, tmp_path: Path, own_database: str
) -> None:
    near = {"webhook_networks": "127.0.0.0/8"}
    server, relay = all_ready(start("serve", **near), start("relay", **near, failpoint="webhook.after_send:kill:1/2"))
    port, alice = free_port(), Client(server, env, "alice")
    app = {"Authorization": f"Bearer {run('token', 'app', '--role', 'service', env=env).stdout.strip()}"}
    body = {"url": f"http://127.0.0.1:{port}/stories"}
    hook = httpx.post(f"{server.url}/api/webhooks", json=body, headers=app, timeout=30, trust_env=False).json()["data"]
    said = tmp_path / "receiver.out"
    with said.open("w") as out:
        receiver = subprocess.Popen(
            [sys.executable, EXAMPLES / "receiver.py"],
            env={**env, "WEBHOOK_SECRET": hook["secret"], "RECEIVER_PORT": str(port)},
            stdout=out,
            stderr=subprocess.DEVNULL,
        )
        try:
            first = alice.post_text()
            assert relay.exit_code(PATIENCE_SECONDS) == -9, "it dies with an event sent, and nothing written"
            with psycopg.connect(own_database) as database:  # its lease would end by itself, in half a minute
                database.execute("UPDATE webhooks SET leased_until = NULL")
            start("relay", **near).ready()
            second = alice.post_text()
            eventually(lambda: f"story.published {second}" in said.read_text(), "the second is told")
        finally:
            receiver.kill()
            receiver.wait()
    assert said.read_text().splitlines() == [
        f"{kind} {story}" for story in (first, second) for kind in ("story.created", "story.published")
    ]
    alice.close()

"""A request sent again is carried out once, also over the death of the server that was carrying it out."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.conftest import ENGINES
from tests.patience import PATIENCE_SECONDS
from tests.processes import Process, Start, environment, eventually, free_port, processes, run

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

KEYS = 200
COPIES = 8
AT_ONCE = 2 * COPIES


@pytest.fixture(params=ENGINES)
def env(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Settings of one process that does everything, on either database."""
    settings = {"port": str(free_port()), "rate_limit_enabled": "false", "log_level": "error"}
    if request.param == "postgresql":
        settings["database_url"] = request.getfixturevalue("own_database")
        assert run("migrate", env=environment(tmp_path / "data", **settings)).returncode == 0
    return environment(tmp_path / "data", **settings)


@pytest.fixture
def start(env: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Starts parts of the service."""
    with processes(env, tmp_path / "logs") as start:
        yield start


class Sender:
    """Sends each of many requests several times at once, and again until it is answered."""

    def __init__(self, server: Process, env: dict[str, str]) -> None:
        token = run("token", "alice", env=env).stdout.strip()
        limits = httpx.Limits(max_connections=AT_ONCE)
        self._http = httpx.Client(
            base_url=server.url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=PATIENCE_SECONDS,
            trust_env=False,
            limits=limits,
        )
        self._lock = threading.Lock()
        self.ids: dict[str, set[str]] = defaultdict(set)
        self.answered = self.broken = self.replayed = 0

    def send_all(self) -> None:
        """Send them all."""
        with ThreadPoolExecutor(AT_ONCE) as threads:
            for _ in threads.map(self._send, [f"key {number}" for number in range(KEYS) for _ in range(COPIES)]):
                pass

    def stories(self) -> int:
        """How many stories there are."""
        page = self._http.get("/api/story/users/alice/history", params={"pageSize": 1}).json()
        return int(page["data"]["totalCount"])

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def _send(self, key: str) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not self._answered(key):
            assert time.monotonic() < end, f"no answer to {key}"
            time.sleep(0.05)

    def _answered(self, key: str) -> bool:
        try:
            answer = self._http.post(
                "/api/story/users/alice", json={"content": f"The story of {key}"}, headers={"Idempotency-Key": key}
            )
        except httpx.TransportError:
            with self._lock:
                self.broken += 1
            return False
        if answer.status_code == 409 and answer.json()["code"] == "request_in_progress":
            return False
        assert answer.status_code == 201, answer.text
        with self._lock:
            self.answered += 1
            self.replayed += "idempotency-replayed" in answer.headers
            self.ids[key].add(answer.json()["data"]["storyId"])
        return True


def test_eight_copies_of_two_hundred_requests_make_two_hundred_stories_whoever_is_killed(
    env: dict[str, str], start: Start
) -> None:
    server = start("serve").ready()
    sender = Sender(server, env)
    aside = ThreadPoolExecutor(1)
    sending = aside.submit(sender.send_all)
    eventually(lambda: sender.answered > KEYS * COPIES // 3, "a third is answered", seconds=PATIENCE_SECONDS)
    server.kill()
    assert sender.answered < KEYS * COPIES, "otherwise this test shows nothing"
    start("serve").ready()
    sending.result()

    assert sender.broken, "otherwise this test shows nothing"
    assert {key: len(ids) for key, ids in sender.ids.items()} == {f"key {number}": 1 for number in range(KEYS)}
    assert sender.answered == KEYS * COPIES
    assert sender.stories() == KEYS
    assert len({story for ids in sender.ids.values() for story in ids}) == KEYS
    assert sender.replayed >= KEYS * (COPIES - 1), "the first answer may have been lost with its server"
    aside.shutdown()
    sender.close()

"""A flood over several servers is one flood."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.patience import PATIENCE_SECONDS
from tests.processes import Process, environment, processes, run

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.postgres, pytest.mark.redis]

A_MINUTE = 120
EACH = 300


def test_two_servers_let_hardly_more_pass_than_one(own_database: str, own_redis: str, tmp_path: Path) -> None:
    env = environment(
        tmp_path / "data", database_url=own_database, redis_url=own_redis, port="0", rate_limit_reads=str(A_MINUTE)
    )
    assert run("migrate", env=env).returncode == 0
    token = run("token", "alice", env=env).stdout.strip()

    def flood(server: Process) -> Counter[int]:
        with httpx.Client(
            base_url=server.url, headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE_SECONDS, trust_env=False
        ) as client:
            return Counter(client.get("/api/story/users/alice/active").status_code for _ in range(EACH))

    with processes(env, tmp_path / "logs") as start, ThreadPoolExecutor(2) as threads:
        servers = [server.ready() for server in (start("serve"), start("serve"))]
        begun = time.monotonic()
        statuses: Counter[int] = sum(threads.map(flood, servers), Counter())
        seconds = time.monotonic() - begun

    assert set(statuses) == {200, 429}
    come_back = A_MINUTE / 60 * seconds
    assert A_MINUTE <= statuses[200] < A_MINUTE * 1.5 + come_back, "by themselves they would let pass twice as many"

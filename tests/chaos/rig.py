"""The rig: every part of the service as a process, and servers of its own, that are killed and hung at random."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import httpx

from application.failpoints import Failpoint
from tests.chaos.hook import Hook
from tests.chaos.servers import OwnPostgres, OwnRedis
from tests.processes import Process, environment, free_port, run

PARTS: Final = ("serve", "worker", "relay", "scheduler")
PASSED_BY: Final = {
    "serve": ("upload", "create", "once", "delete"),
    "worker": ("media", "cleanup"),
    "relay": ("relay", "sequence", "stream", "webhook"),
    "scheduler": ("sweep", "cleanup"),
}
"""Which failpoints a part passes, by what their names begin with."""


class Rig:
    """Servers, the parts of the service over them, and who ends them.

    Attributes:
        hook: who is told of everything by a webhook.
        kills: how often what was ended, by part, or server, and how.
    """

    def __init__(self, folder: Path, seed: int, fault: str | None = None) -> None:
        self._folder, self._fault = folder, fault
        self.random = random.Random(seed)
        self.kills: Counter[str] = Counter()
        self.postgres, self.redis = OwnPostgres(folder / "postgres"), OwnRedis(folder / "redis")
        self.port = free_port()
        self.env = environment(
            folder / "data",
            database_url=self.postgres.url,
            redis_url=self.redis.url,
            port=str(self.port),
            sweep_interval_seconds="0.5",
            rate_limit_enabled="false",
            log_level="warning",
            webhook_networks="127.0.0.0/8",
        )
        assert run("migrate", env=self.env).returncode == 0
        self._parts: dict[str, Process] = {}
        self.hook = Hook()

    @property
    def url(self) -> str:
        """Where it is served."""
        return f"http://127.0.0.1:{self.port}"

    def token(self, user: str, *options: str) -> str:
        """A token, as `stories token` prints it."""
        return run("token", user, *options, env=self.env).stdout.strip()

    def make_webhook(self) -> None:
        """From now on, the hook is told."""
        self._parts["serve"].ready()
        headers = {"Authorization": f"Bearer {self.token('app', '--role', 'service')}"}
        made = httpx.post(
            f"{self.url}/api/webhooks", json={"url": self.hook.url}, headers=headers, timeout=30, trust_env=False
        )
        assert made.status_code == 201, made.text

    def start(self, part: str, failpoint: str = "") -> None:
        """Start a part; half a minute after another, as far as its leases of webhooks are concerned."""
        if part == "relay":
            self.postgres.rows("UPDATE webhooks SET leased_until = NULL RETURNING id")
        env = {**self.env, "STORIES_FAILPOINT": failpoint}
        before = f"tests.chaos.faults:{self._fault}" if self._fault else ""
        self._parts[part] = Process(part, env, self._folder / "logs", before=before)

    def start_all(self) -> None:
        """Start every part, none with a failpoint."""
        for part in PARTS:
            self.start(part)

    async def disturb(self, kills: int, *, pace: float) -> None:
        """End this and that, so often; ``pace`` is seconds between two."""
        while sum(self.kills.values()) < kills:
            await asyncio.sleep(self.random.uniform(0.5, 1.5) * pace)
            for part in PARTS:
                if not self._parts[part].lives:  # at its failpoint
                    self.kills[f"{part} at a failpoint"] += 1
                    self.start(part, self._failpoint(part))
            await asyncio.to_thread(self._strike, self.random.choice((*PARTS * 5, "redis", "postgres", "hang")))

    def _strike(self, what: str) -> None:
        if what in {"redis", "postgres"}:
            server = self.redis if what == "redis" else self.postgres
            server.crash()
            server.start()
        elif what == "hang":
            part = self.random.choice(PARTS)
            if self._parts[part].lives:
                os.kill(self._parts[part].pid, signal.SIGSTOP)
                time.sleep(1)
                os.kill(self._parts[part].pid, signal.SIGCONT)
        else:
            self._parts[what].kill()
            self.start(what, self._failpoint(what))
        self.kills[what] += 1

    def _failpoint(self, part: str) -> str:
        if self.random.random() < 0.5:
            return ""
        mine = [each for each in Failpoint if each.partition(".")[0] in PASSED_BY[part]]
        return f"{self.random.choice(mine)}:kill:1/{self.random.randint(2, 12)}"

    def heal(self) -> None:
        """Start every part anew, with nothing in their way."""
        for part in self._parts.values():
            part.kill()
        self.start_all()

    def close(self) -> None:
        """End everything."""
        with ExitStack() as ends:
            for end in (self.postgres.crash, self.redis.crash, self.hook.close):
                ends.callback(end)
            for part in self._parts.values():
                ends.callback(part.kill)

    def stream(self) -> list[dict[str, Any]]:
        """The events of the stream, oldest first."""
        with self.redis.client() as client:
            return [json.loads(fields[b"data"]) for _, fields in client.xrange("stories:events")]

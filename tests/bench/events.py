"""Whether events hold what is promised of them, by the hundred thousand: ``make bench-events``.

1. ``EVENTS`` (100,000) are written by writers who take up to two seconds before they commit, while two relays publish
   them: whoever reads them by ``GET /api/events``, or from the stream, has each once, and those of a story in order.
2. ``STORIES`` (10,000) are over, and eight sweepers archive them side by side: that is told once of each.
3. Redis is wiped each second for ``WIPED_SECONDS`` (120), and then away: answers are those of a service that has none.

Each on servers of its own, which it starts. Ends with 1 if a promise is not kept.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import redis.asyncio as redis_client

from domain.values import OrgId, StoryId
from infrastructure.container import Container, close
from infrastructure.ids import new_id
from infrastructure.settings import Settings
from infrastructure.sql.database import Database
from infrastructure.sql.unit_of_work import SqlUnitOfWork
from tests.bench.sweepers import archived, make_over, sweep
from tests.bench.wiped import wiped
from tests.bench.writers import Event, Writing, compared, written
from tests.chaos.servers import OwnPostgres, OwnRedis
from tests.processes import Start, environment, processes, run
from tests.stage import Stage

EVENTS: Final = int(os.environ.get("EVENTS", "100000"))
STORIES: Final = int(os.environ.get("STORIES", "10000"))
WIPED_SECONDS: Final = float(os.environ.get("WIPED_SECONDS", "120"))
HOLD_SECONDS: Final = 2.0
WRITERS: Final = 54
"""As many as three processes have connections for, less a few."""
SWEEPERS: Final = 8
_SECRET: Final = "a secret that is good enough for a bench"
_ORG: Final = OrgId("default")
_STREAM: Final = "stories:events"
_GROUP: Final = "bench"


class Servers(NamedTuple):
    """A PostgreSQL that is migrated and empty, a Redis, and the settings of what works with them."""

    postgres: OwnPostgres
    redis: OwnRedis
    env: dict[str, str]
    start: Start


@contextmanager
def servers() -> Iterator[Servers]:
    """Start servers of our own; whatever was started ends with them."""
    with tempfile.TemporaryDirectory(prefix="stories-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user
        postgres, redis = OwnPostgres(folder / "postgres"), OwnRedis(folder / "redis")
        env = environment(
            folder / "data",
            database_url=postgres.url,
            redis_url=redis.url,
            port="0",
            sweep_interval_seconds="0.5",
            rate_limit_enabled="false",
            jwt_secret=_SECRET,
        )
        try:
            assert run("migrate", env=env).returncode == 0
            with processes(env, folder / "logs") as start:
                yield Servers(postgres, redis, env, start)
        finally:
            redis.crash()
            postgres.crash()


class Reading:
    """Somebody who reads events, and when they had them."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.at: list[float] = []

    def hear(self, told: Sequence[dict[str, Any]]) -> None:
        """They have these now."""
        self.events += map(Event.heard, told)
        self.at += [time.monotonic()] * len(told)

    def lags(self, writing: Writing) -> list[float]:
        """How long after its commit each event was there, in seconds, the quickest first."""
        had = zip(self.events, self.at, strict=True)
        return sorted(at - writing.committed[event.subject, event.version or 0] for event, at in had)


async def ask(url: str, token: str, reading: Reading, over: asyncio.Event) -> None:
    """Read by `GET /api/events` until the writers are done and nothing comes any more."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60, trust_env=False) as client:
        position, done = 0, False
        while not done:
            ended = over.is_set()
            answer = await client.get("/api/events", params={"after": position, "limit": 1_000, "wait": 3})
            told = [json.loads(line) for line in answer.raise_for_status().content.splitlines()]
            reading.hear(told)
            position = told[-1]["position"] if told else position
            done = ended and not told


async def follow(url: str, reading: Reading, over: asyncio.Event) -> None:
    """Read from the stream as a consumer of a group, until the writers are done and nothing comes any more."""
    async with redis_client.Redis.from_url(url, decode_responses=True, socket_timeout=60) as redis:
        await redis.xgroup_create(_STREAM, _GROUP, id="0", mkstream=True)
        done = False
        while not done:
            ended = over.is_set()
            read: Any = await redis.xreadgroup(_GROUP, "one", {_STREAM: ">"}, count=1_000, block=3_000)
            for _, entries in read:
                reading.hear([json.loads(fields["data"]) for _, fields in entries])
                await redis.xack(_STREAM, _GROUP, *(entry for entry, _ in entries))
            done = ended and not read


async def read_while_written(here: Servers) -> bool:
    """Write, and read meanwhile; whether the promise was kept."""
    server, *relays = (here.start(part) for part in ("serve", "relay", "relay"))
    for part in (server, *relays):
        part.ready()
    token = run("token", "app", "--role", "service", env=here.env).stdout.strip()
    databases = [Database(here.postgres.url) for _ in range(3)]
    units = [SqlUnitOfWork(database, new_id, lambda: None) for database in databases]
    writing, over = Writing(_ORG, events=EVENTS, hold_seconds=HOLD_SECONDS), asyncio.Event()
    asked, followed = Reading(), Reading()
    reading = [
        asyncio.create_task(each)
        for each in (ask(server.url, token, asked, over), follow(here.redis.url, followed, over))
    ]
    began = time.monotonic()
    await writing.run(units[number % len(units)] for number in range(WRITERS))
    seconds = time.monotonic() - began
    over.set()
    await asyncio.gather(*reading)
    kept = await written(databases[0])
    for database in databases:
        await database.close()
    print(f"{len(kept)} events, {writing.transactions} transactions of {WRITERS} writers, in {seconds:.0f} s")
    right = len(kept) == len(writing.committed) == EVENTS
    for name, by in (("GET /api/events", asked), ("the stream", followed)):
        found, lags = compared(by.events, kept), by.lags(writing)
        right = right and not any(found)
        shown = ", ".join(f"{count} {what}" for what, count in found._asdict().items())
        print(
            f"  {name:16} {len(by.events)} read: {shown};"
            f" {_part(lags, 0.5):.0f} ms after the commit, 99 %: {_part(lags, 0.99):.0f} ms"
        )
    return right


def sweep_side_by_side(here: Servers) -> bool:
    """Archive what is over with eight sweepers; whether each was archived once."""
    make_over(here.postgres.url, asyncio.run(_posted(here)), STORIES)
    program = (sys.executable, "-m", "tests.bench.events", here.postgres.url)
    sweepers = [
        subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(SWEEPERS)
    ]
    for each in sweepers:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    began = time.monotonic()
    for each in sweepers:
        assert each.stdin is not None
        each.stdin.write("now\n")
        each.stdin.flush()
    shares = [int(each.communicate()[0]) for each in sweepers]
    seconds = time.monotonic() - began
    found = archived(here.postgres.url)
    print(f"{STORIES} stories that are over, {SWEEPERS} sweepers, in {seconds:.0f} s")
    print(f"  archived {found.stories}, told {found.events} times, of {found.told}; shares {sorted(shares)}")
    return found == (STORIES, STORIES, STORIES) and sum(shares) == STORIES


async def _posted(here: Servers) -> StoryId:
    settings = Settings(database_url=here.postgres.url, data_dir=here.env["STORIES_DATA_DIR"], jwt_secret=_SECRET)
    container = Container(settings=settings)
    posted = await Stage(container).post_text()
    await close(container)
    return posted


_PARTS: Final[dict[str, Callable[[Servers], bool]]] = {
    "read": lambda here: asyncio.run(read_while_written(here)),
    "sweep": sweep_side_by_side,
    "wipe": lambda here: asyncio.run(wiped(here.postgres, here.redis, here.start, here.env, WIPED_SECONDS)),
}


def _part(sorted_seconds: list[float], part: float) -> float:
    """Milliseconds."""
    return sorted_seconds[min(len(sorted_seconds) - 1, int(len(sorted_seconds) * part))] * 1000


def main(names: Sequence[str]) -> int:
    """Try each, or those with these names; print, and judge."""
    kept = True
    for name in names or _PARTS:
        with servers() as here:
            kept = _PARTS[name](here) and kept
    return 0 if kept else 1


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[1].startswith("postgresql:"):
        print(asyncio.run(sweep(sys.argv[1])))
    else:
        sys.exit(main(sys.argv[1:]))

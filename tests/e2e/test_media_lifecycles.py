"""Media from upload to deletion while whoever works on them is killed: nothing is lost, and nothing left.

``make lifecycles`` runs 300 of them; ``LIFECYCLES`` and ``LIFECYCLES_SEED`` choose otherwise.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import select, update

from application.policies.reconcile_objects import Differences, ReconcileObjects
from infrastructure.container import Container, close
from infrastructure.settings import load_settings
from infrastructure.sql.tables import objects, stories
from tests.contract.media.films import film
from tests.patience import PATIENCE_SECONDS
from tests.processes import Process, Start, environment, eventually, free_port, processes, run
from tests.s3 import S3, serve_s3
from tests.stage import jpeg

pytestmark = pytest.mark.e2e

LIFECYCLES: Final = int(os.environ.get("LIFECYCLES", "6"))
SEED: Final = int(os.environ.get("LIFECYCLES_SEED", "1"))
PEOPLE: Final = 6
"""Clients at a time."""
UPTIME_SECONDS: Final = (0.1, 4.0)
"""How long whoever is killed next is left alone, at least and at most."""
GONE: Final = "gone"

time_limit = pytest.mark.timeout(120 + 6 * LIFECYCLES)


class Interrupted(Exception):  # noqa: N818 - nothing is wrong with the service when it is killed
    """The server is not there, or has no answer yet: to be asked again."""


class Person:
    """A client who does not give up, and knows what became of each story as far as it was answered.

    Attributes:
        expected: the states in which a story may be in the end, by its id.
    """

    def __init__(self, url: str, token: str, seed: int) -> None:
        self.expected: dict[str, set[str]] = {}
        self.repeated = 0
        self._rng = random.Random(seed)
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False
        )
        self._picture = jpeg()
        self._large = jpeg(2400, 1600)
        self._film = film(seconds=0.5, size=(160, 120))

    def live(self) -> str:
        """One life of one file; answers which."""
        way = self._rng.choice(["form", "form", "direct", "direct", "abandoned", "broken"])
        media = self._rng.choice([self._picture, self._large, self._film])
        if way == "abandoned":
            self._uploaded(media)
            return way
        if way == "broken":
            media = self._large[: len(self._large) // 2]
        story = (
            self._posted_form(media) if way != "direct" else self._posted(json={"mediaFileId": self._uploaded(media)})
        )
        # A file over which three workers died is at fault: that is a promise, too.
        self.expected[story] = {"Failed"} if way == "broken" else {"Active", "Failed"}
        end = self._rng.choice(["left", "deleted", "archived", "deleted"])
        if self._rng.random() < 0.5:
            time.sleep(self._rng.uniform(0, 1.5))
        if end == "deleted":
            self._ask("DELETE", f"/api/story/{story}", accepted={200, 404})
            self.expected[story] = {GONE}
        elif end == "archived":
            self._ask("POST", f"/api/story/{story}/archive", accepted={200})
            self.expected[story] = {"Archived"}
        return f"{way}, {end}"

    def state(self, story: str) -> str:
        """What a story is now."""
        answer = self._ask("GET", f"/api/story/{story}", accepted={200, 404})
        return GONE if answer.status_code == 404 else str(answer.json()["data"]["status"])

    def served(self, story: str) -> bool:
        """Whether all that a story's card promises is there."""
        card = self._ask("GET", f"/api/story/{story}", accepted={200}).json()["data"]
        links = [card[name] for name in ("mediaUrl", "thumbnailUrl", "posterUrl") if card[name]]
        return len(links) >= 2 and all(
            httpx.get(link, trust_env=False, timeout=PATIENCE_SECONDS).status_code == 200 for link in links
        )

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def _posted_form(self, media: bytes) -> str:
        return self._posted(files={"media": ("file", media)})

    def _posted(self, **request: Any) -> str:
        answer = self._ask("POST", "/api/story/users/alice", accepted={201}, **request)
        return str(answer.json()["data"]["storyId"])

    def _uploaded(self, media: bytes) -> str:
        announced = {"size": len(media), "mimeType": "video/mp4" if media is self._film else "image/jpeg"}
        begun = self._ask("POST", "/api/story/users/alice/uploads", accepted={201}, json=announced).json()["data"]
        # Received before its answer came: 409.
        self._ask("PUT", begun["uploadUrl"], accepted={200, 409}, content=media, headers=begun["headers"])
        return str(begun["mediaFileId"])

    def _ask(self, method: str, url: str, *, accepted: set[int], **request: Any) -> httpx.Response:
        """Ask until it is answered; what creates is known again by its key."""
        headers = {**request.pop("headers", {}), "Idempotency-Key": uuid.UUID(int=self._rng.getrandbits(128)).hex}
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = self._http.request(method, url, headers=headers, **request)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code in accepted:
                return answer
            busy = answer is None or answer.status_code == 503 or "request_in_progress" in answer.text
            assert busy, (method, url, answer and answer.text)
            assert time.monotonic() < end, (method, url, answer and answer.text)
            self.repeated += 1
            time.sleep(0.1)


class Rig:
    """The parts of the service, of which some are killed again and again.

    Attributes:
        env: their settings.
        mortal: those that are killed.
    """

    def __init__(self, env: dict[str, str], start: Start, parts: tuple[str, ...], mortal: tuple[str, ...]) -> None:
        self.env, self.mortal = env, mortal
        self.killed: Counter[str] = Counter()
        self._start = start
        self._running: dict[str, Process] = {part: start(part) for part in parts}
        self.url = self._running["serve"].ready().url

    def kill(self, part: str) -> None:
        """Kill a part, and start it anew."""
        self._running[part].kill()
        self._running[part] = self._start(part)
        self.killed[part] += 1

    def trouble(self, done: Callable[[], bool], rng: random.Random) -> None:
        """Kill one after the other, at random, until all is done."""
        while not done():
            part = rng.choice(self.mortal)
            self._running[part].ready()
            end = time.monotonic() + rng.uniform(*UPTIME_SECONDS)
            while time.monotonic() < end and not done():
                time.sleep(0.02)
            if not done() or not self.killed:
                self.kill(part)
        for process in self._running.values():
            process.ready()


def lived(rig: Rig, token: str) -> tuple[list[Person], Counter[str]]:
    """Live all lives, amid the trouble."""
    people = [Person(rig.url, token, SEED * 1_000 + number) for number in range(PEOPLE)]
    lives, lock, told = itertools.count(), threading.Lock(), Counter[str]()

    def live(person: Person) -> None:
        while next(lives) < LIFECYCLES:
            way = person.live()
            with lock:
                told[way] += 1

    with ThreadPoolExecutor(PEOPLE) as pool:
        living = [pool.submit(live, person) for person in people]
        rig.trouble(lambda: all(each.done() for each in living), random.Random(SEED))
        for each in living:
            each.result()
    return people, told


async def _pass_time(container: Container) -> None:
    """Let the hold of whoever was killed end."""
    async with container.database().write(None) as connection:
        rows = await connection.execute(select(stories.c.id, stories.c.org_id).where(stories.c.status == "Processing"))
        for row in rows.all():
            now = timedelta(seconds=60)
            held = await connection.execute(
                select(stories.c.processing_due_at, stories.c.processing_held_until).where(stories.c.id == row.id)
            )
            due, until = held.one()
            values = {
                "processing_due_at": due and due - now,
                "processing_held_until": until and until - now,
            }
            await connection.execute(update(stories).where(stories.c.id == row.id).values(**values))


async def _a_day_later(container: Container) -> tuple[Differences, int, set[str]]:
    """What reconciling tells now; what the bin deletes a day later; and what is in the store then but not in use."""
    found: Differences = await container.reconcile_objects()(ReconcileObjects(repair=False, grace_seconds=0))
    async with container.database().write(None) as connection:
        for row in (await connection.execute(select(objects).where(objects.c.delete_after.is_not(None)))).all():
            earlier = row.delete_after - timedelta(days=2)
            await connection.execute(
                update(objects).where(objects.c.object_key == row.object_key).values(delete_after=earlier)
            )
    deleted = await container.empty_bin()()
    async with container.database().read(None) as connection:
        kept = set((await connection.execute(select(objects.c.object_key))).scalars())
    return found, deleted, {each.key async for batch in container.objects().listed() for each in batch} ^ kept


def _in(env: dict[str, str], work: Callable[[Container], Any]) -> Any:
    """Do something with the same stores as the processes."""

    async def do() -> Any:
        container = Container(settings=load_settings(env))
        try:
            return await work(container)
        finally:
            await close(container)

    return asyncio.run(do())


def all_is_well(rig: Rig) -> None:
    """Live, and look at what is left."""
    made = run("token", "alice", env=rig.env)
    assert made.returncode == 0, made.stderr
    began = time.monotonic()
    people, told = lived(rig, made.stdout.strip())
    took = time.monotonic() - began

    expected = {story: states for person in people for story, states in person.expected.items()}
    found: dict[str, str] = {}

    def settled() -> bool:
        _in(rig.env, _pass_time)
        found.update({story: people[0].state(story) for story in expected})
        return "Processing" not in found.values()

    eventually(settled, "all are processed", seconds=180)
    wrong = {story: (state, expected[story]) for story, state in found.items() if state not in expected[story]}
    assert not wrong
    unserved = [story for story, state in found.items() if state == "Active" and not people[0].served(story)]
    repeated = sum(person.repeated for person in people)
    for person in people:
        person.close()

    differences, deleted, astray = _in(rig.env, _a_day_later)
    sys.stdout.write(
        f"\n{sum(told.values())} lifecycles in {took:.0f} s, seed {SEED}; killed: {dict(rig.killed)};"
        f" {repeated} requests repeated\n  {dict(told)}\n  in the end: {dict(Counter(found.values()))}\n"
        f"  {differences.listed} objects, {differences.kept} in use, {len(differences.orphans)} without a row,"
        f" {len(differences.missing)} rows without bytes; {deleted} deleted a day later, then {len(astray)} astray\n"
    )
    assert sum(told.values()) >= LIFECYCLES
    assert sum(rig.killed.values()) > 0
    assert (unserved, differences.orphans, differences.missing, astray) == ([], (), (), set())


@time_limit
def test_of_files_in_a_folder_nothing_is_lost_and_nothing_left(tmp_path: Path) -> None:
    env = environment(
        tmp_path / "data", port=str(free_port()), sweep_interval_seconds="0.5", rate_limit_enabled="false"
    ) | {"TMPDIR": str(tmp_path)}
    with processes(env, tmp_path / "logs") as start:
        all_is_well(Rig(env, start, ("serve",), ("serve",)))
    folder = tmp_path / "data" / "media"
    left = [path for path in folder.rglob("*") if path.is_file() and "#" in path.name]
    assert not left, "nor what a folder keeps of an unfinished write"


@pytest.fixture
def bucket_env(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Where an S3 server of the test's own is."""
    with _served(tmp_path) as env:
        yield env


@contextmanager
def _served(folder: Path) -> Iterator[dict[str, str]]:
    place = folder / "swift"
    place.mkdir()
    with serve_s3(place) as bucket:
        yield {**bucket.environment, "STORIES_MEDIA_URL": f"s3://{bucket.name}/{uuid.uuid4().hex}"}


@time_limit
@pytest.mark.postgres
@pytest.mark.redis
@S3[0]
@S3[1]
def test_of_files_in_a_bucket_nothing_is_lost_and_nothing_left(
    bucket_env: dict[str, str], own_database: str, own_redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = environment(
        tmp_path / "data",
        database_url=own_database,
        redis_url=own_redis,
        port=str(free_port()),
        sweep_interval_seconds="0.5",
        rate_limit_enabled="false",
        upload_direct="false",
    )
    env |= bucket_env | {"TMPDIR": str(tmp_path)}
    for name, value in bucket_env.items():
        monkeypatch.setenv(name, value)
    assert run("migrate", env=env).returncode == 0
    with processes(env, tmp_path / "logs") as start:
        all_is_well(Rig(env, start, ("serve", "worker", "relay", "scheduler"), ("serve", "worker")))

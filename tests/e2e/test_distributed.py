"""Every part as a process of its own, on PostgreSQL and Redis: any of them may die, none does anything twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.patience import PATIENCE_SECONDS
from tests.processes import Client, Process, Start, environment, eventually, processes, run
from tests.stage import jpeg

pytestmark = [pytest.mark.e2e, pytest.mark.postgres, pytest.mark.redis]

STOP_SECONDS = 15
EXPIRING = 40


@pytest.fixture
def env(own_database: str, own_redis: str, tmp_path: Path) -> dict[str, str]:
    """Settings of all parts; the database is migrated, as it is before any of them starts."""
    env = environment(
        tmp_path / "data", database_url=own_database, redis_url=own_redis, port="0", sweep_interval_seconds="0.2"
    )
    env["TMPDIR"] = str(tmp_path)  # what is being worked on stays there when a worker is killed
    migrated = run("migrate", env=env)
    assert migrated.returncode == 0, migrated.stderr
    return env


@pytest.fixture
def start(env: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Starts parts of the service."""
    with processes(env, tmp_path / "logs") as start:
        yield start


@pytest.mark.says(
    "story:processing background-workers-handle  ",
    "story:architecture mediaprocessingworker-processes-story  ",
    "story:processing background-workers-handle ",
    "story:architecture mediaprocessingworker-processes-story ",
    "story:processing background-workers-handle",
    "story:architecture mediaprocessingworker-processes-story",
)
def test_a_picture_survives_the_worker_that_is_killed_over_it(
    env: dict[str, str], start: Start, big_picture: bytes, own_database: str
) -> None:
    server, worker = all_ready(*(start(part) for part in ("serve", "worker", "relay", "scheduler")))[:2]
    alice = Client(server, env, "alice")
    small = alice.active(alice.post_image(jpeg()), seconds=PATIENCE_SECONDS)
    assert (small["width"], small["height"]) == (64, 48)

    story = alice.post_image(big_picture)
    eventually(lambda: ask(own_database, "processing_attempts > 0", story), "a worker has begun")
    worker.kill()

    assert ask(own_database, "status = 'Processing'", story), "otherwise this test shows nothing"
    start("worker")
    card = alice.active(story, seconds=PATIENCE_SECONDS)
    assert (card["width"], card["height"]) == (1080, 720)
    assert ask(own_database, "processing_attempts = 2", story)
    alice.close()


@pytest.mark.says(
    "story:system uses-background-workers  ",
    "story:expiration background-job-storycleanupjob  ",
    "story:architecture background-jobs-story storycleanupjob-archives-expired  ",
    "story:for-developers background-jobs-use  ",
    "story:system uses-background-workers ",
    "story:expiration background-job-storycleanupjob ",
    "story:architecture background-jobs-story storycleanupjob-archives-expired ",
    "story:for-developers background-jobs-use ",
    "story:system uses-background-workers",
    "story:expiration background-job-storycleanupjob",
    "story:architecture background-jobs-story storycleanupjob-archives-expired",
    "story:for-developers background-jobs-use",
)
def test_two_schedulers_archive_every_expired_story_once(env: dict[str, str], start: Start, own_database: str) -> None:
    server, *_ = all_ready(start("serve"), start("scheduler"), start("scheduler"))
    alice = Client(server, env, "alice")
    for _ in range(EXPIRING):
        alice.post_text(duration=2)
    lasting = alice.post_text()
    alice.close()

    eventually(lambda: len(archived(own_database)) >= EXPIRING, "all that has ended is archived")
    time.sleep(1)  # a few more rounds of both, in which nothing is left to do

    assert len(archived(own_database)) == len(set(archived(own_database))) == EXPIRING
    assert ask(own_database, "status = 'Active'", lasting)


def test_told_to_stop_every_part_ends_well_and_soon(start: Start) -> None:
    parts = all_ready(*(start(part) for part in ("serve", "worker", "relay", "scheduler")))

    begun = time.monotonic()
    for part in parts:
        part.tell_to_stop()

    for part in parts:
        left = STOP_SECONDS - (time.monotonic() - begun)
        assert part.exit_code(left) == 0, f"{part.part}: {part.logged}"
        assert "Traceback" not in part.logged


def all_ready(*started: Process) -> list[Process]:
    """They have started side by side; wait for each."""
    return [process.ready() for process in started]


def ask(database: str, what: str, story: str) -> bool:
    """Whether something holds for a story, as the database has it."""
    return bool(rows(database, f"SELECT 1 FROM stories WHERE id = %s AND {what}", story))  # noqa: S608


def archived(database: str) -> list[Any]:
    """The story of each `story.archived` in the outbox."""
    return [story for (story,) in rows(database, "SELECT story_id FROM outbox WHERE type = 'story.archived'")]


def rows(database: str, statement: str, *values: str) -> list[tuple[Any, ...]]:
    """What the database answers."""
    with psycopg.connect(database, autocommit=True) as connection:
        return connection.execute(statement.encode(), values or None).fetchall()

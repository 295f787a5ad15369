"""What the program says, and with which exit code it ends."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import uuid
from collections.abc import Callable
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.processes import PROGRAM, environment, free_port, load_and_run

pytestmark = pytest.mark.slow

Stories = Callable[..., CompletedProcess[str]]


def refused(done: CompletedProcess[str], *words: str, code: int) -> None:
    """It ended with this code, and said why in one line, for people."""
    assert done.returncode == code, done.stderr
    assert not done.stdout
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("stories"), done.stderr
    for word in words:
        assert word in last
    assert "Traceback" not in done.stderr


def test_the_version_is_that_of_the_package(stories: Stories) -> None:
    done = stories("--version")
    assert (done.returncode, done.stdout) == (0, f"stories {version('stories')}\n")


def test_without_a_command_it_explains_itself(stories: Stories) -> None:
    refused(stories(), "COMMAND", code=2)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("port", "eight", "int"),
        ("port", "70000", "65535"),
        ("colour", "blue", "no such setting"),
        ("jwt_secret", "short", "32 bytes"),
        ("database_url", "mysql://127.0.0.1/stories", "postgresql://"),
        ("database_url", "postgresql://127.0.0.1:port/stories", "port"),
        ("redis_url", "http://127.0.0.1", "redis://"),
        ("log_level", "loud", "debug|info|warning|error"),
        ("data_dir", "/dev/null/stories", "Not a directory"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_its_name(stories: Stories, name: str, value: str, reason: str) -> None:
    refused(stories("token", "alice", **{name: value}), f"STORIES_{name.upper()}: ", reason, code=2)


@pytest.mark.parametrize("part", ["worker", "relay", "scheduler"])
def test_without_redis_there_are_no_parts_to_run(stories: Stories, part: str) -> None:
    refused(stories(part), "STORIES_REDIS_URL", part, code=2)


def test_a_port_in_use_is_said_to_be(stories: Stories) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused(stories("serve", port=str(port)), f"127.0.0.1:{port}", "Address already in use", code=1)


@pytest.mark.parametrize("command", ["serve", "worker", "relay", "scheduler", "demo", "reconcile", "dead-letters list"])
def test_a_database_that_is_not_migrated_is_not_used(tmp_path: Path, command: str) -> None:
    settings = {
        "database_url": f"sqlite:///{tmp_path / 'shared.db'}",
        "redis_url": f"redis://127.0.0.1:{free_port()}",
        "port": "0",
    }
    refused(load_and_run(*command.split(), env=environment(tmp_path / "data", **settings)), "stories migrate", code=1)


@pytest.mark.parametrize("command", ["migrate", "doctor"])
def test_what_looks_after_the_database_needs_nothing_loaded_before(tmp_path: Path, command: str) -> None:
    done = load_and_run(command, env=environment(tmp_path / "data"))
    assert done.stdout.startswith("database: "), done.stderr


def test_a_database_that_does_not_answer_is_not_waited_for(stories: Stories) -> None:
    url = f"postgresql://postgres@127.0.0.1:{free_port()}/stories"
    refused(stories("serve", database_url=url, port="0"), "does not answer", code=1)


def test_a_database_that_does_not_answer_cannot_be_migrated(stories: Stories) -> None:
    done = stories("migrate", database_url=f"postgresql://postgres@127.0.0.1:{free_port()}/stories")
    assert done.returncode == 1
    assert done.stderr.startswith("stories: The database cannot be migrated: ")


def test_the_doctor_finds_everything_well_once_the_database_is_migrated(stories: Stories) -> None:
    before = stories("doctor")
    migrated = stories("migrate")
    after = stories("doctor")

    assert before.returncode == 1
    assert "database: at revision None" in before.stdout
    assert "run `stories migrate`" in before.stdout
    assert migrated.returncode == 0, migrated.stderr
    assert (after.returncode, after.stdout) == (0, "database: ok\nmedia: ok\n")


def test_the_doctor_names_the_store_that_is_away(stories: Stories) -> None:
    stories("migrate")

    done = stories("doctor", redis_url=f"redis://127.0.0.1:{free_port()}")

    assert done.returncode == 1
    database, media, redis = done.stdout.splitlines()
    assert (database, media) == ("database: ok", "media: ok")
    assert redis.startswith("redis: Redis does not answer")


def test_the_doctor_names_the_issuer_that_is_away(stories: Stories) -> None:
    stories("migrate")
    done = stories("doctor", jwt_jwks_url=f"http://127.0.0.1:{free_port()}/jwks.json")
    assert done.returncode == 1
    assert "\njwks: cannot be fetched: " in done.stdout


def test_a_token_is_made_without_loading_the_service(tmp_path: Path) -> None:
    done = load_and_run("token", "alice", env=environment(tmp_path), options="-X importtime")

    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "infrastructure.identity.tokens" in loaded
    assert not loaded & {"sqlalchemy", "alembic", "dramatiq", "httpx", "litestar", "PIL", "redis", "uvicorn"}


def test_commands_that_start_together_share_the_secret_that_one_of_them_makes(tmp_path: Path) -> None:
    command, env = [*PROGRAM, "token", "alice", "--ttl", "60"], environment(tmp_path)
    started = [
        subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    said = [process.communicate(timeout=60) for process in started]

    assert [process.returncode for process in started] == [0] * 4, said
    assert {path.name for path in tmp_path.iterdir()} == {"jwt-secret"}


def test_what_was_given_up_at_webhooks_is_listed_and_sent_again(stories: Stories, tmp_path: Path) -> None:
    assert stories("migrate").returncode == 0
    hook = uuid.UUID(int=7)
    with closing(sqlite3.connect(tmp_path / "data" / "stories.db")) as database, database:
        database.execute(
            "INSERT INTO webhooks (org_id, id, url, secret, created_at, position, attempts, due_at, given_up,"
            " replaying) VALUES ('acme', ?, 'https://hook.test/', x'00', 0, 9, 0, 0, 0, false)",
            (hook.hex,),
        )
        database.executemany(
            "INSERT INTO webhook_deliveries (org_id, webhook_id, number, position, type, status, attempt, sent_at,"
            " seconds, http_status, reason) VALUES ('acme', ?, ?, ?, 'story.created', 'dead', 3, 0, 0.1, ?, ?)",
            [(hook.hex, 4, 8, 500, None), (hook.hex, 5, 9, None, "timed_out")],
        )
    listed = stories("dead-letters", "list")
    assert listed.stdout.splitlines() == [
        f"{hook}:4 1970-01-01T00:00:00Z webhook acme https://hook.test/",
        "  story.created at 8: answered 500",
        f"{hook}:5 1970-01-01T00:00:00Z webhook acme https://hook.test/",
        "  story.created at 9: timed_out",
    ], listed.stderr
    assert stories("dead-letters", "replay", f"{hook}:5", "another").stdout == "1 sent again\n"

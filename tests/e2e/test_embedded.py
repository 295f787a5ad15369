"""The embedded default as one process: what it promised before it was killed, it keeps when it is back."""

from __future__ import annotations

import json
import shlex
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.patience import PATIENCE_SECONDS
from tests.processes import Client, Start, environment, eventually, free_port, processes, run

pytestmark = pytest.mark.e2e


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """Settings: a data folder of the test's own."""
    (tmp_path / "tmp").mkdir()
    return environment(tmp_path / "data", port=str(free_port())) | {"TMPDIR": str(tmp_path / "tmp")}


@pytest.fixture
def start(env: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Starts parts of the service."""
    with processes(env, tmp_path / "logs") as start:
        yield start


@pytest.mark.says(
    "story:storage stories-stored-media  ", "story:storage stories-stored-media ", "story:storage stories-stored-media"
)
def test_a_picture_survives_the_server_that_is_killed_right_after_its_answer(
    env: dict[str, str], start: Start, big_picture: bytes, tmp_path: Path
) -> None:
    server = start("serve").ready()
    alice = Client(server, env, "alice")

    story = alice.post_image(big_picture)
    server.kill()

    assert _status(tmp_path / "data" / "stories.db", story) == "Processing", "otherwise this test shows nothing"
    assert any(path.stat().st_size == len(big_picture) for path in _media(tmp_path))

    start("serve").ready()
    card = alice.active(story, seconds=PATIENCE_SECONDS)
    assert (card["width"], card["height"]) == (1080, 720)
    eventually(lambda: len(_media(tmp_path)) == 2, "only the picture and its thumbnail are left")
    shown = {alice.fetch(card[link]).raise_for_status().content for link in ("mediaUrl", "thumbnailUrl")}
    assert shown == {path.read_bytes() for path in _media(tmp_path)}
    assert alice.fetch(card["mediaUrl"]).headers["content-type"] == "image/webp"
    alice.close()


def test_the_demo_fills_the_service_and_its_lines_can_be_copied(
    env: dict[str, str], start: Start, tmp_path: Path
) -> None:
    before = run("demo", env=env)
    assert before.returncode == 0, before.stderr
    assert before.stdout.count(": posted ") == 8
    assert "stories serve" in before.stdout or "app serve" in before.stdout
    assert len(_media(tmp_path)) == 10, "five pictures with their thumbnails, and no upload"

    start("serve").ready()
    feed, ring, viewers, picture = (_called(line, tmp_path) for line in _curl_lines(before.stdout))

    recommended = json.loads(feed)["data"]["stories"]
    assert {story["userId"] for story in recommended} == {"ben", "chiara", "dev", "emi"}
    assert all(story["scoreDetails"] for story in recommended)
    assert [story["caption"] for story in json.loads(ring)["data"]] == ["Nobody else on the water tonight."]
    assert {each["userId"] for each in json.loads(viewers)["data"]} == {"ben", "chiara", "dev"}
    assert picture[8:12] == b"WEBP"

    again = run("demo", env=env)
    assert again.returncode == 0, again.stderr
    assert again.stdout.count(": still there, ") == 8
    assert "not running" not in again.stdout


def _status(database: Path, story: str) -> str:
    connection = sqlite3.connect(database)
    try:
        row = connection.execute("SELECT status FROM stories WHERE id = ?", [story.replace("-", "")]).fetchone()
        return str(row[0])
    finally:
        connection.close()


def _media(folder: Path) -> list[Path]:
    """All that lies in the object store."""
    return [path for path in (folder / "data" / "media").rglob("*") if path.is_file()]


def _curl_lines(said: str) -> list[str]:
    return [line for line in said.splitlines() if line.startswith("curl ")]


def _called(line: str, folder: Path) -> bytes:
    """What a line of curl fetches: to standard output, or into the file it names."""
    if shutil.which("curl"):
        done = subprocess.run(line, shell=True, cwd=folder, capture_output=True, timeout=PATIENCE_SECONDS, check=False)  # noqa: S602
        assert done.returncode == 0, (line, done.stderr)
        return done.stdout or (folder / "sunset.webp").read_bytes()
    words = shlex.split(line)
    headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
    url = next(word for word in words if word.startswith("http"))
    return httpx.get(url, headers=headers, trust_env=False, timeout=PATIENCE_SECONDS).raise_for_status().content

"""The program's commands: processes of their own, with settings of their own, that end with the test."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx

from tests.nursery import Nursery
from tests.patience import PATIENCE_SECONDS

_Answer = TypeVar("_Answer")

PROGRAM: Final = (sys.executable, "-m", "interfaces.cli.app")


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    """This process's environment without its settings, and with these: ``port="0"`` is ``STORIES_PORT=0``."""
    # They share most of their code: compiled once, each starts in half the time.
    dropped = ("STORIES_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    given = {f"STORIES_{name.upper()}": value for name, value in settings.items()}
    return {**kept, "NO_PROXY": "*", "no_proxy": "*", "STORIES_DATA_DIR": str(data_dir), **given}


@cache
def nursery() -> Nursery:
    """Where all processes of this one come from, unless they are to load the service themselves."""
    return Nursery()


def run(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    with tempfile.TemporaryDirectory() as name:
        out, err = Path(name, "out"), Path(name, "err")
        pid = nursery().start(*arguments, env=env, out=out, err=err)
        try:
            code = _ended(pid, seconds=PATIENCE_SECONDS)
        except BaseException:
            os.kill(pid, signal.SIGKILL)
            raise
        return subprocess.CompletedProcess(arguments, code, out.read_text(), err.read_text())


def load_and_run(*arguments: str, env: dict[str, str], options: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command to its end by an interpreter that begins with nothing; ``options`` are its own."""
    command = [PROGRAM[0], *options.split(), *PROGRAM[1:], *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)


def _ended(pid: int, *, seconds: float) -> int:
    end = time.monotonic() + seconds
    while (code := nursery().exit_code(pid)) is None:
        assert time.monotonic() < end, f"{pid} did not end within {seconds} s"
        time.sleep(0.005)
    return code


def eventually(ask: Callable[[], _Answer], what: str, *, seconds: float = PATIENCE_SECONDS) -> _Answer:
    """The first answer that is true; asks again and again."""
    end = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.02)
    return answer


def free_port() -> int:
    """A port nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Process:
    """A part of the service that runs until it is told to stop, or killed.

    Attributes:
        pid: its number.
    """

    def __init__(self, part: str, env: dict[str, str], logs: Path, *, before: str = "") -> None:
        logs.mkdir(parents=True, exist_ok=True)
        number = len(list(logs.iterdir()))
        self.part, self._said, self._logged = part, logs / f"{number}-{part}.out", logs / f"{number}-{part}.err"
        self._said.touch()
        self._logged.touch()
        self.pid = nursery().start(part, env=env, out=self._said, err=self._logged, before=before)

    @property
    def said(self) -> str:
        """Its standard output until now."""
        return self._said.read_text()

    @property
    def logged(self) -> str:
        """Its standard error until now."""
        return self._logged.read_text()

    @property
    def lives(self) -> bool:
        """Whether it has not ended."""
        return nursery().exit_code(self.pid) is None

    def ready(self) -> Process:
        """Wait until it works."""
        sign = "For a token: " if self.part == "serve" else '"running"'

        def works() -> bool:
            assert self.lives, f"{self.part} ended: {self.logged}"
            return sign in self.said + self.logged

        eventually(works, f"{self.part} is ready", seconds=PATIENCE_SECONDS)
        return self

    @property
    def url(self) -> str:
        """Where it serves, as it says itself."""
        return self.said.split()[3]

    def kill(self) -> None:
        """End it at once, in the middle of whatever it does."""
        if self.lives:
            os.kill(self.pid, signal.SIGKILL)
            self.exit_code(PATIENCE_SECONDS)

    def tell_to_stop(self) -> None:
        """Ask it to end."""
        os.kill(self.pid, signal.SIGTERM)

    def exit_code(self, seconds: float) -> int:
        """How it ended, within so many seconds."""
        return _ended(self.pid, seconds=seconds)


Start = Callable[..., Process]


@contextmanager
def processes(env: dict[str, str], logs: Path) -> Iterator[Start]:
    """Starts processes with these settings and more; what runs at the end is killed."""
    with ExitStack() as started:

        def start(part: str, **settings: str) -> Process:
            more = {f"STORIES_{name.upper()}": value for name, value in settings.items()}
            process = Process(part, {**env, **more}, logs)
            started.callback(process.kill)
            return process

        yield start


class Client:
    """Somebody who uses the service over HTTP, with a token as `stories token` prints it."""

    def __init__(self, server: Process, env: dict[str, str], user: str) -> None:
        made = run("token", user, env=env)
        assert made.returncode == 0, made.stderr
        self.user = user
        self._http = httpx.Client(
            base_url=server.url,
            headers={"Authorization": f"Bearer {made.stdout.strip()}"},
            timeout=PATIENCE_SECONDS,
            trust_env=False,
        )

    def post_image(self, picture: bytes) -> str:
        """Post a picture; the story's id, as soon as it is answered."""
        return self._posted(files={"media": ("picture", picture)})

    def post_text(self, **fields: Any) -> str:
        """Post a text; the story's id."""
        return self._posted(json={"content": "Check out my day!", **fields})

    def card(self, story_id: str) -> dict[str, Any]:
        """A story as the client sees it."""
        response = self._http.get(f"/api/story/{story_id}")
        assert response.status_code == 200, response.text
        card: dict[str, Any] = response.json()["data"]
        return card

    def active(self, story_id: str, *, seconds: float) -> dict[str, Any]:
        """The story's card, once it is active."""
        eventually(lambda: self.card(story_id)["status"] != "Processing", "the story is processed", seconds=seconds)
        card = self.card(story_id)
        assert card["status"] == "Active", card
        return card

    def fetch(self, url: str) -> httpx.Response:
        """What is behind a link, asked without a token."""
        return httpx.get(url, trust_env=False, timeout=PATIENCE_SECONDS)

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def _posted(self, **request: Any) -> str:
        response = self._http.post(f"/api/story/users/{self.user}", **request)
        assert response.status_code == 201, response.text
        return str(response.json()["data"]["storyId"])

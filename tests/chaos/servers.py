"""PostgreSQL and Redis of the rig's own: they may be killed, and come back with what they have kept."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
import redis as redis_client

from tests.processes import eventually, free_port

_SETTINGS: Final = ("max_connections=200", "listen_addresses=127.0.0.1", "shared_buffers=64MB")


def _program(name: str) -> str:
    found = shutil.which(name) or next(map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), None)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return str(found)


def _nobody_special() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.getuid():
        return {}
    names = {each.pw_name for each in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


class OwnPostgres:
    """A PostgreSQL server with durable settings."""

    def __init__(self, folder: Path) -> None:
        self._data, self._log, self._port = folder / "data", folder / "log", free_port()
        self._as = _nobody_special()
        folder.mkdir()
        if self._as:
            os.chown(folder, self._as["user"], self._as["group"])
        self._run("initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        self.url = f"postgresql://postgres@127.0.0.1:{self._port}/postgres"
        self.start()

    def start(self) -> None:
        """Start it, or start it again; what was committed is there."""
        options = " ".join(f"-c {each}" for each in (*_SETTINGS, f"unix_socket_directories={self._data.parent}"))
        self._run("pg_ctl", "start", "-D", self._data, "-w", "-s", "-l", self._log, "-o", f"-p {self._port} {options}")

    def crash(self) -> None:
        """End it at once, with all its connections; its log is all that it has."""
        self._run("pg_ctl", "stop", "-D", self._data, "-m", "immediate", "-s")

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """What it answers."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(statement.encode(), values or None).fetchall()

    def _run(self, name: str, *arguments: object) -> None:
        command = [_program(name), *map(str, arguments)]
        done = subprocess.run(
            command, cwd="/", check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self._as
        )
        assert done.returncode == 0, f"{command}: {done.returncode}"


class OwnRedis:
    """A Redis server that writes down whatever it is told before it answers."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, free_port()
        folder.mkdir()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.start()

    def start(self) -> None:
        """Start it, or start it again."""
        self._server = subprocess.Popen(
            [
                *(_program("redis-server"), "--port", str(self._port), "--bind", "127.0.0.1", "--save", ""),
                *("--dir", str(self._folder), "--appendonly", "yes", "--appendfsync", "always"),
            ],
            stdout=subprocess.DEVNULL,
        )
        eventually(self._answers, "Redis answers")

    def crash(self) -> None:
        """End it at once."""
        self._server.kill()
        self._server.wait()

    def client(self) -> redis_client.Redis:
        """A client of it."""
        return redis_client.Redis(port=self._port, socket_timeout=30)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis_client.RedisError:
            return False

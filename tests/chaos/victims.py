"""A process that has loaded the service once, and forks children that do one thing each, as after a start.

Reads an order a line from its standard input, as JSON, and answers with how the child ended: its exit code, or the
signal that killed it, below zero.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

from infrastructure.container import Container, close, configure_process
from infrastructure.settings import Settings
from tests.chaos.acts import ACTS
from tests.stage import Stage


class Victims:
    """Children, of a process that is started with this."""

    def __init__(self) -> None:
        root = Path(__file__).parents[2]
        self._forking = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.victims"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
        )

    def act(self, act: str, *arguments: str, redis_prefix: str, **settings: Any) -> int:
        """Have a child do something; how it ended."""
        order = {"act": act, "arguments": arguments, "redis_prefix": redis_prefix, "settings": settings}
        assert self._forking.stdin is not None
        assert self._forking.stdout is not None
        self._forking.stdin.write(json.dumps(order) + "\n")
        self._forking.stdin.flush()
        return int(self._forking.stdout.readline())

    def close(self) -> None:
        """End it."""
        self._forking.communicate()


def main() -> None:
    """Fork until the orders end."""
    import_module("interfaces.http.app")
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _become(json.loads(line))
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _become(order: dict[str, Any]) -> None:
    os.dup2(2, 1)  # standard output is for answers
    code = 1
    try:
        asyncio.run(_act(order))
        code = 0
    except BaseException:  # noqa: BLE001 - told, and the end of this process
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(code)


async def _act(order: dict[str, Any]) -> None:
    settings = Settings(**order["settings"])
    configure_process(settings)
    container = Container(settings=settings)
    container.redis_prefix.override(order["redis_prefix"])
    await ACTS[order["act"]](Stage(container), *order["arguments"])
    await close(container)


if __name__ == "__main__":
    main()

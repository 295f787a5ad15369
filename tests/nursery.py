"""A process that has loaded the service once and forks commands of it as they are asked for: each starts in an instant.

It reads an order a line from its standard input, as JSON, and answers with a line: the id of the process that it has
started, or how one ended, as `subprocess` tells it; an empty line, while it runs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NoReturn

_ROOT: Final = Path(__file__).parents[1]
_LOADED: Final = ("interfaces.cli.app", "interfaces.http.app", "interfaces.worker.app", "interfaces.cli.serve")


class Nursery:
    """Where processes come from. It ends with the process that has made it, and they do not."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forking = subprocess.Popen(
            [sys.executable, "-m", "tests.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=_ROOT,
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
            start_new_session=True,  # who interrupts the tests leaves it, which they need to tidy up
        )

    def start(self, *arguments: str, env: dict[str, str], out: Path, err: Path, before: str = "") -> int:
        """Start a command; its id.

        Args:
            arguments: of the command line.
            env: its whole environment.
            out: where its standard output is appended.
            err: the same of its standard error.
            before: ``module:function``, called in it first.
        """
        order = {"start": arguments, "env": env, "out": str(out), "err": str(err), "before": before}
        return int(self._ask(order))

    def exit_code(self, pid: int) -> int | None:
        """How a process ended: its exit code, or the signal that killed it, below zero. None: it runs."""
        code = self._ask({"ended": pid}).strip()
        return int(code) if code else None

    def _ask(self, order: dict[str, Any]) -> str:
        assert self._forking.stdin is not None
        assert self._forking.stdout is not None
        with self._lock:
            self._forking.stdin.write(json.dumps(order) + "\n")
            self._forking.stdin.flush()
            answer = self._forking.stdout.readline()
        assert answer, "the nursery has ended"
        return answer


def main() -> None:
    """Fork until the orders end."""
    for name in _LOADED:
        import_module(name)
    codes = dict[int, int]()
    for line in sys.stdin:
        order = json.loads(line)
        answer = _start(order, codes) if "start" in order else _exit_code(order["ended"], codes)
        sys.stdout.write(f"{'' if answer is None else answer}\n")
        sys.stdout.flush()


def _start(order: dict[str, Any], codes: dict[int, int]) -> int:
    pid = os.fork()
    if pid == 0:
        _become(order)
    codes.pop(pid, None)  # of another process, that had this number before
    return pid


def _exit_code(pid: int, codes: dict[int, int]) -> int | None:
    if pid not in codes:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if not ended:
            return None
        codes[pid] = os.waitstatus_to_exitcode(status)
    return codes[pid]


def _become(order: dict[str, Any]) -> NoReturn:
    os.environ.clear()
    os.environ.update(order["env"])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
    if order["before"]:
        module, _, function = order["before"].partition(":")
        getattr(import_module(module), function)()
    sys.exit(import_module("interfaces.cli.app").run(order["start"]))


if __name__ == "__main__":
    main()

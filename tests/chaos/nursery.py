"""A process that has loaded the service once, and forks parts of it as they are asked for: each starts in an instant.

Reads an order a line from its standard input, as JSON, and answers with the id of the process. A part that is to be
faulty is made so here, before it starts: the service knows nothing of it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from importlib import import_module
from typing import Any

_LOADED = ("interfaces.cli.app", "interfaces.http.app", "interfaces.worker.app", "interfaces.cli.serve")


def main() -> None:
    """Fork until the orders end."""
    for name in _LOADED:
        import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a child has ended
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _become(json.loads(line))
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _become(order: dict[str, Any]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.update(order["env"])
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number in (1, 2):
        os.dup2(log, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if order["fault"]:
        import_module("tests.chaos.faults").FAULTS[order["fault"]]()
    code = 1
    try:
        code = import_module("interfaces.cli.app").run([order["part"]])
    except BaseException:  # noqa: BLE001 - written down, and the end of this process
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()

"""How the service and this program are called from a shell on this machine: addresses and commands to copy."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Final

_ANY_ADDRESS: Final = {"", "0.0.0.0", "::"}  # noqa: S104 - compared with, not listened at


def url_of(host: str, port: int) -> str:
    """Where a client on this machine reaches a server that listens at ``host`` and ``port``."""
    shown = "127.0.0.1" if host in _ANY_ADDRESS else host
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def command(*arguments: str, data_dir: str | None = None) -> str:
    """The line that calls this program in the way it was called itself; ``data_dir``: with these data."""
    program = Path(sys.argv[0])
    called = [sys.executable, "-m", "interfaces.cli.app"] if program.suffix == ".py" else [sys.argv[0]]
    line = shlex.join([*called, *arguments])
    return f"STORIES_DATA_DIR={shlex.quote(data_dir)} {line}" if data_dir else line

"""The event loop that every part of the service runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from importlib import import_module
from importlib.util import find_spec
from typing import Any


def run_on_loop(main: Coroutine[Any, Any, None]) -> None:
    """Run it to its end on uvloop, the faster one, where there is one; elsewhere on the standard library's."""
    factory = import_module("uvloop").new_event_loop if find_spec("uvloop") else None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main)

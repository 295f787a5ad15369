"""Processes that work beside the HTTP port: worker, relay and scheduler, each until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import Any, Literal

import structlog

from infrastructure.container import Container, close
from infrastructure.settings import Settings
from interfaces.loop import run_on_loop

Part = Literal["worker", "relay", "scheduler"]


def run_part(part: Part, settings: Settings) -> None:
    """Run one part until SIGINT or SIGTERM; what is under way is finished, or found again by others."""
    run_on_loop(_run(part, settings))


async def _run(part: Part, settings: Settings) -> None:
    container = Container(settings=settings)
    parts: dict[Part, Callable[[], Any]] = {
        "worker": container.worker,
        "relay": container.relay,
        "scheduler": container.scheduler,
    }
    services = [container.nudges(), parts[part]()]
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    for service in services:
        await service.start()
    structlog.get_logger(__name__).info("running", part=part)
    try:
        await stop.wait()
    finally:
        for service in reversed(services):
            await service.stop()
        await close(container)

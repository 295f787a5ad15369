"""What is logged while a test runs: warnings, to be shown when it fails; or all of it, to be looked at."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from structlog.typing import EventDict


def keep_quiet() -> None:
    """Let nobody write a line for each of so many requests."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


@contextmanager
def heard() -> Iterator[list[EventDict]]:
    """All that is logged meanwhile, whatever else is kept quiet."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    try:
        with structlog.testing.capture_logs() as lines:
            yield lines
    finally:
        keep_quiet()

"""The command line on the embedded default, each command in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.processes import environment, run

Stories = Callable[..., CompletedProcess[str]]


@pytest.fixture
def stories(tmp_path: Path) -> Stories:
    """Runs a command to its end, in a data folder of the test's own; keywords are settings."""

    def call(*arguments: str, **settings: str) -> CompletedProcess[str]:
        return run(*arguments, env=environment(tmp_path / "data") | _named(settings))

    return call


def _named(settings: dict[str, str]) -> dict[str, str]:
    return {f"STORIES_{name.upper()}": value for name, value in settings.items()}

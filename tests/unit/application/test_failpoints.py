"""Failpoints: nothing happens at any, but where a process was told so."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from application.failpoints import ACTS, HANG_SECONDS, Failpoint, FailpointError, Plan, arm, failpoint

HERE, THERE = Failpoint.CREATE_BEFORE_COMMIT, Failpoint.CREATE_AFTER_COMMIT
SOURCES = Path(__file__).parents[3] / "src"


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    """Told nothing before, and nothing after."""
    yield
    arm(None)


def test_told_nothing_nothing_happens() -> None:
    for each in Failpoint:
        failpoint(each)


def test_it_happens_there_and_nowhere_else() -> None:
    arm(Plan.read(f"{HERE}:raise"))
    failpoint(THERE)
    with pytest.raises(FailpointError):
        failpoint(HERE)


def test_it_happens_at_each_nth_passing() -> None:
    arm(Plan.read(f"{HERE}:raise:1/3"))
    for _ in range(2):
        failpoint(HERE)
        failpoint(HERE)
        with pytest.raises(FailpointError):
            failpoint(HERE)


def test_killed_a_process_is_gone_at_once() -> None:
    told = "from application.failpoints import *; arm(Plan.read('sweep.after_select:kill')); "
    done = subprocess.run(
        [sys.executable, "-c", f"{told}failpoint(Failpoint.SWEEP_AFTER_SELECT); print('alive')"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (-9, "")


def test_one_hangs_longer_than_anybody_waits() -> None:
    assert ACTS["sleep"].args == (HANG_SECONDS,)  # type: ignore[attr-defined] # a partial
    assert HANG_SECONDS > 20, "a worker's lease"


@pytest.mark.parametrize(
    "text", ["", "kill", "nowhere:kill", f"{HERE}:die", f"{HERE}:kill:1/0", f"{HERE}:kill:2/3", f"{HERE}:kill\n"]
)
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="failpoint"):
        Plan.read(text)


def test_every_failpoint_is_at_one_place() -> None:
    code = "".join(path.read_text() for path in SOURCES.rglob("*.py"))
    assert {each.name: code.count(f"failpoint(Failpoint.{each.name})") for each in Failpoint} == dict.fromkeys(
        Failpoint.__members__, 1
    )

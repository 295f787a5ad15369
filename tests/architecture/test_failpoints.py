"""Every place at which a process can be told to die has a trial in which one dies there."""

from __future__ import annotations

from application.failpoints import Failpoint
from tests.chaos.test_failpoints import TRIALS


def test_every_failpoint_has_its_trial() -> None:
    assert TRIALS.keys() == set(Failpoint)

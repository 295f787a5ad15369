"""Named places at which a process can be told to die, hang or fail, for trying out what becomes of its work.

Told by a setting, for one place at a time; told nothing, passing one costs a comparison.
"""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final

HANG_SECONDS: Final = 30.0
_PLAN: Final = re.compile(r"([a-z_.]+):([a-z]+)(?::1/([1-9][0-9]{0,5}))?", re.ASCII)


class Failpoint(StrEnum):
    """Where a process may be stopped: between steps that no transaction holds together, or right before a commit."""

    UPLOAD_AFTER_PUT = "upload.after_put"
    UPLOAD_BEFORE_ROW = "upload.before_row"
    CREATE_BEFORE_COMMIT = "create.before_commit"
    CREATE_AFTER_COMMIT = "create.after_commit"
    CREATE_BEFORE_REPLY = "create.before_reply"
    ONCE_AFTER_KEEP = "once.after_keep"
    DELETE_AFTER_COMMIT = "delete.after_commit"
    RELAY_AFTER_CLAIM = "relay.after_claim"
    RELAY_BEFORE_MARK = "relay.before_mark"
    RELAY_AFTER_MARK = "relay.after_mark"
    SEQUENCE_BEFORE_COMMIT = "sequence.before_commit"
    STREAM_BEFORE_APPEND = "stream.before_append"
    STREAM_AFTER_APPEND = "stream.after_append"
    WEBHOOK_BEFORE_SEND = "webhook.before_send"
    WEBHOOK_AFTER_SEND = "webhook.after_send"
    MEDIA_AFTER_DOWNLOAD = "media.after_download"
    MEDIA_AFTER_PUT = "media.after_put"
    MEDIA_BEFORE_COMMIT = "media.before_commit"
    MEDIA_AFTER_COMMIT = "media.after_commit"
    SWEEP_AFTER_SELECT = "sweep.after_select"
    SWEEP_BEFORE_COMMIT = "sweep.before_commit"
    SWEEP_AFTER_COMMIT = "sweep.after_commit"
    CLEANUP_AFTER_MARK = "cleanup.after_mark"
    CLEANUP_AFTER_DELETE = "cleanup.after_delete"
    CLEANUP_BEFORE_COMMIT = "cleanup.before_commit"


class FailpointError(Exception):
    """A failpoint was told to raise; nothing in the service knows this error."""


def _raise() -> None:
    raise FailpointError


ACTS: Final[Mapping[str, Callable[[], object]]] = {
    "kill": partial(signal.raise_signal, signal.SIGKILL),
    # Of the whole thread, and so of its event loop: what else runs there hangs as well, as if it were stopped.
    "sleep": partial(time.sleep, HANG_SECONDS),
    "raise": _raise,
}


@dataclass(slots=True)
class Plan:
    """What happens at one failpoint.

    Attributes:
        every: at each so-manieth passing.
    """

    at: Failpoint
    act: Callable[[], object]
    every: int = 1
    passed: int = 0

    @classmethod
    def read(cls, text: str) -> Plan:
        """Read ``name:kill|sleep|raise[:1/n]``.

        Raises:
            ValueError: it is none, or there is no such failpoint.
        """
        match = _PLAN.fullmatch(text)
        if match is None or match[2] not in ACTS:
            raise ValueError(f"a failpoint is name:{'|'.join(ACTS)}, or with :1/n at each n-th passing")
        if match[1] not in [*Failpoint]:
            raise ValueError(f"there is no failpoint {match[1]}; there are {', '.join(Failpoint)}")
        return cls(Failpoint(match[1]), ACTS[match[2]], int(match[3] or 1))

    def passes(self) -> None:
        """Count, and act if it is time to."""
        self.passed += 1
        if self.passed % self.every == 0:
            self.act()


class _Told:
    """What this process was told."""

    plan: Plan | None = None


_told: Final = _Told()


def arm(plan: Plan | None) -> None:
    """Tell this process what to do at a failpoint; None: nothing at any."""
    _told.plan = plan


def failpoint(at: Failpoint) -> None:
    """Pass a failpoint: nothing happens, unless this process was told otherwise."""
    if _told.plan is not None and _told.plan.at is at:
        _told.plan.passes()

"""The child that makes one rendition and ends: ``python -m infrastructure.media.render <type> <source> <folder>``.

It decodes what strangers sent, so it limits itself before it reads the first byte of it. One JSON object on standard
output says how it went: ``{"ok": <Rendering>}`` or ``{"failed": "media_invalid" | "media_limits"}``, exit code 0. Any
other end is a failure of the machinery, with the reason on standard error.
"""

from __future__ import annotations

import contextlib
import ctypes
import resource
import signal
import sys
from pathlib import Path
from typing import Final, Literal

import msgspec

from infrastructure.media import images
from infrastructure.media.headers import PictureInvalidError, PictureTooLargeError

ADDRESS_SPACE: Final = 2 * 1024**3
"""Bytes of address space; see the table in `infrastructure.media.glass_box` for what pictures of 100 Mpx need."""

CPU_SECONDS: Final = 60
"""Seconds of processor time; the largest picture takes a tenth of it."""

FILE_SIZE: Final = 300_000_000
"""Bytes of the largest file that may be written: three times the largest upload."""

OPEN_FILES: Final = 64
"""File descriptors; a handful is in use at a time."""

_LIMITS: Final = {
    resource.RLIMIT_AS: (ADDRESS_SPACE, 0),
    # The signal that tells why, SIGXCPU, is sent at the soft limit only if the hard one has not killed it already.
    resource.RLIMIT_CPU: (CPU_SECONDS, 1),
    resource.RLIMIT_FSIZE: (FILE_SIZE, 0),
    resource.RLIMIT_NOFILE: (OPEN_FILES, 0),
    # A crash is to be expected once in a while, and its dump would hold somebody's picture.
    resource.RLIMIT_CORE: (0, 0),
}
"""Soft limits, and by how much the hard ones are higher."""

_PR_SET_PDEATHSIG: Final = 1
"""From <linux/prctl.h>."""


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the child says on standard output: one of the two."""

    ok: images.Rendering | None = None
    failed: Literal["media_invalid", "media_limits"] | None = None


def main(arguments: list[str]) -> None:
    """Make the rendition and say how it went."""
    _die_first()
    _limit_itself()
    mime_type, source, target = arguments
    sys.stdout.buffer.write(msgspec.json.encode(_outcome(mime_type, Path(source), Path(target))))


def _outcome(mime_type: str, source: Path, target: Path) -> Outcome:
    try:
        return Outcome(ok=images.render(source, mime_type, target))
    except PictureInvalidError:
        return Outcome(failed="media_invalid")
    except (PictureTooLargeError, MemoryError):
        return Outcome(failed="media_limits")


def _limit_itself() -> None:
    """Set the limits, or the stricter ones that were inherited."""
    for limit, (wanted, grace) in _LIMITS.items():
        _, inherited = resource.getrlimit(limit)
        hard = wanted + grace
        if inherited != resource.RLIM_INFINITY:
            hard = min(hard, inherited)
        # Where the kernel does not know a limit (address space on macOS), the others still hold.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(limit, (max(hard - grace, 0), hard))


def _die_first() -> None:
    """Ask Linux to end this process with the thread that started it, and before any other when memory runs out.

    Elsewhere, and if the parent was gone before this ran, the limits bound the orphan.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


if __name__ == "__main__":
    main(sys.argv[1:])

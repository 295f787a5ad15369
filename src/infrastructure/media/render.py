"""The child that makes one rendition and ends: ``python -m infrastructure.media.render <type> <source> <folder>``.

Where it is forked, it is `main` alone (`infrastructure.media.fork_server`). It decodes what strangers sent, so it ties
its own hands before it reads the first byte of it. It says on standard output, one JSON object a line, how far it is,
``{"reached": 0.5}``, and at last how it went: ``{"ok": [Rendering]}`` or ``{"failed": "media_invalid" | "media_limits"
| "video_too_long"}``, exit code 0. Any other end is a failure of the machinery, with the reason on standard error.

It loads as little as it can: a photo of 12 Mpx takes a fifth of a second, and each library some hundredths.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any, Final

from infrastructure.media.confinement import confine
from infrastructure.media.headers import PictureInvalidError, PictureTooLargeError
from infrastructure.media.renditions import Rendering, VideoTooLongError

PICTURE_CPU_SECONDS: Final = 60
"""Seconds of processor time; the largest picture takes a tenth of it, the longest animation half."""

VIDEO_CPU_SECONDS: Final = 300
"""Seconds of processor time; a minute of 4K at 60 frames a second takes most of it."""

REPORT_SECONDS: Final = 1.0
"""How often the child says how far it is."""


def main(arguments: list[str]) -> None:
    """Make the rendition and say how it went."""
    mime_type, source, target = arguments
    video = mime_type.startswith("video/")
    confine(cpu_seconds=VIDEO_CPU_SECONDS if video else PICTURE_CPU_SECONDS)
    _say(_outcome(mime_type, Path(source), Path(target)))


def _outcome(mime_type: str, source: Path, target: Path) -> dict[str, Any]:
    try:
        return {"ok": _rendered(mime_type, source, target)}
    except PictureInvalidError:
        return {"failed": "media_invalid"}
    except (PictureTooLargeError, MemoryError):
        return {"failed": "media_limits"}
    except VideoTooLongError:
        return {"failed": "video_too_long"}


def _rendered(mime_type: str, source: Path, target: Path) -> Rendering:
    # Each knows a library of its own, which takes its time and its memory to load.
    if mime_type.startswith("video/"):
        from infrastructure.media import videos  # noqa: PLC0415

        return videos.render(source, mime_type, target, _Reporter())
    from infrastructure.media import images  # noqa: PLC0415

    return images.render(source, mime_type, target)


class _Reporter:
    """Says how far the work is, once in a while."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, reached: float) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + REPORT_SECONDS
            _say({"reached": round(min(reached, 1.0), 3)})


def _say(word: dict[str, Any]) -> None:
    print(json.dumps(word), flush=True)  # noqa: T201 - the standard output is how a child speaks


if __name__ == "__main__":
    main(sys.argv[1:])

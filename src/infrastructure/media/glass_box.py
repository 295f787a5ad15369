"""Renders uploads in child processes that cannot take anything else down with them.

A decoder may crash, hang or grow on what strangers send. It runs under limits, in a session of its own, without secrets
in its environment, and is gone when its time is up or whoever asked has left.

Pictures of 100 Mpx, the most that is accepted, measured with Pillow 13.0.0 on x86-64:

================================  ================  =============
picture                           address space     processor
================================  ================  =============
JPEG, baseline / progressive      70 / 640 MB       0.6 / 2.0 s
PNG, RGB / RGBA                   530 / 920 MB      2.0 / 3.3 s
GIF, transparent                  1,000 MB          2.1 s
WebP, lossy / lossless            1,580 / 1,720 MB  4.1 / 5.0 s
================================  ================  =============

A photo of 12 Mpx takes 70 MB and 0.4 s, of which 0.1 s pass before anything is read.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from application.ports.errors import RenderingFailedError
from application.ports.media import RenderedFile
from domain.story import FailureReason
from infrastructure.media.render import Outcome

PROGRAM: Final = (sys.executable, "-P", "-m", "infrastructure.media.render")
"""The child. `-P`: a module in the working directory is not taken for one of the library."""

TIMEOUT_SECONDS: Final = 60.0
"""Wall-clock seconds a child may take: as long as the processor time it limits itself to."""

CHILDREN: Final = 2
"""Children at a time; each may come to need a processor and, rarely, 1.7 GB."""

_ANSWER_BYTES: Final = 65_536
"""Of standard output; an answer is a few hundred bytes."""

_COMPLAINT_BYTES: Final = 4_096
"""Of standard error: a traceback."""

_SOURCE_ROOT: Final = str(Path(__file__).resolve().parents[2])


class GlassBox:
    """Renders in child processes, a few at a time.

    The children die with the thread that runs the event loop, on Linux at once, also if it is killed.

    Args:
        children: how many at a time; whoever comes later waits, which does not count as time of theirs.
        timeout_seconds: wall-clock time of one child.
        program: what to run; it is given type, source and target, and answers as `infrastructure.media.render` does.
    """

    def __init__(
        self,
        *,
        children: int = CHILDREN,
        timeout_seconds: float = TIMEOUT_SECONDS,
        program: Sequence[str] = PROGRAM,
    ) -> None:
        self._places = asyncio.Semaphore(children)
        self._timeout_seconds = timeout_seconds
        self._program = tuple(program)

    async def render(self, source: Path, mime_type: str, target: Path) -> RenderedFile:
        """Render into the existing folder ``target``; ``mime_type`` is what `infrastructure.media.sniff` told.

        When this returns, raises or is cancelled, no child of it is left.

        Raises:
            RenderingFailedError: ``MEDIA_INVALID`` and ``MEDIA_LIMITS`` are the picture's fault, the latter also if
                time, processor or memory ran out; ``PROCESSING_FAILED`` is not, as far as can be told: the child
                crashed, was killed, or could not write. What it said on standard error is a note of the exception.
        """
        async with self._places:
            return await self._rendered(source, mime_type, target)

    async def _rendered(self, source: Path, mime_type: str, target: Path) -> RenderedFile:
        process = await asyncio.create_subprocess_exec(
            *self._program,
            mime_type,
            str(source),
            str(target),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(),
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(self._timeout_seconds):
                answer, complaint = await asyncio.gather(
                    _beginning(process.stdout, _ANSWER_BYTES), _beginning(process.stderr, _COMPLAINT_BYTES)
                )
                code = await process.wait()
        except TimeoutError:
            raise _failure(FailureReason.MEDIA_LIMITS, f"took more than {self._timeout_seconds} s") from None
        finally:
            await _end(process)
        return _judge(answer, code, complaint, target)


def _environment() -> dict[str, str]:
    """Collect what Python needs to find itself and this package, and nothing else."""
    python_path = os.pathsep.join(filter(None, (_SOURCE_ROOT, os.environ.get("PYTHONPATH"))))
    return {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": python_path}


async def _beginning(stream: asyncio.StreamReader | None, size: int) -> bytes:
    """Read a stream to its end, lest its writer wait for ever, and keep the first bytes."""
    kept = b""
    while stream is not None and (piece := await stream.read(_ANSWER_BYTES)):
        kept += piece[: size - len(kept)]
    return kept


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill what is left of the child and of what it may have started, and see it off."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.communicate()


def _judge(answer: bytes, code: int, complaint: bytes, target: Path) -> RenderedFile:
    note = f"exit code {code}: {complaint.decode(errors='replace')}"
    if code == -signal.SIGXCPU:
        raise _failure(FailureReason.MEDIA_LIMITS, note)
    if code:
        raise _failure(FailureReason.PROCESSING_FAILED, note)
    try:
        outcome = msgspec.json.decode(answer, type=Outcome)
    except msgspec.DecodeError as error:
        raise _failure(FailureReason.PROCESSING_FAILED, note) from error
    made = outcome.ok
    if made is None:
        raise _failure(FailureReason(outcome.failed or FailureReason.PROCESSING_FAILED), note)
    return RenderedFile(
        media=target / made.image,
        thumbnail=target / made.thumbnail,
        mime_type=made.mime_type,
        width=made.width,
        height=made.height,
        placeholder=made.placeholder,
        duration_seconds=made.duration_seconds,
    )


def _failure(reason: FailureReason, note: str) -> RenderingFailedError:
    error = RenderingFailedError(reason)
    error.add_note(note)
    return error

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

A photo of 12 Mpx takes 51 MB and 0.24 s (`make bench-media`).
"""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Final

import msgspec

from application.ports.errors import RenderingFailedError
from application.ports.media import Reached, RenderedFile
from domain.story import FailureReason
from infrastructure.media.children import Children, ready_children
from infrastructure.media.renditions import Rendering

STALLED_SECONDS: Final = 45.0
"""Wall-clock seconds a child may go on without a word; a picture takes a tenth of it, a video speaks every second."""

TIMEOUT_SECONDS: Final = 600.0
"""Wall-clock seconds a child may take in all: twice the processor time it limits itself to."""

CHILDREN: Final = 2
"""Children at a time; each may come to need a processor and, rarely, 1.7 GB."""

_COMPLAINT_BYTES: Final = 4_096
"""Of standard error: a traceback."""

_REASONS: Final = {reason.value: reason for reason in FailureReason}


class _Word(msgspec.Struct, frozen=True):
    """What the child says in a line: one of the three.

    Attributes:
        reached: how far it is, 0-1.
    """

    ok: Rendering | None = None
    failed: str | None = None
    reached: float | None = None


class GlassBox:
    """Renders in child processes, a few at a time.

    The children die with the thread that runs the event loop, on Linux at once, also if it is killed.

    Args:
        children: how many at a time; whoever comes later waits, which does not count as time of theirs.
        stalled_seconds: wall-clock time of one child without a word.
        timeout_seconds: wall-clock time of one child.
        family: how they are started.
    """

    def __init__(
        self,
        *,
        children: int = CHILDREN,
        stalled_seconds: float = STALLED_SECONDS,
        timeout_seconds: float = TIMEOUT_SECONDS,
        family: Children | None = None,
    ) -> None:
        self._places = asyncio.Semaphore(children)
        self._stalled_seconds, self._timeout_seconds = stalled_seconds, timeout_seconds
        self._family = ready_children() if family is None else family

    async def render(self, source: Path, mime_type: str, target: Path, reached: Reached) -> RenderedFile:
        """Render into the existing folder ``target``; ``mime_type`` is what `infrastructure.media.sniff` told.

        When this returns, raises or is cancelled, no child of it is left.

        Raises:
            RenderingFailedError: ``MEDIA_INVALID``, ``VIDEO_TOO_LONG`` and ``MEDIA_LIMITS`` are the file's fault, the
                last also if time, processor or memory ran out; ``PROCESSING_FAILED`` is not, as far as can be told: the
                child crashed, was killed, or could not write. What it said on standard error is a note of the
                exception.
        """
        async with self._places:
            return await self._rendered(source, mime_type, target, reached)

    async def _rendered(self, source: Path, mime_type: str, target: Path, reached: Reached) -> RenderedFile:
        try:
            child = await self._family.start(mime_type, source, target)
        except OSError as error:
            raise _failure(FailureReason.PROCESSING_FAILED, str(error)) from error
        complaining = asyncio.ensure_future(_beginning(child.complaints))
        try:
            async with asyncio.timeout(self._timeout_seconds):
                answer = await self._listen(child.words, reached)
                code = await child.ended()
        except TimeoutError:
            raise _failure(FailureReason.MEDIA_LIMITS, "took too long, or said nothing for too long") from None
        finally:
            await child.end()
            complaint = await complaining
        return _judge(answer, code, complaint, target)

    async def close(self) -> None:
        """Keep no process ready for children to come."""
        await self._family.close()

    async def _listen(self, stream: asyncio.StreamReader, reached: Reached) -> bytes:
        """Hear the child out; answers the last it said.

        Raises:
            TimeoutError: it fell silent.
        """
        last = b""
        while True:
            async with asyncio.timeout(self._stalled_seconds):
                line = await _line(stream)
            if not line:
                return last
            last = line
            if (part := _decoded(line).reached) is not None:
                await reached(part)


async def _line(stream: asyncio.StreamReader) -> bytes:
    """The next line; of one that is too long, nothing: it is no word of ours."""
    try:
        return await stream.readline()
    except ValueError:
        return b"\n"


async def _beginning(stream: asyncio.StreamReader) -> bytes:
    """Read a stream to its end, lest its writer wait for ever, and keep the first bytes."""
    kept = b""
    while piece := await stream.read(_COMPLAINT_BYTES):
        kept += piece[: _COMPLAINT_BYTES - len(kept)]
    return kept


def _judge(answer: bytes, code: int, complaint: bytes, target: Path) -> RenderedFile:
    note = f"exit code {code}: {complaint.decode(errors='replace')}"
    if code == -signal.SIGXCPU:
        raise _failure(FailureReason.MEDIA_LIMITS, note)
    if code:
        raise _failure(FailureReason.PROCESSING_FAILED, note)
    word = _decoded(answer)
    if word.ok is None:
        raise _failure(_REASONS.get(word.failed or "", FailureReason.PROCESSING_FAILED), note)
    made = word.ok
    return RenderedFile(
        media=target / made.media,
        thumbnail=target / made.thumbnail,
        poster=target / made.poster if made.poster else None,
        mime_type=made.mime_type,
        width=made.width,
        height=made.height,
        placeholder=made.placeholder,
        duration_seconds=made.duration_seconds,
    )


def _decoded(line: bytes) -> _Word:
    try:
        return msgspec.json.decode(line, type=_Word)
    except msgspec.DecodeError:
        return _Word()


def _failure(reason: FailureReason, note: str) -> RenderingFailedError:
    error = RenderingFailedError(reason)
    error.add_note(note)
    return error

"""Newline-delimited JSON: bodies of any length, read line by line at constant memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from litestar import Request

from interfaces.http.problems import RequestError

NDJSON: Final = "application/x-ndjson"
LINE_MAX_BYTES: Final = 65_536
_KEPT: Final = LINE_MAX_BYTES + 1
"""Of a line: enough to see that it is too long."""
_NAMES: Final = {NDJSON, "application/ndjson", "application/jsonl", "application/x-jsonlines"}
"""The same under other names: none of them was ever registered."""


def require_ndjson(request: Request[Any, Any, Any]) -> None:
    """Refuse a body that is sent as something else than lines of JSON.

    Raises:
        RequestError: 415.
    """
    media_type, _ = request.content_type
    if media_type not in _NAMES:
        raise RequestError(415, "unsupported_media_type", f"Send lines of JSON, as {NDJSON}.")


async def lines_of(chunks: AsyncIterator[bytes]) -> AsyncIterator[tuple[int, bytes | None]]:
    """Lines by their numbers, from 1, without those that are blank; None: it is longer than is accepted."""
    number, line = 1, bytearray()
    async for chunk in chunks:
        *ended, begun = chunk.split(b"\n")
        for end in ended:
            line += end[:_KEPT]
            if line.strip():
                yield number, _accepted(line)
            number, line = number + 1, bytearray()
        line += begun[:_KEPT]
        del line[_KEPT:]
    if line.strip():
        yield number, _accepted(line)


def _accepted(line: bytearray) -> bytes | None:
    return bytes(line) if len(line) <= LINE_MAX_BYTES else None

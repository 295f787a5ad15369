"""Media over HTTP: the bytes behind a signed link, checked again at each fetch."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any, Final, Protocol, runtime_checkable

from litestar import Request, Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Stream

from application.ports.media import Blob
from application.queries.open_media import MediaFile, MediaPart, MediaTicket, OpenMedia, OpenMediaHandler
from domain.errors import NotFoundError
from interfaces.http.auth import PUBLIC
from interfaces.http.openapi import GetMediaOperation
from interfaces.http.problems import RequestError, specs

_CACHE_SECONDS: Final = 60
"""The longest a browser may show a picture without asking whether it still may."""
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})", re.ASCII)


@runtime_checkable
class LinkReader(Protocol):
    """Reads links."""

    def read(self, token: str) -> MediaTicket:
        """What a link's token proves.

        Raises:
            NotFoundError: it is none of ours.
        """


@get(
    "/{token:str}/{part:str}",
    opt=PUBLIC,
    operation_id="getMedia",
    media_type="application/octet-stream",
    operation_class=GetMediaOperation,
    responses=specs(404, 410, 416),
)
async def get_media(
    token: FromPath[str],
    part: FromPath[str],
    request: Request[Any, Any, Any],
    links: NamedDependency[LinkReader],
    open_media: NamedDependency[OpenMediaHandler],
) -> Stream | Redirect:
    """Get a story's file by a link: ``mediaUrl``, ``thumbnailUrl``, ``posterUrl`` or ``tempUrl``; ranges work."""
    wanted = _part(part)
    file = await open_media(OpenMedia(ticket=links.read(token), part=wanted))
    if not request.scope.get("head_only") and (link := await open_media.link(file, wanted)):
        return Redirect(link, status_code=302, headers=_guarding(file), media_type="text/plain")
    start, stop = _range(request.headers.get("range"))
    blob = await open_media.read(file, start=start, stop=stop)
    if blob.start >= blob.size:
        raise RequestError(
            416, "invalid_parameter", "The range begins after the end.", content_range=f"bytes */{blob.size}"
        )
    partial = "range" in request.headers and (start, stop) != (0, None)
    return Stream(
        _nothing() if request.scope.get("head_only") else blob.chunks,
        status_code=206 if partial else 200,
        headers=_headers(file, blob, wanted, partial=partial),
    )


def _part(text: str) -> MediaPart:
    try:
        return MediaPart(text)
    except ValueError:
        raise NotFoundError from None


def _range(header: str | None) -> tuple[int, int | None]:
    """First byte and one past the last; anything but one plain range is the whole, as RFC 9110 section 14.2 allows."""
    match = _RANGE.fullmatch(header or "")
    if match is None or not match[1]:
        return 0, None
    start, last = int(match[1]), int(match[2]) if match[2] else None
    return (0, None) if last is not None and last < start else (start, None if last is None else last + 1)


def _headers(file: MediaFile, blob: Blob, part: MediaPart, *, partial: bool) -> dict[str, str]:
    headers = {
        "Content-Type": file.mime_type,
        "Content-Length": str(blob.stop - blob.start),
        "Accept-Ranges": "bytes",
        **_guarding(file),
    }
    if partial:
        headers["Content-Range"] = f"bytes {blob.start}-{blob.stop - 1}/{blob.size}"
    if part is MediaPart.UPLOAD:
        headers["Content-Disposition"] = "attachment"
    return headers


def _guarding(file: MediaFile) -> dict[str, str]:
    """Headers that let a browser do nothing with the bytes but show them, and for how long."""
    left = _CACHE_SECONDS if file.seconds_left is None else max(0, min(_CACHE_SECONDS, int(file.seconds_left)))
    return {
        "Cache-Control": f"private, max-age={left}",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex",
    }


async def _nothing() -> AsyncIterator[bytes]:
    yield b""


media_router = Router("/media", route_handlers=[get_media], tags=["Media"])

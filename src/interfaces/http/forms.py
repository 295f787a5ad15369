"""Multipart forms, read as they come: the media part goes straight to its receiver, text parts are few and small."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec
from litestar import Request
from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser

from interfaces.http.bodies import OverlayBody
from interfaces.http.problems import RequestError, decode_problem, invalid

MEDIA_PART: Final = "media"
TEXT_MAX_BYTES: Final = 65_536
"""Of all text parts together."""
_PARTS_MAX: Final = 1_000 + 32
"""A list of 1,000 users, one a part, and every other field."""

_READ_AS: Final[Mapping[str, Any]] = {"overlays": list[OverlayBody], "duration": float}
"""Parts that are not plain text, and what they hold as JSON; the same in every form."""

Body = TypeVar("Body")
Media = TypeVar("Media")
_Event = MultipartSegment | bytearray | bytes | None


async def read_form(
    request: Request[Any, Any, Any],
    wanted: type[Body],
    receive_media: Callable[[AsyncIterator[bytes]], Awaitable[Media]],
    **more: Any,
) -> tuple[Body, Media | None]:
    """Read a form with the fields of a story, as ``wanted`` has them, and at most one media part.

    ``more`` names parts that hold JSON of a type, beyond those of every form.

    Raises:
        RequestError: 400 if it is broken, 413 if the texts are too long; and whatever ``receive_media`` raises.
    """
    _, options = request.content_type
    texts: dict[str, list[str]] = {}
    media: list[Media] = []
    left = TEXT_MAX_BYTES
    events = _events(request.stream(), options.get("boundary", ""))
    async for segment in events:
        if not isinstance(segment, MultipartSegment):
            continue
        if segment.name == MEDIA_PART:
            if media:
                raise invalid("invalid_request", MEDIA_PART, "One file to a story")
            media.append(await receive_media(_payload(events)))
        else:
            raw = await _text(events, left)
            left -= len(raw)
            texts.setdefault(segment.name or "", []).append(_decoded(raw, segment.name or ""))
    return _body(texts, wanted, {**_READ_AS, **more}), media[0] if media else None


async def _events(stream: AsyncIterator[bytes], boundary: str) -> AsyncIterator[_Event]:
    try:
        with PushMultipartParser(boundary, max_segment_count=_PARTS_MAX, strict=True) as parser:
            async for chunk in stream:
                if not chunk:
                    continue
                for event in parser.parse(chunk):
                    yield event
                if parser.closed:
                    break
    except ParserLimitReached:
        raise RequestError(400, "invalid_request", "The form has too many parts, or too long part headers.") from None
    except (MultipartError, UnicodeError, ValueError):
        raise RequestError(400, "invalid_request", "The body is not a multipart form as RFC 7578 has it.") from None


async def _payload(events: AsyncIterator[_Event]) -> AsyncIterator[bytes]:
    """The bytes of the part that has just begun."""
    async for event in events:
        if event is None:
            return
        if not isinstance(event, MultipartSegment):
            yield bytes(event)


async def _text(events: AsyncIterator[_Event], most: int) -> bytes:
    text = bytearray()
    async for chunk in _payload(events):
        text += chunk
        if len(text) > most:
            raise RequestError(413, "too_large", f"The texts of a form have at most {TEXT_MAX_BYTES:,} bytes together.")
    return bytes(text)


def _decoded(raw: bytes, field: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise invalid("invalid_request", field, "Not UTF-8") from None


def _body(texts: dict[str, list[str]], wanted: type[Body], read_as: Mapping[str, Any]) -> Body:
    given: dict[str, Any] = {}
    for name, values in texts.items():
        if name == "allowedUserIds":
            given[name] = _listed(values)
        elif len(values) > 1:
            raise invalid("invalid_request", name, "Given more than once")
        elif name in read_as:
            given[name] = _json(values[0].strip(), read_as[name], name)
        else:
            given[name] = values[0]
    try:
        return msgspec.convert(given, wanted)
    except msgspec.ValidationError as error:
        raise decode_problem(error) from None


def _listed(values: list[str]) -> list[str]:
    if len(values) == 1 and values[0].lstrip().startswith("["):
        ids: list[str] = _json(values[0], list[str], "allowedUserIds")
        return ids
    return values


def _json(text: str, wanted: Any, field: str) -> Any:
    try:
        return msgspec.json.decode(text, type=wanted)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise invalid("invalid_request", field, "Not what is expected here") from None

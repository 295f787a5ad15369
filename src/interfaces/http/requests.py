"""Requests as this service reads them: who calls, and bodies decoded strictly into the type a handler declares."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, TypeVar

import msgspec
from litestar import Request
from litestar.datastructures import State

from application.caller import Caller
from application.ports.people import TokenClaims
from interfaces.http.problems import RequestError, decode_problem

JSON_MAX_BYTES: Final = 2_097_152

Body = TypeVar("Body")


class StoriesRequest(Request[Caller, TokenClaims, State]):
    """A request; ``request.user`` is the `Caller`, ``request.auth`` what the token says."""

    async def json(self) -> Any:
        """The body as the handler's own type, read in one strict pass: ``"15"`` is no number here.

        Raises:
            RequestError: 415 if it is not sent as JSON, 400 if it cannot be read.
        """
        require_json(self)
        field = self.route_handler.parsed_data_field
        return decode_json(await self.body(), field.annotation if field else Any)


def require_json(request: Request[Any, Any, Any]) -> None:
    """Refuse a body that is sent as something else than JSON.

    Raises:
        RequestError: 415.
    """
    media_type, _ = request.content_type
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise RequestError(415, "unsupported_media_type", "Send JSON, as application/json.")


def decode_json(body: bytes, wanted: Any) -> Any:
    """Read JSON strictly into a type; unknown fields are ignored, and the last of duplicate keys wins.

    Raises:
        RequestError: 400.
    """
    try:
        return _decoder(wanted).decode(body.decode())  # all of it: what is ignored must be UTF-8 too
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise decode_problem(error) from None


async def read_json(request: Request[Any, Any, Any], wanted: type[Body]) -> Body:
    """Read the body of a route that takes forms too, and so more bytes than JSON may have.

    Raises:
        RequestError: 415 if it is not sent as JSON, 413 if there is too much of it, 400 if it cannot be read.
    """
    require_json(request)
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > JSON_MAX_BYTES:
        raise _too_much_json()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > JSON_MAX_BYTES:
            raise _too_much_json()
    read: Body = decode_json(bytes(body), wanted)
    return read


def _too_much_json() -> RequestError:
    return RequestError(413, "too_large", f"JSON has at most {JSON_MAX_BYTES:,} bytes.")


@lru_cache(maxsize=128)
def _decoder(wanted: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(wanted)

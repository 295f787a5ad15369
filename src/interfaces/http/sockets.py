"""How a WebSocket is refused: so that also a browser, which cannot read statuses, hears what its token lacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from litestar.connection import ASGIConnection
from litestar.types import Send

from interfaces.http import headers
from interfaces.http.problems import handle

BEARER: Final = "bearer"
"""The subprotocol that stands before a token, and that the service selects."""
UNAUTHENTICATED: Final = 4401
ORG_MISMATCH: Final = 4403
_CLOSES: Final[Mapping[tuple[int, str], int]] = {
    (401, "unauthenticated"): UNAUTHENTICATED,
    (401, "invalid_token"): UNAUTHENTICATED,
    (403, "org_mismatch"): ORG_MISMATCH,
}
"""What is told by a close: it is the application that has to do something, and not a bug of whoever wrote it."""


async def refuse(scope: Any, send: Any, error: Exception) -> None:
    """Refuse a WebSocket that is not accepted yet: by a close with a code of our own, or with an answer of HTTP."""
    response = handle(ASGIConnection(scope), error)
    said = response.content
    code = _CLOSES.get((said.status, said.code))
    if code is not None:
        await accept(scope, send)
        await send({"type": "websocket.close", "code": code, "reason": said.code})
        return
    given: headers.Headers = [
        (b"content-type", str(response.media_type).encode()),
        *((name.lower().encode(), value.encode("latin-1")) for name, value in response.headers.items()),
    ]
    headers.complete(given)
    await send({"type": "websocket.http.response.start", "status": said.status, "headers": given})
    await send({"type": "websocket.http.response.body", "body": msgspec.json.encode(said), "more_body": False})


async def accept(scope: Any, send: Send) -> None:
    """Accept a WebSocket; a browser that has named subprotocols wants one of them."""
    subprotocol = BEARER if BEARER in scope["subprotocols"] else None
    await send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": []})

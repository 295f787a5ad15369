"""The edge: what happens to every request before routing, and to every answer after. Pure ASGI: it costs little."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import structlog
from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

_FOLDED: Final = "/api/"
_NOWHERE: Final = "/nowhere"

_log = structlog.get_logger("access")


class Edge:
    """Gives the request an id, folds ``/api/Story`` to ``/api/story``, answers HEAD, sets headers, writes the log."""

    def __init__(self, app: ASGIApp, new_id: Callable[[], UUID]) -> None:
        self._app, self._new_id = app, new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        head, told = scope["method"] == "HEAD", _Told()
        request_id = str(self._new_id())
        changed: dict[str, Any] = {**scope, "path": folded(scope["path"]), "request_id": request_id}
        if head:
            changed |= {"method": "GET", "head_only": True}

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                told.status = message["status"]
                _set_headers(message)
            elif message["type"] == "http.response.body" and head:
                message = {**message, "body": b""}
            await send(message)

        try:
            await self._app(changed, receive, answer)  # type: ignore[arg-type]
        finally:
            _log.info(
                "request",
                method=scope["method"],
                route=changed.get("path_template") or "",
                status=told.status,
                milliseconds=round((time.perf_counter() - started) * 1000, 1),
                request_id=request_id,
            )


class _Told:
    status: int | None = None


def folded(path: str) -> str:
    """The path with the letter case of ``/api/{name}/`` taken out; what follows is kept as it is.

    The framework would take empty parts out, so that one place had many paths: with any, a path leads nowhere.
    """
    if "//" in path or (path.endswith("/") and path != "/"):
        return _NOWHERE
    if path[: len(_FOLDED)].lower() != _FOLDED:
        return path
    name, slash, rest = path[len(_FOLDED) :].partition("/")
    return f"{_FOLDED}{name.lower()}{slash}{rest}"


def _set_headers(message: Any) -> None:
    headers = MutableScopeHeaders.from_message(message)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    if "json" in headers.get("content-type", ""):
        headers.setdefault("Cache-Control", "no-store")
        headers.setdefault("Vary", "Authorization, orgid")

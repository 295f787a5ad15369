"""The edge: what happens to every request before routing, and to every answer after. Pure ASGI: it costs little."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from interfaces.http import headers
from interfaces.http.cors import Cors
from interfaces.http.metrics import Metrics

_FOLDED: Final = "/api/"
_NOWHERE: Final = "/nowhere"
_NO_METHOD: Final = "NONE"
"""The framework would answer OPTIONS by itself, to anybody; by this it finds nothing, and says what there is."""

_log = structlog.get_logger("access")


class Edge:
    """Gives the request an id, folds ``/api/Story``, answers HEAD, sets headers, counts, writes the log."""

    def __init__(self, app: ASGIApp, new_id: Callable[[], UUID], cors: Cors, metrics: Metrics) -> None:
        self._app, self._new_id, self._cors, self._metrics = app, new_id, cors, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        self._metrics.begun()
        method, asked, told = scope["method"], scope["headers"], _Told()
        head = method == "HEAD"
        request_id = str(self._new_id())
        changed: dict[str, Any] = {**scope, "path": folded(scope["path"]), "request_id": request_id}
        if head:
            changed |= {"method": "GET", "head_only": True}

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                told.status = message["status"]
                given = list(message["headers"])
                headers.complete(given)
                self._cors.complete(asked, given)
                message["headers"] = given
            elif message["type"] == "http.response.body" and head:
                message = {**message, "body": b""}
            await send(message)

        try:
            if method == "OPTIONS":
                if allowed := self._cors.preflight(asked):
                    await _permit(allowed, answer)
                    return
                changed["method"] = _NO_METHOD
            await self._app(changed, receive, answer)  # type: ignore[arg-type]
        finally:
            route, seconds = changed.get("path_template") or "", time.perf_counter() - started
            self._metrics.ended(method, route, told.status, seconds)
            _log.info(
                "request",
                method=method,
                route=route,
                status=told.status,
                milliseconds=round(seconds * 1000, 1),
                request_id=request_id,
            )


class _Told:
    status: int | None = None


async def _permit(allowed: headers.Headers, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": allowed})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


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

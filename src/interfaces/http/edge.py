"""The edge: what happens to every request before routing, and to every answer after. Pure ASGI: it costs little."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Send

from interfaces.http import headers
from interfaces.http.connection import STOP
from interfaces.http.cors import Cors
from interfaces.http.metrics import Metrics
from interfaces.http.paths import folded
from interfaces.http.problems import RequestError
from interfaces.http.sockets import refuse

_NO_METHOD: Final = "NONE"
"""The framework would answer OPTIONS by itself, to anybody; by this it finds nothing, and says what there is."""

_log = structlog.get_logger("access")


class Edge:
    """Gives the request an id, folds ``/api/Story``, answers HEAD, sets headers, counts, writes the log."""

    def __init__(
        self, app: ASGIApp, new_id: Callable[[], UUID], cors: Cors, metrics: Metrics, stop: Callable[[], None]
    ) -> None:
        """``stop`` is called when the server stops, once for each connection: what has no end of its own ends then."""
        self._app, self._new_id, self._cors, self._metrics, self._stop = app, new_id, cors, metrics, stop

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        match scope["type"]:
            case ScopeType.HTTP:
                await self._ask(scope, receive, send)
            case ScopeType.WEBSOCKET:
                await self._connect(scope, receive, send)
            case _:
                scope["state"][STOP] = self._stop
                await self._app(scope, receive, send)

    async def _ask(self, scope: Any, receive: Receive, send: Send) -> None:
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

    async def _connect(self, scope: Any, receive: Receive, send: Send) -> None:
        """Pass a WebSocket on, unless a page of another origin opens it: browsers ask no leave before."""
        started, told, request_id = time.perf_counter(), _Told(), str(self._new_id())
        changed: Any = {**scope, "path": folded(scope["path"]), "request_id": request_id}

        async def answer(message: Any) -> None:
            match message["type"]:
                case "websocket.accept":
                    told.status = 101
                case "websocket.http.response.start":
                    told.status = message["status"]
                case "websocket.close":
                    told.code = message.get("code")
            await send(message)

        try:
            if self._cors.is_foreign(scope):
                error = RequestError(403, "origin_not_allowed", "Pages of this origin may not connect.")
                await refuse(changed, answer, error)
            else:
                await self._app(changed, receive, answer)
        finally:
            _log.info(
                "socket",
                route=changed.get("path_template") or "",
                status=told.status,
                code=told.code,
                milliseconds=round((time.perf_counter() - started) * 1000, 1),
                request_id=request_id,
            )


class _Told:
    status: int | None = None
    code: int | None = None


async def _permit(allowed: headers.Headers, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": allowed})
    await send({"type": "http.response.body", "body": b"", "more_body": False})

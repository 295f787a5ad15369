"""Live updates over WebSocket."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack, aclosing, suppress
from typing import Any, Final

from litestar import Router, WebSocket, websocket
from litestar.datastructures import State
from litestar.di import NamedDependency

from application.caller import Caller
from application.live import Ending, Frame, Hub, Listener, TooManyListenersError
from application.ports.errors import InvalidTokenError, UnavailableError
from application.ports.people import TokenClaims
from interfaces.http.auth import ORG_IN_QUERY, bearer
from interfaces.http.problems import RequestError
from interfaces.http.sockets import UNAUTHENTICATED, accept, refuse
from interfaces.realtime.attending import position, until_one_ends
from interfaces.realtime.vigil import Vigil, require_time

TRY_AGAIN_LATER: Final = 1013
RESTARTING: Final = 1012
TOO_TALKATIVE: Final = 1008
_CLOSES: Final = {
    Ending.SLOW: (TRY_AGAIN_LATER, "resync"),
    Ending.UNPROVEN: (UNAUTHENTICATED, "invalid_token"),
    Ending.STOPPING: (RESTARTING, "restart"),
}
_SAID_MAX: Final = 60
"""Messages of a client in a minute: there is nothing that they need to say."""
_SAID_SECONDS: Final = 60.0

Connected = WebSocket[Caller, TokenClaims, State]


@websocket("/ws", opt=ORG_IN_QUERY)
async def hear(socket: Connected, hub: NamedDependency[Hub], vigil: NamedDependency[Vigil]) -> None:
    """Tell a user what happens, until either side ends it."""
    async with AsyncExitStack() as stack:
        try:
            after = position(socket.query_params.get("after"), "after")
            require_time(socket.auth)
            listener = await stack.enter_async_context(hub.listening(socket.user))
        except (RequestError, InvalidTokenError, TooManyListenersError, UnavailableError) as error:
            await refuse(socket.scope, socket.send, error)
            return
        stack.enter_context(vigil.kept(bearer(socket.scope), socket.auth, lambda: listener.end(Ending.UNPROVEN)))
        with suppress(OSError):  # the client is gone
            await accept(socket.scope, socket.send)
            await _attend(socket, hub, listener, after)


async def _attend(socket: Connected, hub: Hub, listener: Listener, after: int | None) -> None:
    code, reason = TOO_TALKATIVE, "silence"
    try:
        left = _Left(socket)
        await until_one_ends(_tell(socket, hub, listener, after), left.wait(), listener.over())
        if left.by_client:
            return
        if listener.ending is not None:
            code, reason = _CLOSES[listener.ending]
    except UnavailableError:
        code, reason = TRY_AGAIN_LATER, "unavailable"
    await socket.send({"type": "websocket.close", "code": code, "reason": reason})


async def _tell(socket: Connected, hub: Hub, listener: Listener, after: int | None) -> None:
    if after is not None:
        async with aclosing(hub.missed(listener, after)) as missed:
            async for frame in missed:
                await _send(socket, frame)
    while (heard := await listener.next()) is not None:
        await _send(socket, heard)


async def _send(socket: Connected, frame: Frame) -> None:
    await socket.send({"type": "websocket.send", "bytes": None, "text": frame.body.decode()})


class _Left:
    """Waits for the client to leave, or to say too much.

    Attributes:
        by_client: they have left.
    """

    def __init__(self, socket: Connected) -> None:
        self._socket, self.by_client = socket, False

    async def wait(self) -> None:
        """Until then."""
        said, since = 0, time.monotonic()
        while said <= _SAID_MAX:
            message: Any = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                self.by_client = True
                return
            if time.monotonic() - since > _SAID_SECONDS:
                said, since = 0, time.monotonic()
            said += message["type"] == "websocket.receive"


socket_router = Router("/api/story", route_handlers=[hear])

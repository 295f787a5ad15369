"""How uvicorn is to speak with clients: HTTP by our `Connection`, and WebSocket, with an end to its patience."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, ClassVar, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from interfaces.http.connection import Connection

FRAME_MAX_BYTES: Final = 4_096
"""Of what clients send: they need to send nothing."""
PING_SECONDS: Final = 30.0
KEPT_BYTES: Final = 65_536
"""Of what is sent and not taken, by the machine; as much is kept by the process before it waits."""


class Socket(WebSocketsSansIOProtocol):
    """A WebSocket. Who does not take what is sent, or does not answer a close, is left.

    Attributes:
        take_seconds: how long a client may take nothing of what waits for them.
        close_seconds: how long a close may take.
    """

    take_seconds: ClassVar[float] = 60.0
    close_seconds: ClassVar[float] = 5.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Have the machine, too, keep no more than is good for who reads slowly: by itself it would keep megabytes."""
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KEPT_BYTES)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_waiting()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """More waits than is good; wait for the client to take it."""
        super().pause_writing()
        self._wait(self.take_seconds)

    def resume_writing(self) -> None:
        """The client has taken some."""
        self._stop_waiting()
        super().resume_writing()

    async def send(self, message: Any) -> None:
        """Send; a close does not wait for what the client has not taken, and is the last thing to wait for."""
        if message["type"] == "websocket.close":
            self.writable.set()
        await super().send(message)
        match message["type"]:
            case "websocket.close":
                self._wait(self.close_seconds)
            case "websocket.http.response.body" if self.close_sent:
                self.handshake_complete = True  # there will be none; uvicorn takes a refusal for one forgotten

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        if not self.disconnected:
            self._patience = self.loop.call_later(seconds, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


OPTIONS: Final[dict[str, Any]] = {
    "http": Connection,
    "ws": Socket,
    "ws_max_size": FRAME_MAX_BYTES,
    "ws_ping_interval": PING_SECONDS,
    "ws_ping_timeout": PING_SECONDS,
    "ws_per_message_deflate": False,  # frames are short, and its windows would be most of what a socket takes
    "lifespan": "on",
    "log_config": None,
    "access_log": False,
    "server_header": False,
    "proxy_headers": False,
}
"""For `uvicorn.Config`."""

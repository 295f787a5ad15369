"""A connection: uvicorn's, with an end to its patience for those who send slowly, or without end."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, Final
from uuid import uuid4

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from interfaces.http.headers import Headers, complete
from interfaces.http.paths import SOCKET_PATH, folded
from interfaces.http.problems import MEDIA_TYPE, problem

_BROKEN: Final = "This is no request as RFC 9112 has it."
STOP: Final = "stop"
"""Under this name the application leaves with the server what to call when the server stops."""
_TOO_LONG: Final = "The request line and headers are too long."


class Connection(HttpToolsProtocol):
    """Closes on clients who keep a connection and send next to nothing; a phone on a slow network is no such.

    While the service itself is what a request waits for, nobody is closed on. A request that came whole, as nearly all
    do, sets no timer.

    Attributes:
        head_seconds: how long request line and headers may take.
        window_seconds: how often it is looked at how much of a body has come.
        least_bytes_per_second: less than this on average, in any such window, is too slow.
        head_bytes_max: how long request line and headers may be.
        take_seconds: how long a client may take nothing of an answer that waits for them.
        rest_seconds: how long nothing is read after each piece of a body that was refused: 256 KiB or less.
    """

    head_seconds: ClassVar[float] = 10.0
    window_seconds: ClassVar[float] = 20.0
    least_bytes_per_second: ClassVar[int] = 1_024
    head_bytes_max: ClassVar[int] = 65_536
    take_seconds: ClassVar[float] = 60.0
    rest_seconds: ClassVar[float] = 0.01

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head, self._in_body, self._held_back, self._left = False, False, False, False
        self._closes = False
        self._came = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timed: object = None
        self._taking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_waiting()
        self._taken()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """More of an answer waits than is good; wait for the client to take it."""
        super().pause_writing()
        self._taken()
        self._taking = self.loop.call_later(self.take_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has taken some."""
        self._taken()
        super().resume_writing()

    def shutdown(self) -> None:
        """Answer what was asked, and close; what would not end by itself ends now."""
        super().shutdown()
        self.app_state.get(STOP, _nothing)()

    def data_received(self, data: bytes) -> None:
        """Take what has come, and go on waiting if it is not all."""
        self._came += len(data)
        super().data_received(data)
        if self._closes:
            self._rest()
        if self._in_head and self._came > self.head_bytes_max:
            self._refuse(431, _TOO_LONG)
        self._wait()

    def _should_upgrade(self) -> bool:
        """Whether this begins a WebSocket, at the place where there is one; else it is a request as any other."""
        if self.scope["method"] != "GET" or folded(self.url.partition(b"?")[0].decode("latin-1")) != SOCKET_PATH:
            return False
        return super()._should_upgrade()

    def handle_websocket_upgrade(self) -> None:
        """Leave the connection to who speaks WebSocket."""
        self._left = True
        super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_head, self._came = True, 0

    def on_headers_complete(self) -> None:
        """Its body, if it has one, begins."""
        super().on_headers_complete()
        self._in_head, self._in_body = False, True
        if self.cycle is not None:  # else it is no request but the beginning of a WebSocket
            self.cycle.transport = _Lingering(self)

    def on_body(self, body: bytes) -> None:
        """A part of its body has come."""
        super().on_body(body)
        self._held_back |= self.flow.read_paused

    def on_message_complete(self) -> None:
        """It has come whole."""
        super().on_message_complete()
        self._in_body = False
        if self._closes:
            self.transport.close()

    def close_after_body(self) -> None:
        """Close, as soon as the client has said all it has to say.

        At once, what still comes would be answered with a reset, and a reset takes the answer with it that was sent.
        """
        self._closes = self._in_body
        if not self._closes:
            self.transport.close()

    def _rest(self) -> None:
        """Read on after a while: what is only thrown away shall not keep others waiting."""
        if not self.transport.is_closing():
            self.transport.pause_reading()
            self.loop.call_later(self.rest_seconds, self._read_on)

    def _read_on(self) -> None:
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, and close."""
        self._refuse(400, _BROKEN)

    def _refuse(self, status: int, detail: str) -> None:
        body = msgspec.json.encode(problem(str(uuid4()), status, "invalid_request", detail))
        headers: Headers = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        complete(headers)
        lines = b"".join(b"%s: %s\r\n" % header for header in headers)
        title = b"Bad Request" if status == 400 else b"Request Header Fields Too Large"
        if self._answered() or not self.cycle.response_started:  # else an answer is on its way
            self._forget_request()
            self.transport.write(b"HTTP/1.1 %d %s\r\n%s\r\n%s" % (status, title, lines, body))
        self.transport.close()

    def _forget_request(self) -> None:
        """Let whoever works on it hear that the client is gone, and say nothing."""
        if not self._answered():
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def _wait(self) -> None:
        """Have the timer of what is waited for, and only that."""
        phase = self._phase()
        if phase == self._timed:
            return
        self._stop_waiting()
        if phase is not None:
            seconds = self.window_seconds if phase == "body" else self.head_seconds
            self._came, self._held_back = 0, self.flow.read_paused
            self._timed, self._timer = phase, self.loop.call_later(seconds, self._look)

    def _phase(self) -> str | None:
        """What the client owes us: the head of a request, or its body. None: nothing."""
        if self._left or self.transport.is_closing():
            return None
        if self._in_head:
            return "head"
        if self._in_body:
            return "body"
        return "head" if self._answered() and self.timeout_keep_alive_task is None else None

    def _answered(self) -> bool:
        """Whether every request that came has its answer."""
        cycle: RequestResponseCycle | None = self.cycle  # None until the first
        return cycle is None or cycle.response_complete

    def _look(self) -> None:
        """Time is up: close, unless enough of the body came, or we were those who held it back."""
        phase, self._timed = self._timed, None
        enough = self._came >= self.window_seconds * self.least_bytes_per_second
        if phase == "body" and (enough or self._held_back or self.flow.read_paused):
            self._wait()
        else:
            self.transport.abort()

    def _taken(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timed = None, None


def _nothing() -> None:
    """Nothing is there that has to be ended."""


class _Lingering(asyncio.Transport):
    """The transport as whoever answers a request knows it: it closes when the request has come whole."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def write(self, data: Any) -> None:
        """Send."""
        self._connection.transport.write(data)

    def is_closing(self) -> bool:
        """Whether nothing is sent any more."""
        return self._connection.transport.is_closing()

    def close(self) -> None:
        """Close when the client is done."""
        self._connection.close_after_body()

"""Live updates as Server-Sent Events."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Annotated, Any, Final

from litestar import Response, Router, get
from litestar.di import NamedDependency
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, OpenAPIType, Operation, Schema
from litestar.params import HeaderParameter, QueryParameter
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from application.live import Ending, Frame, Hub, Listener
from application.ports.errors import UnavailableError
from interfaces.http.auth import ORG_IN_QUERY, bearer
from interfaces.http.problems import specs
from interfaces.http.requests import StoriesRequest
from interfaces.realtime.attending import position, until_one_ends
from interfaces.realtime.vigil import Vigil, require_time
from interfaces.realtime.wire import PING_SECONDS

MEDIA_TYPE: Final = "text/event-stream"
_RETRY_MILLISECONDS: Final = 2_000
_HEADERS: Final = (
    (b"content-type", MEDIA_TYPE.encode()),
    (b"x-accel-buffering", b"no"),  # proxies that gather answers would keep them back
)
_HELLO: Final = b"retry: %d\n\n" % _RETRY_MILLISECONDS
_RESYNC: Final = b"event: resync\ndata: {}\n\n"


@dataclass
class StreamOperation(Operation):
    """Hearing what happens, for as long as the connection lasts."""

    def __post_init__(self) -> None:
        """Say what the answer is."""
        content = {MEDIA_TYPE: OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))}
        told = {"200": OpenAPIResponse(description="Messages, until either side ends it", content=content)}
        self.responses = {**(self.responses or {}), **told}


class EventStream(Response[None]):
    """An answer without an end."""

    def __init__(self, hub: Hub, vigil: Vigil, request: StoriesRequest, after: int | None) -> None:
        super().__init__(None, media_type=MEDIA_TYPE)
        self._stream = _Stream(hub, vigil, request, after)

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIResponse:
        """The answer, as it is sent."""
        return self._stream


class _Stream(ASGIResponse):
    def __init__(self, hub: Hub, vigil: Vigil, request: StoriesRequest, after: int | None) -> None:
        super().__init__(media_type=MEDIA_TYPE)
        self._hub, self._vigil, self._request, self._after = hub, vigil, request, after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell what happens, until either side ends it."""
        if scope.get("head_only"):
            await _start(send)
            await _say(send, b"", more=False)
            return
        request = self._request
        async with self._hub.listening(request.user) as listener:
            with self._vigil.kept(bearer(scope), request.auth, lambda: listener.end(Ending.UNPROVEN)):
                await _start(send)
                with suppress(UnavailableError):  # whoever comes back names the last message they had
                    await until_one_ends(self._tell(listener, send), _leave(receive))
                await _say(send, _RESYNC if listener.ending is Ending.SLOW else b"", more=False)

    async def _tell(self, listener: Listener, send: Send) -> None:
        await _say(send, _HELLO + (self._alive(listener) if self._after is None else b""))
        if self._after is not None:
            async with aclosing(self._hub.missed(listener, self._after)) as missed:
                async for frame in missed:
                    await _say(send, _spelled(frame))
        while listener.ending is None:
            try:
                async with asyncio.timeout(PING_SECONDS):
                    heard = await listener.next()
            except TimeoutError:
                await _say(send, self._alive(listener))
                continue
            if heard is not None:
                await _say(send, _spelled(heard))

    def _alive(self, listener: Listener) -> bytes:
        """A comment, so that nobody on the way takes the connection for dead; and how far all was told."""
        return b":\nid: %d\n\n" % self._hub.reached(listener)


def _spelled(frame: Frame) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (frame.position, frame.type.encode(), frame.body)


async def _start(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})


async def _say(send: Send, said: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": said, "more_body": more})


async def _leave(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@get(
    "/stream",
    opt=ORG_IN_QUERY,
    operation_id="stream",
    media_type=MEDIA_TYPE,
    operation_class=StreamOperation,
    responses=specs(),
)
async def stream(
    request: StoriesRequest,
    hub: NamedDependency[Hub],
    vigil: NamedDependency[Vigil],
    after: Annotated[str | None, QueryParameter(description="Go on behind this message")] = None,
    last_event_id: Annotated[str | None, HeaderParameter(name="Last-Event-ID", description="The same")] = None,
) -> EventStream:
    """Hear the moment it happens what others post, and what they do with the caller's stories.

    Server-Sent Events; the same messages as over the WebSocket at `/api/story/ws`.
    """
    require_time(request.auth)
    came_back = position(last_event_id, "Last-Event-ID")
    return EventStream(hub, vigil, request, position(after, "after") if came_back is None else came_back)


stream_router = Router("/api/story", route_handlers=[stream], tags=["Live updates"])

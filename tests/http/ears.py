"""Those who listen: clients of the live updates, over WebSocket and as Server-Sent Events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.patience import PATIENCE_SECONDS
from tests.stage import Served

SOCKET = "/api/story/ws"
STREAM = "/api/story/stream"


def socket_url(served: Served, query: str = "") -> str:
    """Where the WebSocket is."""
    return served.url.replace("http", "ws", 1) + SOCKET + query


class Ear:
    """Somebody who listens.

    Attributes:
        heard: the messages until now.
    """

    def __init__(self, messages: AsyncIterator[dict[str, Any]]) -> None:
        self._messages = messages
        self.heard: list[dict[str, Any]] = []

    async def next(self) -> dict[str, Any]:
        """The next message."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            message = await anext(self._messages)
        assert message.keys() == {"id", "type", "time", "storyId", "userId", "data"}
        self.heard.append(message)
        return message

    async def until(self, story_id: str) -> list[dict[str, Any]]:
        """All messages up to the first about a story."""
        begun = len(self.heard)
        while (await self.next())["storyId"] != story_id:
            pass
        return self.heard[begun:]


@asynccontextmanager
async def by_socket(
    served: Served, user: str, *, org: str | None = None, query: str = "", **claims: Any
) -> AsyncIterator[Ear]:
    """Listen over a WebSocket, as a program does."""
    headers = {"Authorization": f"Bearer {served.token(user, **claims)}"} | ({"orgid": org} if org else {})
    async with connect(socket_url(served, query), additional_headers=headers, proxy=None) as connection:
        yield Ear(_messages(connection))


async def _messages(connection: ClientConnection) -> AsyncIterator[dict[str, Any]]:
    while True:
        text = await connection.recv(decode=True)
        yield json.loads(text)


@asynccontextmanager
async def by_stream(client: httpx.AsyncClient, query: str = "", **headers: str) -> AsyncIterator[Ear]:
    """Listen to Server-Sent Events; when this is entered, the service has begun."""
    async with client.stream("GET", STREAM + query, headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"] == "text/event-stream"
        lines = response.aiter_lines()
        assert await anext(lines) == "retry: 2000"
        yield Ear(_events(lines))


async def _events(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, Any]]:
    fields: dict[str, str] = {}
    async for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.strip()
        elif data := fields.pop("data", None):
            message = json.loads(data)
            assert (fields["id"], fields.pop("event")) == (message["id"], message["type"])
            yield message


async def ended(connection: ClientConnection) -> tuple[int, str]:
    """How a WebSocket was closed by the service: the code, and the reason."""
    with suppress(ConnectionClosed):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                await connection.recv()
    assert connection.close_code is not None
    return connection.close_code, connection.close_reason or ""

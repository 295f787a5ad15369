"""HTTP, as plain as it gets: a few connections, each asking one request after another: for thousands of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

CONNECTIONS = 6
ENDLESS = ("content-type", "text/event-stream")
"""Says of an answer that nobody waits for its end."""


@dataclass(frozen=True)
class Ask:
    """A request."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    media_type: str = "application/json"

    def spelled(self, host: str) -> bytes:
        """Its bytes."""
        named = [("Host", host), *self.headers]
        if self.body:
            named += [("Content-Type", self.media_type), ("Content-Length", str(len(self.body)))]
        head = "".join(f"{name}: {value}\r\n" for name, value in named)
        return f"{self.method} {self.path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + self.body


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


async def ask_all(url: str, asks: Sequence[Ask], connections: int = CONNECTIONS) -> list[Answer]:
    """Ask everything; answers in the order of the requests."""
    answers: dict[int, Answer] = {}
    waiting = iter(enumerate(asks))
    await asyncio.gather(*(_converse(urlsplit(url).netloc, waiting, answers) for _ in range(connections)))
    return [answers[number] for number in range(len(asks))]


async def _converse(host: str, waiting: Iterator[tuple[int, Ask]], answers: dict[int, Answer]) -> None:
    name, _, port = host.partition(":")
    reader, writer = await asyncio.open_connection(name, int(port))
    try:
        for number, ask in waiting:
            writer.write(ask.spelled(host))
            answers[number] = answer = await _read(reader, head=ask.method == "HEAD")
            if ("connection", "close") in answer.headers or ENDLESS in answer.headers:
                writer.close()
                reader, writer = await asyncio.open_connection(name, int(port))
    finally:
        writer.close()


async def _read(reader: asyncio.StreamReader, *, head: bool) -> Answer:
    start, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = tuple((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines if line))
    named = dict(headers)
    if ENDLESS in headers:
        return Answer(int(start.split()[1]), headers, b"")
    if named.get("transfer-encoding") == "chunked":
        return Answer(int(start.split()[1]), headers, await _chunks(reader))
    length = 0 if head else int(named.get("content-length", "0"))
    return Answer(int(start.split()[1]), headers, await reader.readexactly(length))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body

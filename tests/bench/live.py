"""What live updates cost, and how soon they come, with thousands who are connected: ``make bench-live``.

``SOCKETS`` (5,000) people are connected to one server process by WebSocket, and hear nothing; one after the other, a
few hundred stories are posted, each for one of them. Each reaches that one, within ``SOON_SECONDS`` in 99 of 100 cases
from the moment it is sent to the server, and nobody else. Ends with 1 if a promise is not kept.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import resource
import struct
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import httpx

from infrastructure.container import Container
from infrastructure.settings import Settings
from tests.chaos.servers import OwnPostgres
from tests.processes import Process, environment, processes, run

SOCKETS: Final = int(os.environ.get("SOCKETS", "5000"))
EVENTS: Final = 300
"""Stories, each for another of those who are connected."""
SOON_SECONDS: Final = 0.25
"""How soon 99 of 100 are heard of: the promise."""
_LOST_SECONDS: Final = 10.0
_CONNECTING: Final = 50
"""At once."""
_WARM: Final = 50
"""Sockets that come before memory is looked at: what is loaded by the first is no cost of the next."""
_SECRET: Final = "a secret that is good enough for a bench"
_TEXT, _PING, _PONG = 1, 9, 10


class Ear(asyncio.Protocol):
    """A client of the WebSocket that does next to nothing, so that thousands of them do not slow down what is measured.

    Attributes:
        heard: the frames until now, and when they came (`time.perf_counter`).
        open: whether it is connected.
    """

    def __init__(self, path: str, host: str, token: str) -> None:
        self.heard: list[tuple[float, dict[str, Any]]] = []
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.news = asyncio.Event()
        self._request = (
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Authorization: Bearer {token}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n\r\n"
        )
        self._came = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask to be upgraded."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request.encode())

    def data_received(self, data: bytes) -> None:
        """Take what came apart."""
        at = time.perf_counter()
        self._came += data
        if not self.open.done():
            head, end, rest = self._came.partition(b"\r\n\r\n")
            if not end:
                return
            if not head.startswith(b"HTTP/1.1 101 "):
                self.open.set_exception(ConnectionError(head.decode()))
                return
            self.open.set_result(None)
            self._came = rest
        while (frame := _frame(self._came)) is not None:
            kind, body, self._came = frame
            if kind == _TEXT:
                self.heard.append((at, json.loads(body)))
                self.news.set()
            elif kind == _PING:
                mask = bytes(4)  # masked, as a client must, by what changes nothing
                self._transport.write(bytes((0x80 | _PONG, 0x80 | len(body))) + mask + body)

    def connection_lost(self, error: Exception | None) -> None:
        """It is over."""
        if not self.open.done():
            self.open.set_exception(error or ConnectionError("closed"))
        self.news.set()

    @property
    def lives(self) -> bool:
        """Whether it was not closed."""
        return not self._transport.is_closing()

    def close(self) -> None:
        """End it."""
        self._transport.abort()


def _frame(data: bytes) -> tuple[int, bytes, bytes] | None:
    """The first frame, as its kind and its body, and what follows it; None: it has not come in full."""
    if len(data) < 2:
        return None
    size, begin = data[1] & 0x7F, 2
    assert size < 127, "no message is as long as that"
    if size == 126:
        if len(data) < 4:
            return None
        (size,), begin = struct.unpack_from("!H", data, 2), 4
    if len(data) < begin + size:
        return None
    return data[0] & 0x0F, data[begin : begin + size], data[begin + size :]


class Site(NamedTuple):
    """A server, and what makes tokens for it."""

    server: Process
    container: Container

    def token(self, user: str, **claims: Any) -> str:
        """A token for a user."""
        return self.container.token_maker().make(user, ttl_seconds=3_600, **claims)

    async def connect(self, user: str) -> Ear:
        """Connect somebody."""
        address = urlsplit(self.server.url)
        host, port = address.hostname, address.port
        assert host
        assert port
        _, ear = await asyncio.get_running_loop().create_connection(
            lambda: Ear("/api/story/ws", address.netloc, self.token(user)), host, port
        )
        await ear.open
        return ear

    def client(self, user: str, **claims: Any) -> httpx.AsyncClient:
        """A client over HTTP."""
        headers = {"Authorization": f"Bearer {self.token(user, **claims)}"}
        return httpx.AsyncClient(base_url=self.server.url, headers=headers, timeout=60, trust_env=False)


@contextmanager
def site() -> Iterator[Site]:
    """One server process, with everything in it but PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="stories-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user
        postgres = OwnPostgres(folder / "postgres")
        env = environment(
            folder / "data",
            database_url=postgres.url,
            jwt_secret=_SECRET,
            port="0",
            rate_limit_enabled="false",
            live_max=str(SOCKETS + _WARM),
            log_level="info",
        )
        try:
            assert run("migrate", env=env).returncode == 0
            with processes(env, folder / "logs") as start:
                settings = Settings(jwt_secret=_SECRET, data_dir=str(folder / "data"))
                yield Site(start("serve").ready(), Container(settings=settings))
        finally:
            postgres.crash()


async def measured(here: Site) -> bool:
    """Connect, post, and listen; whether the promise was kept."""
    ears = await _connected(here, 0, _WARM)
    before, began = _resident(here.server.pid), time.perf_counter()
    ears |= await _connected(here, _WARM, SOCKETS)
    seconds, growth = time.perf_counter() - began, _resident(here.server.pid) - before
    print(
        f"{len(ears)} sockets, connected in {seconds:.0f} s; the server grew from {before:.0f} by {growth:.0f} MiB:"
        f" {growth * 1024 / (SOCKETS - _WARM):.1f} KiB each"
    )
    viewers = [f"user-{number}" for number in range(0, SOCKETS, max(SOCKETS // EVENTS, 1))][:EVENTS]
    async with here.client("app", roles=["service"]) as service:
        for viewer in viewers:
            (await service.put(f"/api/social/users/alice/friends/{viewer}")).raise_for_status()
    sent, answered, lost = list[float](), list[float](), 0
    async with here.client("alice") as alice:
        for viewer in viewers:
            body = {"content": "Only for you", "visibility": "Custom", "allowedUserIds": [viewer]}
            began = time.perf_counter()
            posted = await alice.post("/api/story/users/alice", json=body)
            done = time.perf_counter()
            story = posted.raise_for_status().json()["data"]["storyId"]
            at = await _heard(ears[viewer], story)
            if at is None:
                lost += 1
            else:
                sent.append(at - began)
                answered.append(max(at - done, 0.0))
    frames, alive = sum(len(ear.heard) for ear in ears.values()), sum(ear.lives for ear in ears.values())
    for ear in ears.values():
        ear.close()
    print(
        f"  {len(viewers)} stories, each for one: {frames} frames, {lost} not within {_LOST_SECONDS:.0f} s;"
        f" {alive} sockets still open"
    )
    for what, seen in (("sent", sent), ("answered", answered)):
        print(f"  after it was {what:9} {_part(seen, 0.5):4.0f} ms, 99 %: {_part(seen, 0.99):4.0f} ms")
    right = lost == 0 and frames == len(viewers) and alive == len(ears)
    return right and _part(sent, 0.99) <= SOON_SECONDS * 1000


async def _connected(here: Site, begin: int, end: int) -> dict[str, Ear]:
    places, ears = asyncio.Semaphore(_CONNECTING), dict[str, Ear]()

    async def connect(user: str) -> None:
        async with places:
            ears[user] = await here.connect(user)

    await asyncio.gather(*(connect(f"user-{number}") for number in range(begin, end)))
    return ears


async def _heard(ear: Ear, story: str) -> float | None:
    """When somebody heard of a story; None: they did not."""
    try:
        async with asyncio.timeout(_LOST_SECONDS):
            while True:
                ear.news.clear()
                for at, message in ear.heard:
                    if message["storyId"] == story:
                        return at
                await ear.news.wait()
    except TimeoutError:
        return None


def _part(seconds: list[float], part: float) -> float:
    """Milliseconds."""
    return sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * part))] * 1000


def _resident(process: int) -> float:
    """Memory of a process, in MiB."""
    (kilobytes,) = re.findall(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(kilobytes) / 1024


def main() -> int:
    """Measure, print, and judge."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = SOCKETS + 500
    if most != resource.RLIM_INFINITY and most < needed:
        print(f"{needed} files have to be open at once, and {most} may be: raise `ulimit -Hn`")
        return 1
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed if most == resource.RLIM_INFINITY else most, most))
    with site() as here:
        return 0 if asyncio.run(measured(here)) else 1


if __name__ == "__main__":
    sys.exit(main())

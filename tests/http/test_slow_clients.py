"""Clients who keep a connection and send next to nothing are left; those on a slow network are waited for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from interfaces.http.connection import Connection
from tests.patience import PATIENCE_SECONDS
from tests.processes import environment, processes, run

pytestmark = pytest.mark.slow

HEAD = b"POST /echo HTTP/1.1\r\nHost: stories.example\r\n"


class Impatient(Connection):
    """Waits as little as a test can."""

    head_seconds = 0.5
    window_seconds = 1.0
    least_bytes_per_second = 100


async def counting(scope: Any, receive: Any, send: Any) -> None:
    """Counts the bytes of a body; takes its time if the path says so."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        if scope["path"] == "/slow":
            await asyncio.sleep(1.3)
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    body = str(size).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    config = uvicorn.Config(
        counting, http=Impatient, port=0, log_config=None, lifespan="off", ws="none", timeout_keep_alive=30
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        if serving.done():
            await serving
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving


async def says(port: int, said: Iterable[bytes] = (), *, every: float = 0.1) -> tuple[bytes, float]:
    """Say one thing after the other, until the server answers or hangs up; what it answered, and after how long."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    begun = time.monotonic()
    answered = asyncio.create_task(reader.read(1_000))
    try:
        for chunk in said:
            writer.write(chunk)
            if (await asyncio.wait([answered], timeout=every))[0]:
                break
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await answered, time.monotonic() - begun
    except ConnectionError:
        return b"", time.monotonic() - begun
    finally:
        writer.close()


async def test_who_says_nothing_is_left() -> None:
    async with served() as port:
        assert (await says(port))[0] == b""


async def test_who_never_ends_the_headers_is_left_however_busily_they_go_on() -> None:
    async with served() as port:
        answer, seconds = await says(port, chain([HEAD], repeat(b"X-A: b\r\n")), every=0.02)
    assert answer == b""
    assert seconds < 30


async def test_empty_lines_are_no_way_to_stay() -> None:
    async with served() as port:
        assert (await says(port, repeat(b"\r\n"), every=0.05))[0] == b""


@pytest.mark.attack(52)
async def test_who_drips_a_body_is_left() -> None:
    async with served() as port:
        answer, seconds = await says(port, chain([HEAD + b"Content-Length: 9999\r\n\r\n"], repeat(b"x")), every=0.05)
    assert answer == b""
    assert seconds < 30


async def test_who_sends_at_once_and_then_drips_is_left_too() -> None:
    async with served() as port:
        start = HEAD + b"Content-Length: 100000\r\n\r\n" + b"x" * 50_000
        assert (await says(port, chain([start], repeat(b"x")), every=0.05))[0] == b""


async def test_a_body_that_comes_slowly_but_comes_is_taken() -> None:
    chunks = [b"x" * 1_000 for _ in range(30)]
    async with served() as port:
        answer, seconds = await says(port, [HEAD + b"Content-Length: 30000\r\n\r\n", *chunks])
    assert answer.endswith(b"\r\n\r\n30000")
    assert seconds > 2, "longer than two windows"


async def test_nobody_is_left_for_what_the_service_itself_is_slow_at() -> None:
    body = b"x" * 300_000
    request = HEAD.replace(b"/echo", b"/slow") + b"Content-Length: 300000\r\n\r\n" + body
    async with served() as port:
        answer, seconds = await says(port, [request])
    assert answer.endswith(b"\r\n\r\n300000")
    assert seconds > 1


async def test_between_requests_a_connection_is_kept() -> None:
    request = HEAD + b"Content-Length: 2\r\n\r\nhi"
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(request)
            assert await reader.readuntil(b"\r\n\r\n2")
            await asyncio.sleep(1.2)
        assert not reader.at_eof()
        writer.close()


async def test_the_server_waits_for_a_slow_phone_and_not_for_a_drip(tmp_path: Path) -> None:
    env = environment(tmp_path, port="0")
    with processes(env, tmp_path / "logs") as start:
        server = await asyncio.to_thread(start("serve").ready)
        port = int(server.url.rpartition(":")[2])
        token = (await asyncio.to_thread(run, "token", "alice", env=env)).stdout.strip().encode()
        post = b"POST /api/story/users/alice HTTP/1.1\r\nHost: stories.example\r\nContent-Type: application/json\r\n"
        post += b"Authorization: Bearer " + token + b"\r\nContent-Length: %d\r\n\r\n"
        story = b'{"content": "hi", "ignored": "%s"}' % (b"x" * 500_000)
        second = [story[sent : sent + 20_000] for sent in range(0, len(story), 20_000)]
        silent, headers, drip, phone = await asyncio.gather(
            says(port),
            says(port, chain([post.partition(b"\r\nContent-Length")[0]], repeat(b"\r\nX-A: b")), every=1),
            says(port, chain([post % 1_000], repeat(b"x")), every=1),
            says(port, [post % len(story), *second], every=1),
        )
    for answer, seconds in (silent, headers, drip):
        assert answer == b""
        assert 5 < seconds < 60
    assert phone[0].startswith(b"HTTP/1.1 201 ")
    assert phone[1] > 22, "longer than it is looked at once"

"""Serving HTTP by uvicorn, in this process."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from typing import Final

import uvicorn
from litestar.types import ASGIApp

from interfaces.cli.calls import url_of
from interfaces.loop import run_on_loop
from interfaces.realtime.wire import OPTIONS

_BACKLOG: Final = 2048
_STOP_SECONDS: Final = 10
_KEEP_ALIVE_SECONDS: Final = 30


def serve_http(app: ASGIApp, host: str, port: int, *, get_token: str) -> None:
    """Serve until SIGINT or SIGTERM. Says where, and how to get a token, once it listens.

    Args:
        app: what is served.
        host: the address to listen at.
        port: the port; 0 takes a free one.
        get_token: the line that prints a token.
    """
    listener = _listen(host, port)
    config = uvicorn.Config(
        app,
        **OPTIONS,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    run_on_loop(_serve(uvicorn.Server(config), listener, get_token))


async def _serve(server: uvicorn.Server, listener: socket.socket, get_token: str) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn raises the signal again when it has stopped, for whoever listened before; to stop as told is no error.
        signal.signal(number, server.handle_exit)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not serving.done():  # noqa: ASYNC110 - the server tells nobody when it has started
        await asyncio.sleep(0.02)
    if server.started:
        _welcome(listener, get_token)
    await serving


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        sys.exit(f"stories: cannot listen at {host}:{port}: {error.strerror} (STORIES_HOST, STORIES_PORT)")
    listener.listen(_BACKLOG)
    listener.setblocking(False)  # noqa: FBT003 - the form of the standard library
    return listener


def _welcome(listener: socket.socket, get_token: str) -> None:
    host, port = listener.getsockname()[:2]
    print(
        f"Stories is at {url_of(host, port)}\n"
        f"Its API is described at {url_of(host, port)}/schema\n"
        f"For a token: {get_token}",
        flush=True,
    )

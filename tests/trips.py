"""A way to PostgreSQL that counts round trips: how often the client has said that it now waits for answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from sqlalchemy import make_url

_ASKING = (b"S", b"Q")
"""Messages that make the server answer all that came before, and be heard: Sync and Query."""


@dataclass(slots=True)
class Trips:
    """How many there were."""

    count: int = 0


@asynccontextmanager
async def counting_trips(url: str) -> AsyncIterator[tuple[str, Trips]]:
    """The same database by another address, and the trips that are made to it; close what connects before the end."""
    database, trips = make_url(url), Trips()

    served: set[asyncio.Task[None]] = set()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onwards, out = await asyncio.open_connection(database.host, database.port or 5432)
        await asyncio.gather(_there(reader, out, trips), _back(onwards, writer))
        for each in (out, writer):
            await each.wait_closed()

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.add(asyncio.create_task(pass_on(reader, writer)))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    proxied = database.set(host="127.0.0.1", port=port)
    proxied = proxied.update_query_dict({"sslmode": "disable", "gssencmode": "disable"})
    yield proxied.render_as_string(hide_password=False), trips
    server.close()
    await asyncio.gather(*served)


async def _there(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, trips: Trips) -> None:
    kind = b""  # the first message has none
    with suppress(asyncio.IncompleteReadError):
        while True:
            head = await reader.readexactly(4)
            writer.write(kind + head + await reader.readexactly(int.from_bytes(head) - 4))
            trips.count += kind in _ASKING
            kind = await reader.readexactly(1)
    writer.close()


async def _back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
    writer.close()

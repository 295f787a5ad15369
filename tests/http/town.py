"""A town: people of one organisation at a served application, and what the HTTP tests ask of its answers."""

from __future__ import annotations

import asyncio
import json
import os
import re
import ssl
import uuid
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from sqlalchemy import Table, func, select

from domain.values import OrgId, StoryId
from interfaces.http.description import CODES
from tests.patience import PATIENCE_SECONDS
from tests.stage import Served, Stage

TLS = ssl.create_default_context()
"""Made once: a client of its own would read all certificates of the machine anew."""
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

CARD = {
    *(
        "storyId",
        "userId",
        "username",
        "fullName",
        "avatarUrl",
        "type",
        "mediaUrl",
        "thumbnailUrl",
        "posterUrl",
        "placeholder",
    ),
    *("width", "height", "durationSeconds", "caption", "content", "backgroundColor", "overlays", "createdAt"),
    *("expiresAt", "isExpired", "timeUntilExpiration", "viewCount", "reactionCount", "replyCount", "reactionCounts"),
    *("isViewed", "myReaction", "shared"),
}
OWNER_CARD = CARD | {
    *("status", "processing", "failureReason", "visibility", "allowedUserIds", "archivedAt", "archiveReason"),
}
PROBLEM = {"type", "title", "status", "detail", "instance", "success", "code"}
NOBODY = "01890000-0000-7000-8000-000000000000"
"""The id of no story."""


class Town(Served):
    """A served application, as people of one organisation see it."""

    def __init__(self, served: Served, org: str) -> None:
        super().__init__(served.container, served.url)
        self.org = org
        self.stage = Stage(served.container, org)
        self._known: dict[str, httpx.AsyncClient] = {}

    def client(self, user: str | None = None, *, org: str | None = None, **claims: Any) -> httpx.AsyncClient:
        """A client who is a user, or nobody; the same for the same."""
        key = repr((user, org, sorted(claims.items())))
        if key not in self._known:
            headers = {"orgid": self.org if org is None else org}
            if user is not None:
                headers["Authorization"] = f"Bearer {self.token(user, **claims)}"
            client = httpx.AsyncClient(base_url=self.url, headers=headers, timeout=PATIENCE_SECONDS, verify=TLS)
            self._clients.append(client)
            self._known[key] = client
        return self._known[key]

    def stranger(self, **headers: str) -> httpx.AsyncClient:
        """A client with these headers and no others."""
        client = httpx.AsyncClient(base_url=self.url, headers=headers, timeout=PATIENCE_SECONDS, verify=TLS)
        self._clients.append(client)
        return client

    async def post_text_as(self, user: str) -> str:
        """Somebody posts a public text over the story API; its id."""
        response = await self.client(user).post(f"/api/story/users/{user}", json={"content": "Hi", "privacy": "public"})
        return str(ok(response, 201)["data"]["storyId"])

    async def card(self, story_id: str, user: str = "alice") -> dict[str, Any]:
        """A story as somebody sees it."""
        response = await self.client(user).get(f"/api/story/{story_id}")
        assert response.status_code == 200, response.text
        card: dict[str, Any] = response.json()["data"]
        return card

    async def feed(self, user: str, **query: Any) -> list[str]:
        """Ids of somebody's recommended feed."""
        data = ok(await self.client(user).get(f"/api/story/feed/{user}/recommended", params=query))["data"]
        return [story["storyId"] for story in data["stories"]]

    async def process(self, story_id: str) -> None:
        """Have a story's media processed, as a worker does."""
        await self.container.process_media()(OrgId(self.org), StoryId(uuid.UUID(story_id)))

    async def events(self, story_id: str) -> list[Any]:
        """Events of a story, oldest first."""
        return await self.stage.events(StoryId(uuid.UUID(story_id)))

    async def posted(self, user: str = "alice") -> int:
        """How many stories somebody has."""
        return int(ok(await self.client(user).get(f"/api/story/users/{user}/history"))["data"]["totalCount"])

    async def rows(self, table: Table) -> int:
        """How many rows of a table belong to the town."""
        statement = select(func.count()).select_from(table).where(table.c.org_id == OrgId(self.org))
        async with self.container.database().read(None) as connection:
            return int((await connection.execute(statement)).scalar_one())

    def files(self) -> set[str]:
        """What lies in the media folder, of all towns."""
        folder = self.container.settings().media_folder
        # Not `rglob`: a folder that goes away meanwhile is passed over.
        found = ((Path(root), names) for root, _, names in os.walk(folder))
        return {str((root / name).relative_to(folder)) for root, names in found for name in names}

    async def eventually(self, holds: Callable[[], Awaitable[None]], seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until something holds that another process has still to bring about."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            try:
                return await holds()
            except AssertionError:
                if asyncio.get_running_loop().time() > deadline:
                    raise
            await asyncio.sleep(0.05)

    async def raw(
        self,
        method: str,
        path: str,
        *headers: tuple[str, str],
        body: bytes | AsyncIterator[bytes] = b"",
        user: str | None = "alice",
        patience: float = PATIENCE_SECONDS,
    ) -> httpx.Response:
        """Ask with exactly these bytes: path and headers as they are, and the body however long it says it is."""
        sent = [("Host", urlsplit(self.url).netloc), ("Connection", "close"), *headers]
        if user is not None:
            sent.append(("Authorization", f"Bearer {self.token(user)}"))
        names = {name.lower() for name, _ in sent}
        if isinstance(body, bytes) and body and not names & {"content-length", "transfer-encoding"}:
            sent.append(("Content-Length", str(len(body))))
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in sent) + "\r\n"
        return await spoken(self.url, head.encode("latin-1"), body, patience)


async def spoken(url: str, head: bytes, body: bytes | AsyncIterator[bytes], patience: float) -> httpx.Response:
    """Say this to a server, and read its answer; it may come before all is said."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)

    async def say() -> None:
        writer.write(head)
        if isinstance(body, bytes):
            writer.write(body)
        else:
            async for chunk in body:
                writer.write(chunk)
                await writer.drain()
        await writer.drain()

    saying = asyncio.create_task(say())
    try:
        async with asyncio.timeout(patience):
            start, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines if line)]
            length = int(httpx.Headers(headers).get("content-length", "0"))
            content = await reader.readexactly(length) if not head.startswith(b"HEAD ") else b""
    finally:
        saying.cancel()
        await asyncio.gather(saying, return_exceptions=True)
        writer.transport.abort()  # what was not said by now will not be
    return httpx.Response(int(start.split()[1]), headers=headers, content=content)


def ok(response: httpx.Response, status: int = 200) -> dict[str, Any]:
    """The body of an answer that says it went well."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("application/json")
    body: dict[str, Any] = response.json()
    assert body["success"] is True
    return body


def refused(response: httpx.Response, status: int, code: str | None = None) -> dict[str, Any]:
    """The body of a refusal; it is a problem as RFC 9457 has it, and tells nothing of how the service is made."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    body: dict[str, Any] = response.json()
    assert body.keys() - {"errors"} == PROBLEM
    assert body["status"] == status
    assert body["success"] is False
    assert body["code"] in CODES[str(status)], "every code is in the description of the API"
    assert body["title"]
    assert body["detail"]
    assert re.fullmatch(rf"urn:uuid:{UUID.pattern}", body["instance"])
    for error in body.get("errors", []):
        assert error.keys() == {"field", "message"}
    assert not re.search(r"Traceback|File \"|SELECT |INSERT |sqlalchemy|psycopg|sqlite|/src/", response.text)
    if code is not None:
        assert body["code"] == code, body
    return body


def form(*parts: tuple[str, bytes], boundary: str = "b0undary", end: bool = True) -> tuple[tuple[str, str], bytes]:
    """A multipart form by hand, its content type and its bytes; a part is parameters of its disposition, and bytes."""
    body = b"".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {says}\r\n\r\n".encode() + data + b"\r\n"
        for says, data in parts
    )
    closing = f"--{boundary}--\r\n".encode() if end else b""
    return ("Content-Type", f"multipart/form-data; boundary={boundary}"), body + closing


def one_bit_png(width: int, height: int) -> bytes:
    """A black picture that is very small for its size."""
    header = width.to_bytes(4) + height.to_bytes(4) + bytes((1, 0, 0, 0, 0))
    rows = zlib.compress(bytes((width + 7) // 8 + 1) * height, 1)
    chunks = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(body).to_bytes(4) + name + body + zlib.crc32(name + body).to_bytes(4) for name, body in chunks
    )


def problem_without_instance(response: httpx.Response) -> str:
    """A refusal as it reads to somebody who compares two of them."""
    return json.dumps({name: value for name, value in response.json().items() if name != "instance"})

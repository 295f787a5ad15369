"""Files made to reach out, to read, to run: each is refused or fails, nothing leaves, the next good one works."""

from __future__ import annotations

import asyncio
import io
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.contract.media.films import film
from tests.http.town import Town, ok
from tests.stage import jpeg

pytestmark = pytest.mark.slow

FTYP = struct.pack(">I", 32) + b"ftypisom\0\0\x02\0isomiso2avc1mp41"
QUICKTIME = struct.pack(">I", 20) + b"ftypqt  \0\0\x02\0qt  "
EBML = b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm"


class Canary:
    """Somebody who would hear of it if anything went out."""

    def __init__(self) -> None:
        self.heard: list[object] = []
        self.port = 0

    def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard.append(writer.get_extra_info("peername"))
        writer.close()


@asynccontextmanager
async def listening() -> AsyncIterator[Canary]:
    canary = Canary()
    server = await asyncio.start_server(canary.hear, "127.0.0.1", 0)
    canary.port = server.sockets[0].getsockname()[1]
    async with server:
        yield canary


def box(name: bytes, *content: bytes) -> bytes:
    inside = b"".join(content)
    return struct.pack(">I", len(inside) + 8) + name + inside


def elsewhere(url: bytes) -> bytes:
    """A film whose pictures are said to lie at an address: its data reference is one."""
    whole = film("mov", sound=None)
    here = box(b"url ", b"\0\0\0\1")
    assert here in whole, "the writer says that all is in the file"
    there = box(b"url ", b"\0\0\0\0", url + b"\0")
    at = whole.rindex(here)
    for around in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):  # each is as much larger
        size = whole.rindex(around, 0, at) - 4
        longer = int.from_bytes(whole[size : size + 4]) + len(there) - len(here)
        whole = whole[:size] + struct.pack(">I", longer) + whole[size + 4 :]
    return whole[:at] + there + whole[at + len(here) :]


def reaching_out(port: int) -> dict[str, bytes]:
    """Files that would have a careless player ask for an address, or open a file."""
    url = f"http://127.0.0.1:{port}/x".encode()
    concat = b"ffconcat version 1.0\nfile " + url + b"\n"
    playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n" + url + b"\n#EXTINF:1,\nfile:///etc/passwd\n"
    session = b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video %d RTP/AVP 96\n" % port
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="' + url + b'" width="9" height="9"/></svg>'
    reference = box(b"moov", box(b"rmra", box(b"rmda", box(b"rdrf", bytes(4), b"url ", struct.pack(">I", 64), url))))
    return {
        "concat": concat,
        "playlist": playlist,
        "session": session,
        "drawing": drawing,
        "manifest": b'<?xml version="1.0"?><MPD><BaseURL>' + url + b"</BaseURL></MPD>",
        "concat as MP4": FTYP + concat,
        "playlist as MP4": FTYP + playlist,
        "playlist as MOV": QUICKTIME + playlist,
        "session as WebM": EBML + session,
        "drawing as WebM": EBML + drawing,
        "reference movie": QUICKTIME + reference,
        "codec nobody knows": film("mov", sound=None).replace(b"avc1", b"zzzz"),
        "pictures elsewhere": elsewhere(url),
        "pictures in a file": elsewhere(b"file:///etc/passwd"),
        "picture with a link": jpeg() + drawing,
    }


async def ended(town: Town, data: bytes, **fields: str) -> tuple[int, dict[str, Any]]:
    """Post a file: the status of the answer, and what became of the story."""
    alice = town.client("alice")
    response = await alice.post("/api/story/users/alice", files={"media": ("a.mp4", data, "video/mp4")}, data=fields)
    if response.status_code != 201:
        return response.status_code, {}
    return 201, await town.settled(alice, response.json()["data"]["storyId"], seconds=60)


async def works(town: Town) -> None:
    """A good file is rendered."""
    status, card = await ended(town, jpeg(), visibility="Public")
    assert (status, card["status"]) == (201, "Active")


@pytest.mark.attack(41)
async def test_files_that_reach_out_reach_nobody(town: Town) -> None:
    async with listening() as canary:
        for name, data in reaching_out(canary.port).items():
            status, card = await ended(town, data)
            served = card.get("mediaUrl")
            assert status in {400, 415} or card["status"] == "Failed" or name.startswith("picture"), (name, card)
            if served:
                content = (await town.stranger().get(served)).content
                assert b"127.0.0.1" not in content
                assert b"root:" not in content, name
        await works(town)
        assert canary.heard == []

        reader, writer = await asyncio.open_connection("127.0.0.1", canary.port)
        await reader.read()
        writer.close()
        assert len(canary.heard) == 1, "otherwise nobody listened"


def _with_text(kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(file, kind, **options)
    return file.getvalue()


@pytest.mark.attack(42)
async def test_of_files_that_are_two_things_one_is_served(town: Town) -> None:
    script = b"<script>CANARY_XSS()</script>"
    notes = PngInfo()
    notes.add_text("Comment", script.decode(), zip=False)
    files = {
        "PNG, then a page": _with_text("PNG") + script,
        "PNG with a page in a note": _with_text("PNG", pnginfo=notes),
        "JPEG with a page in a comment": _with_text("JPEG", comment=script),
        "JPEG, then an archive": _with_text("JPEG") + b"PK\3\4CANARY_XSS" + bytes(40),
        "GIF that is a script": _with_text("GIF", comment=b"*/=1;CANARY_XSS()"),
        "WebP, then a page": _with_text("WEBP") + script,
        "MP4, then a page": film(seconds=0.3, sound=None) + box(b"free", script),
    }
    for name, data in files.items():
        assert b"CANARY_XSS" in data, name
        status, card = await ended(town, data, visibility="Public")
        assert (status, card["status"]) == (201, "Active"), name
        for link in ("mediaUrl", "thumbnailUrl", "posterUrl"):
            if card[link]:
                response = await town.stranger().get(card[link])
                assert b"CANARY_XSS" not in response.content, name
                assert response.headers["content-type"] in {"image/webp", "video/mp4"}


@pytest.mark.attack(43)
async def test_a_video_tells_nobody_where_it_was_filmed(town: Town) -> None:
    place = {"location": "CANARY+52.5+13.4/", "com.apple.quicktime.location.ISO6709": "CANARY+52.5+13.4/"}
    data = film("mov", metadata=place, rotation=90, size=(320, 200), seconds=0.3)
    assert b"CANARY" in data

    _, card = await ended(town, data, visibility="Public")

    assert (card["status"], card["width"], card["height"]) == ("Active", 200, 320)
    for link in ("mediaUrl", "thumbnailUrl", "posterUrl"):
        assert b"CANARY" not in (await town.stranger().get(card[link])).content


@pytest.mark.attack(37)
async def test_half_a_file_is_never_seen(town: Town) -> None:
    whole = {
        "JPEG": _with_text("JPEG"),
        "PNG": _with_text("PNG"),
        "GIF": _with_text("GIF"),
        "WebP": _with_text("WEBP", lossless=True),
        "MP4": film(seconds=0.3),
        "WebM": film("webm", "vp8", seconds=0.5, sound=None),
    }
    for name, data in whole.items():
        for length in (1, 12, len(data) // 3):
            status, card = await ended(town, data[:length], visibility="Public")
            assert status in {400, 415} or card["status"] == "Failed", (name, length, card)
    assert ok(await town.client("bob").get("/api/story/users/alice/active"))["data"] == []
    await works(town)

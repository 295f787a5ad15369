"""Notes of all kinds, planted in files of all kinds: in none that is served. ``CANARIES=200``: in 200 files."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from infrastructure.media.glass_box import GlassBox
from infrastructure.media.sniff import sniff
from tests.contract.media.films import FASTSTART, film
from tests.contract.media.pictures import encoded, exif, quarters

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

FILES: Final = int(os.environ.get("CANARIES", "24"))

Planted = Callable[[str, random.Random], bytes]


def _drawn(rng: random.Random) -> Image.Image:
    return quarters(rng.randrange(16, 400), rng.randrange(16, 400))


def _exif(canary: str, rng: random.Random) -> Image.Exif:
    """A camera's notes, with the place; and how it was held."""
    notes = exif(rng.randrange(1, 9))
    for tag in (0x010E, 0x010F, 0x0110, 0x013B, 0x8298):
        notes[tag] = canary
    notes.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 0.0), 27: canary, 29: canary})
    notes.get_ifd(0x8769).update({0x9286: b"ASCII\0\0\0" + canary.encode(), 0xA430: canary, 0xA431: canary})
    return notes


def _xmp(canary: str) -> bytes:
    return f"<x:xmpmeta xmlns:x='adobe:ns:meta/'>{canary}</x:xmpmeta>".encode()


def _jpeg(canary: str, rng: random.Random) -> bytes:
    field = b"\x1c\x02\x78" + struct.pack(">H", len(canary)) + canary.encode()
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(field)) + field + bytes(len(field) % 2)
    return encoded(
        _drawn(rng),
        "JPEG",
        exif=_exif(canary, rng),
        xmp=_xmp(canary),
        comment=canary.encode(),
        progressive=rng.random() < 0.5,
        extra=b"\xff\xed" + struct.pack(">H", len(iptc) + 2) + iptc,
    ) + (canary.encode() if rng.random() < 0.5 else b"")


def _png(canary: str, rng: random.Random) -> bytes:
    notes = PngInfo()
    notes.add_text("Comment", canary)
    notes.add_text("Description", canary, zip=True)
    notes.add_itxt("XML:com.adobe.xmp", _xmp(canary).decode())
    notes.add(b"prVt", canary.encode(), after_idat=True)
    return encoded(_drawn(rng), "PNG", pnginfo=notes, exif=_exif(canary, rng))


def _webp(canary: str, rng: random.Random) -> bytes:
    return encoded(_drawn(rng), "WEBP", exif=_exif(canary, rng), xmp=_xmp(canary), lossless=rng.random() < 0.5)


def _gif(canary: str, rng: random.Random) -> bytes:
    return encoded(_drawn(rng), "GIF", comment=canary.encode())


def _moving(canary: str, rng: random.Random) -> bytes:
    kind = rng.choice(["GIF", "WEBP"])
    notes = {"comment": canary.encode()} if kind == "GIF" else {"exif": _exif(canary, rng), "xmp": _xmp(canary)}
    first = quarters(60, 40)
    others = [Image.new("RGB", first.size, color) for color in ("red", "blue")]
    return encoded(first, kind, save_all=True, append_images=others, duration=80, loop=0, **notes)


def _film(canary: str, rng: random.Random) -> bytes:
    container, codec, sound = rng.choice(
        [("mp4", "h264", "aac"), ("mov", "h264", None), ("mov", "hevc", "aac"), ("webm", "vp8", "libopus")]
    )
    names = ("title", "comment", "artist", "location", "description", "com.apple.quicktime.location.ISO6709", "make")
    return film(
        container,
        codec,
        sound=sound,
        seconds=0.3,
        size=(64, 48),
        rotation=rng.choice([0, 90]) if container != "webm" else 0,
        metadata=dict.fromkeys(names, canary),
        options=FASTSTART if container == "mp4" else None,
    )


KINDS: Final[tuple[Planted, ...]] = (_jpeg, _png, _webp, _gif, _jpeg, _moving, _png, _film)


@pytest.mark.timeout(60 + 3 * FILES)
async def test_of_what_was_planted_nothing_is_served(tmp_path: Path) -> None:
    async def unheard(part: float) -> None:
        """Take no notice of how far it is."""

    box, served, found = GlassBox(), 0, list[str]()
    for number in range(FILES):
        canary, rng = f"CANARY{number:05}", random.Random(number)
        data = KINDS[number % len(KINDS)](canary, rng)
        sniffed = sniff(data)
        assert sniffed is not None
        assert canary.encode() in data, "it must be in it first"
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "source").write_bytes(data)
        made = await box.render(folder / "source", sniffed.mime_type, folder, unheard)
        for path in (made.media, made.thumbnail, made.poster):
            if path is not None:
                served += 1
                found += [f"{number}: {path.name}"] if b"CANARY" in path.read_bytes() else []
    await box.close()

    assert served >= 2 * FILES
    assert found == []

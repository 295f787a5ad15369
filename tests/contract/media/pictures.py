"""Draws the pictures, good and bad, that the media tests feed to the code."""

import io
import struct
import zlib
from collections.abc import Iterable

from PIL import Image

RED, GREEN, BLUE, WHITE = (230, 20, 20), (20, 180, 20), (20, 20, 230), (255, 255, 255)

Corner = tuple[int, int]
"""Column and row of a corner: 0 is left and top, 1 right and bottom."""


def quarters(width: int, height: int) -> Image.Image:
    """Draw red, green, blue and white quarters: upper left, upper right, lower left, lower right."""
    picture = Image.new("RGB", (width, height), RED)
    picture.paste(GREEN, (width // 2, 0, width, height // 2))
    picture.paste(BLUE, (0, height // 2, width // 2, height))
    picture.paste(WHITE, (width // 2, height // 2, width, height))
    return picture


def stripes(picture: Image.Image, values: Iterable[int | tuple[int, ...]]) -> Image.Image:
    """Fill upright stripes of 20 pixels with values of the picture's mode."""
    for number, value in enumerate(values):
        picture.paste(value, (number * 20, 0, number * 20 + 20, picture.height))
    return picture


def stripe(picture: Image.Image, number: int) -> tuple[int, ...]:
    """Read the middle of a stripe."""
    return pixel(picture, number * 20 + 10, picture.height // 2)


def pixel(picture: Image.Image, column: int, row: int) -> tuple[int, ...]:
    """Read a pixel of a picture in colour."""
    read = picture.getpixel((column, row))
    assert isinstance(read, tuple)
    return tuple(int(band) for band in read)


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    """Encode with Pillow."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def exif(orientation: int) -> Image.Exif:
    """EXIF that says how the camera was held."""
    notes = Image.Exif()
    notes[0x0112] = orientation
    return notes


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *more: tuple[bytes, bytes]) -> bytes:
    """Write a PNG by hand, with chunks before the pixels; `rows` are filter bytes and samples."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), *more, (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


def one_bit_png(width: int, height: int) -> bytes:
    """Write a black PNG that is very small for its size."""
    return png(width, height, 1, 0, bytes((width + 7) // 8 + 1) * height)


def gif(width: int, height: int, *frames: bytes, tail: bytes = b";") -> bytes:
    """Write a GIF with a palette of two colours."""
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6) + b"".join(frames) + tail


def gif_frame(width: int, height: int, data: bytes = b"\x02\x44\x01\x00") -> bytes:
    """Write a frame of a GIF; the data, of one pixel, is only right for a 1x1 frame."""
    return b",\0\0\0\0" + struct.pack("<HHB", width, height, 0) + b"\x02" + data


def _fixed(*numbers: float) -> bytes:
    return b"".join(struct.pack(">i", round(number * 65536)) for number in numbers)


def _profile(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    """Lay out an ICC profile of version 2.4 (ICC.1:2001-04, clause 6)."""
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", 12) + b"CANARY_ICC\0\0" + bytes(79),
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": b"XYZ \0\0\0\0" + _fixed(0.9642, 1.0, 0.8249),
        **tags,
    }
    table, body, start = b"", b"", 132 + 12 * len(tags)
    for name, tag in tags.items():
        table += name + struct.pack(">II", start + len(body), len(tag))
        body += tag + bytes(-len(tag) % 4)
    header = struct.pack(">I4sI4s4s4s12s4s", start + len(body), b"", 0x02400000, kind, space, connection, b"", b"acsp")
    header = header.ljust(68, b"\0") + _fixed(0.9642, 1.0, 0.8249)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


DISPLAY_P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
"""XYZ of red, green and blue of Apple's Display P3, adapted to D50."""

_XYZ_TO_SRGB = (
    (3.1338561, -1.6168667, -0.4906146),
    (-0.9787684, 1.9161415, 0.0334540),
    (0.0719453, -0.2289914, 1.4052427),
)
"""From D50, after Bruce Lindbloom."""


def wide_profile() -> bytes:
    """Make an ICC profile with the primaries of Display P3 and a gamma of 2.2."""
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256))
    tags = {
        name: b"XYZ \0\0\0\0" + _fixed(*xyz) for name, xyz in zip((b"rXYZ", b"gXYZ", b"bXYZ"), DISPLAY_P3, strict=True)
    }
    return _profile(b"mntr", b"RGB ", b"XYZ ", {**tags, b"rTRC": curve, b"gTRC": curve, b"bTRC": curve})


def from_wide(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    """Compute in sRGB what a colour is under `wide_profile`."""
    light = [(value / 255) ** 2.2 for value in colour]
    xyz = [sum(share * primary[axis] for share, primary in zip(light, DISPLAY_P3, strict=True)) for axis in range(3)]
    linear = [sum(factor * value for factor, value in zip(row, xyz, strict=True)) for row in _XYZ_TO_SRGB]
    red, green, blue = (
        round(255 * (12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055)) for value in linear
    )
    return red, green, blue


def grey_profile(gamma: float) -> bytes:
    """Make an ICC profile for grey."""
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    return _profile(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": curve})


def odd_ink_profile() -> bytes:
    """Make an ICC profile of a printer whose first ink is red, so that nobody can guess its colours."""
    white, red, black = bytes((255, 128, 128)), bytes((136, 208, 195)), bytes((0, 128, 128))
    straight = bytes(range(256))
    # First ink slowest: with black ink it is black, else with the first ink red, else white.
    nodes = b"".join(black if node & 1 else red if node & 8 else white for node in range(16))
    lut = (
        b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1) + straight * 4 + nodes + straight * 3
    )
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"A2B0": lut})

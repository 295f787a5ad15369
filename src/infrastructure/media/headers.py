"""How large a picture is, told from its header; no pixel is decoded, and no decoder is loaded.

Walked by hand and not by Pillow, whose WebP reader allocates two canvases on opening, and whose JPEG reader looks for
the next marker byte by byte: both are ways to keep a server busy with a small request.
"""

from __future__ import annotations

import contextlib
import mmap
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

MAX_PIXELS: Final = 100_000_000
"""Pixels of one frame, width times height: twice what telephones make, 48 to 50 Mpx. Decoded, 100 Mpx are 400 MB, and a
decoder may hold them up to four times (see `infrastructure.media.glass_box`)."""

MAX_PIXELS_OF_ALL_FRAMES: Final = 200_000_000
"""Pixels of all frames together, width times height times frames: decoding is paid by frame, and a few kilobytes of GIF
can ask for thousands of large ones. 200 Mpx are 800 frames of 500x500."""

MAX_BLOCKS: Final = 1_000_000
"""Reads a header walk makes before it gives up. The largest upload, 100 MiB, as a GIF of full 255-byte blocks has
411,000; only a file made to keep the walker busy has more. A million take less than a second."""


class PictureTooLargeError(Exception):
    """The picture has more pixels, or more frames of them, than are accepted."""


class PictureInvalidError(Exception):
    """The bytes are not a whole picture of the type they begin like."""


class Dimensions(NamedTuple):
    """Size of a picture as it is stored, before any rotation, in pixels; and how many frames it is known to have."""

    width: int
    height: int
    frames: int


def inspect(head: bytes | mmap.mmap, mime_type: str, *, whole: bool) -> Dimensions | None:
    """Tell from a file's first bytes how large the picture is; no pixel is decoded.

    With a few kilobytes it takes microseconds; with a whole file made to take long, up to a second (`MAX_BLOCKS`),
    which belongs into a thread.

    Args:
        head: the first bytes, the more the better.
        mime_type: one of the four types `infrastructure.media.sniff` tells.
        whole: `head` is the entire file. Only then are all the frames of a GIF or WebP counted.

    Returns:
        None when the header goes on behind `head`.

    Raises:
        PictureTooLargeError: beyond `MAX_PIXELS` or `MAX_PIXELS_OF_ALL_FRAMES`, as far as `head` tells.
        PictureInvalidError: no such picture has such a header, or the entire file ends within it.
    """
    try:
        dimensions = _HEADERS[mime_type](head, whole)
    except _MoreNeededError:
        if whole:
            raise PictureInvalidError("the file ends within its header") from None
        return None
    return within_limits(dimensions)


def within_limits(dimensions: Dimensions) -> Dimensions:
    """Let a size pass that is accepted.

    Raises:
        PictureTooLargeError: beyond `MAX_PIXELS` or `MAX_PIXELS_OF_ALL_FRAMES`.
        PictureInvalidError: nothing to be seen.
    """
    pixels = dimensions.width * dimensions.height
    if pixels == 0:
        raise PictureInvalidError("a picture without pixels")
    if pixels > MAX_PIXELS or pixels * dimensions.frames > MAX_PIXELS_OF_ALL_FRAMES:
        raise PictureTooLargeError(f"{dimensions.width}x{dimensions.height} pixels, {dimensions.frames} frames")
    return dimensions


class _MoreNeededError(Exception):
    """The walk has come to the end of the bytes it was given."""


class _Walk:
    """A place in a file that is read block by block, with an end to patience."""

    def __init__(self, data: bytes | mmap.mmap, at: int) -> None:
        self.data = data
        self.at = at
        self._blocks = 0

    def take(self, size: int) -> bytes:
        """Read on; whatever was read is whole."""
        self._blocks += 1
        if self._blocks > MAX_BLOCKS:
            raise PictureInvalidError(f"more than {MAX_BLOCKS} blocks")
        taken = self.data[self.at : self.at + size]
        if len(taken) < size:
            raise _MoreNeededError
        self.at += size
        return taken

    def skip(self, size: int) -> None:
        """Step over bytes that may or may not be there; taking the next tells."""
        self.at += size

    def skip_to(self, byte: bytes) -> None:
        """Step over whatever is not `byte`, as all decoders of JPEG do between its segments."""
        found = self.data.find(byte, self.at)
        if found < 0:
            raise _MoreNeededError
        self.at = found

    def at_end(self) -> bool:
        """Tell whether exactly everything was read."""
        return self.at == len(self.data)


_JPEG_FRAME_HEADERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_WITHOUT_LENGTH: Final = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})
_JPEG_TOO_LATE: Final = frozenset({0xD9, 0xDA})


def _jpeg(data: bytes | mmap.mmap, _whole: bool) -> Dimensions:  # noqa: FBT001 - the shape of all four walks
    """Walk the segments up to the frame header (ITU-T T.81, B.2.2)."""
    walk = _Walk(data, 0)
    if walk.take(2) != b"\xff\xd8":
        raise PictureInvalidError("no start of a JPEG")
    while True:
        walk.skip_to(b"\xff")
        (marker,) = walk.take(2)[1:]
        if marker == 0xFF:  # noqa: PLR2004 - a fill byte: the marker is still to come
            walk.skip(-1)
        elif marker in _JPEG_TOO_LATE:
            raise PictureInvalidError("image data without a frame header")
        elif marker in _JPEG_FRAME_HEADERS:
            header = walk.take(7)
            return Dimensions(int.from_bytes(header[5:7]), int.from_bytes(header[3:5]), 1)
        elif marker not in _JPEG_WITHOUT_LENGTH:
            walk.skip(max(int.from_bytes(walk.take(2)) - 2, 0))


def _png(data: bytes | mmap.mmap, _whole: bool) -> Dimensions:  # noqa: FBT001
    """Read the header chunk, which is the first (PNG, third edition, 11.2.1); of an animated one the still is used."""
    header = _Walk(data, 8).take(16)
    if header[4:8] != b"IHDR":
        raise PictureInvalidError("no header chunk")
    return Dimensions(int.from_bytes(header[8:12]), int.from_bytes(header[12:16]), 1)


def _gif(data: bytes | mmap.mmap, whole: bool) -> Dimensions:  # noqa: FBT001
    """Walk the blocks of all frames (GIF89a, 18 to 26).

    A frame may reach beyond the screen, and decoders then enlarge the screen: what they would allocate is what counts.
    """
    screen = _Walk(data, 6).take(4)
    width, height, frames = int.from_bytes(screen[:2], "little"), int.from_bytes(screen[2:], "little"), 0
    try:
        for right, bottom in _gif_frames(data):
            width, height, frames = max(width, right), max(height, bottom), frames + 1
            # At every frame, so that an endless animation is not walked to its end.
            within_limits(Dimensions(width, height, frames))
    except _MoreNeededError:
        if whole:
            raise
    if whole and not frames:
        raise PictureInvalidError("a GIF without a frame")
    return Dimensions(width, height, max(frames, 1))


def _gif_frames(data: bytes | mmap.mmap) -> Iterator[tuple[int, int]]:
    """Yield how far to the right and down each frame reaches, in pixels."""
    walk = _Walk(data, 10)
    walk.skip(2 + _gif_palette(walk.take(1)[0]))
    # Many a GIF ends without its trailer, which all decoders forgive; one that ends within a block is truncated.
    while not walk.at_end() and (kind := walk.take(1)) != b";":
        if kind == b"!":
            walk.skip(1)
            _skip_gif_data(walk)
        elif kind == b",":
            place = walk.take(9)
            left, top, width, height = (int.from_bytes(place[i : i + 2], "little") for i in (0, 2, 4, 6))
            yield left + width, top + height
            walk.skip(_gif_palette(place[8]) + 1)
            _skip_gif_data(walk)


def _gif_palette(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _skip_gif_data(walk: _Walk) -> None:
    while size := walk.take(1)[0]:
        walk.skip(size)


_ANIMATED: Final = 0x02


def _webp(data: bytes | mmap.mmap, whole: bool) -> Dimensions:  # noqa: FBT001
    """Read the first chunk, and count the frames if it says that there are (RFC 9649, 2.5 to 2.7)."""
    walk = _Walk(data, 4)
    if whole and int.from_bytes(walk.take(4), "little") + 8 > len(data):
        raise PictureInvalidError("shorter than it says")
    walk.at = 12
    kind, size = _webp_chunk(walk)
    header = walk.take(10 if kind != b"VP8L" else 5)
    if kind == b"VP8 ":
        both = int.from_bytes(header[6:10], "little")
        return Dimensions(both & 0x3FFF, both >> 16 & 0x3FFF, 1)
    if kind == b"VP8L":
        both = int.from_bytes(header[1:5], "little")
        return Dimensions((both & 0x3FFF) + 1, (both >> 14 & 0x3FFF) + 1, 1)
    if kind != b"VP8X":
        raise PictureInvalidError("no picture in the first chunk")
    walk.skip(size + (size & 1) - len(header))
    frames = _webp_frames(walk) if header[0] & _ANIMATED else 1
    width, height = int.from_bytes(header[4:7], "little") + 1, int.from_bytes(header[7:10], "little") + 1
    return Dimensions(width, height, max(frames, 1))


def _webp_frames(walk: _Walk) -> int:
    frames = 0
    # The decoder is the judge of a file that ends within a chunk; counting only goes as far as there is something.
    with contextlib.suppress(_MoreNeededError):
        while True:
            kind, size = _webp_chunk(walk)
            frames += kind == b"ANMF"
            walk.skip(size + (size & 1))
    return frames


def _webp_chunk(walk: _Walk) -> tuple[bytes, int]:
    header = walk.take(8)
    return header[:4], int.from_bytes(header[4:], "little")


_HEADERS: Final[dict[str, Callable[[bytes | mmap.mmap, bool], Dimensions]]] = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/gif": _gif,
    "image/webp": _webp,
}

"""How large the frames of a video are and how many it shows a second, as far as its first bytes tell; none is decoded.

MP4 and MOV tell it in ``moov``, which many a recorder writes behind the pictures: then it is not known here. WebM tells
it before the first picture. What is not told here, `infrastructure.media.videos` finds out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from infrastructure.media.headers import PictureTooLargeError

MAX_PIXELS: Final = 8_294_400
"""Pixels of a frame: 3840x2160, the 4K of telephones, whichever way it is held."""

MAX_FRAMES_PER_SECOND: Final = 120
"""Telephones' slow motion that is still played at its own speed; what has more is no recording of a moment."""

MAX_BOXES: Final = 10_000
"""Steps a walk makes before it gives up; a header has some dozens for each track."""

_ENOUGH: Final = 44
"""Bytes of a box, beginning with its content, that say all that is asked of it."""

_INEXACT: Final = 1.001
"""By how much a recorder may miss its rate: the last frame of a file is often a bit shorter than it should be."""


class Frames(NamedTuple):
    """What a header tells of the first track of pictures: pixels as stored, and frames a second, or None."""

    width: int
    height: int
    rate: float | None


def look(head: bytes, mime_type: str) -> Frames | None:
    """Tell from a file's first bytes how large its frames are; a megabyte takes some milliseconds at the worst.

    Args:
        head: the first bytes, the more the better.
        mime_type: a type of video that `infrastructure.media.sniff` tells.

    Returns:
        None when they do not tell, also when they are nonsense: the decoder is the judge of that.

    Raises:
        PictureTooLargeError: beyond `MAX_PIXELS` or `MAX_FRAMES_PER_SECOND`.
    """
    walk = _Walk(head)
    frames = _webm(walk) if mime_type == "video/webm" else _mp4(walk)
    if frames is None or not frames.width * frames.height:
        return None
    if frames.width * frames.height > MAX_PIXELS:
        raise PictureTooLargeError(f"{frames.width}x{frames.height} pixels")
    if frames.rate is not None and frames.rate > MAX_FRAMES_PER_SECOND * _INEXACT:
        raise PictureTooLargeError(f"{frames.rate:.0f} frames a second")
    return frames


class _Part(NamedTuple):
    """A box or an element: its name, and where its content begins and ends, which may be behind the bytes at hand."""

    name: bytes
    start: int
    end: int


class _Walk:
    """A walk through nested parts, with an end to patience."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._steps = 0

    def boxes(self, within: _Part) -> Iterator[_Part]:
        """The boxes of ISO/IEC 14496-12, 4.2, one after the other."""
        at, end = within.start, min(within.end, len(self.data))
        while at + 8 <= end and self._goes_on():
            size, start = int.from_bytes(self.data[at : at + 4]), at + 8
            if size == 1:
                size, start = int.from_bytes(self.data[start : start + 8]), start + 8
            following = at + size if size else within.end
            if following < start:
                return
            yield _Part(self.data[at + 4 : at + 8], start, min(following, within.end))
            at = following

    def elements(self, within: _Part) -> Iterator[_Part]:
        """The elements of EBML (RFC 8794, 6), one after the other."""
        at, end = within.start, min(within.end, len(self.data))
        while at < end and self._goes_on():
            start = at + _vint_length(self.data[at])
            name, length = self.data[at:start], _vint_length(self.data[start]) if start < end else 0
            marked = int.from_bytes(self.data[start : start + length])
            start += length
            if not length or start > end:
                return
            size = marked & ((1 << 7 * length) - 1)
            unknown = size == (1 << 7 * length) - 1
            following = within.end if unknown else min(start + size, within.end)
            yield _Part(name, start, following)
            at = following

    def content(self, part: _Part) -> bytes:
        """A part, or the beginning of a large one; nothing, if that goes on behind the bytes at hand."""
        end = min(part.end, part.start + _ENOUGH)
        return self.data[part.start : end] if end <= len(self.data) else b""

    def _goes_on(self) -> bool:
        self._steps += 1
        return self._steps <= MAX_BOXES


_ALL: Final = _Part(b"", 0, 1 << 63)


def _mp4(walk: _Walk) -> Frames | None:
    for box in walk.boxes(_ALL):
        if box.name == b"moov":
            for track in walk.boxes(box):
                if track.name == b"trak" and (frames := _mp4_track(walk, track)):
                    return frames
    return None


_NESTED: Final = frozenset({b"mdia", b"minf", b"stbl"})


def _mp4_track(walk: _Walk, track: _Part) -> Frames | None:
    """What a track tells, if it is one of pictures (ISO/IEC 14496-12, 8.4.2, 8.4.3, 8.5.2, 8.7.3 and 12.1.3)."""
    told: dict[bytes, bytes] = {}
    within = [track]
    while within:
        for box in walk.boxes(within.pop()):
            if box.name in _NESTED:
                within.append(box)
            told.setdefault(box.name, walk.content(box))  # the outer one: QuickTime has a second ``hdlr`` further in
    entry = told.get(b"stsd", b"")
    if told.get(b"hdlr", b"")[8:12] != b"vide" or len(entry) < _ENOUGH:
        return None
    return Frames(int.from_bytes(entry[40:42]), int.from_bytes(entry[42:44]), _mp4_rate(told))


def _mp4_rate(told: dict[bytes, bytes]) -> float | None:
    sizes, times = told.get(b"stsz", b""), told.get(b"mdhd", b"")
    long = times[:1] == b"\1"
    scale, duration = (times[20:24], times[24:32]) if long else (times[12:16], times[16:20])
    count, length = int.from_bytes(sizes[8:12]), int.from_bytes(duration)
    return count * int.from_bytes(scale) / length if count and length else None


_SEGMENT: Final = b"\x18\x53\x80\x67"
_TRACKS: Final = b"\x16\x54\xae\x6b"
_TRACK: Final = b"\xae"
_TRACK_TYPE: Final = b"\x83"
_FRAME_NANOSECONDS: Final = b"\x23\xe3\x83"
_VIDEO: Final = b"\xe0"
_WIDTH: Final = b"\xb0"
_HEIGHT: Final = b"\xba"
_PICTURES: Final = 1


def _webm(walk: _Walk) -> Frames | None:
    """Go down to the first track of pictures (RFC 9559, 5.1.4)."""
    for segment in walk.elements(_ALL):
        if segment.name == _SEGMENT:
            for tracks in walk.elements(segment):
                if tracks.name == _TRACKS:
                    return _webm_tracks(walk, tracks)
    return None


def _webm_tracks(walk: _Walk, tracks: _Part) -> Frames | None:
    for track in walk.elements(tracks):
        if track.name != _TRACK:
            continue
        told = {part.name: part for part in walk.elements(track)}
        if _VIDEO in told and _number(walk, told.get(_TRACK_TYPE)) == _PICTURES:
            size = {part.name: part for part in walk.elements(told[_VIDEO])}
            nanoseconds = _number(walk, told.get(_FRAME_NANOSECONDS))
            rate = 1e9 / nanoseconds if nanoseconds else None
            return Frames(_number(walk, size.get(_WIDTH)), _number(walk, size.get(_HEIGHT)), rate)
    return None


def _number(walk: _Walk, part: _Part | None) -> int:
    return int.from_bytes(walk.content(part)[:8]) if part else 0


def _vint_length(first: int) -> int:
    """Count the bytes of a variable-size integer by the leading zero bits of its first byte (RFC 8794, 4)."""
    return 9 - first.bit_length()

"""What a file is, told by its first bytes; the name and the declared type are never asked.

The signatures are written out here: the package `filetype` calls a Canon raw file ``video/mp4``, does not know a
fragmented MP4 (``dash``), gives an animated PNG a type of its own and finds a WebM doctype anywhere in the file.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

ENOUGH: Final = 4096
"""Bytes of a file's beginning with which `sniff` tells all it ever will."""


class Sniffed(msgspec.Struct, frozen=True):
    """What a file is: the kind of story it makes and the media type of its bytes."""

    kind: Literal["image", "video"]
    mime_type: str


JPEG: Final = Sniffed("image", "image/jpeg")
PNG: Final = Sniffed("image", "image/png")
GIF: Final = Sniffed("image", "image/gif")
WEBP: Final = Sniffed("image", "image/webp")
MP4: Final = Sniffed("video", "video/mp4")
WEBM: Final = Sniffed("video", "video/webm")
QUICKTIME: Final = Sniffed("video", "video/quicktime")

_PREFIXES: Final = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
)

_FTYP_SIZES: Final = range(16, 1025)
"""Bytes of a believable ``ftyp`` box: one major brand and a version at least (ISO/IEC 14496-12, 4.3); real files
list a dozen compatible brands, so 1 KiB is generous."""

_MP4_BRANDS: Final = frozenset(
    {
        *(b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"iso7", b"iso8", b"iso9"),
        *(b"mp41", b"mp42", b"avc1", b"hvc1", b"av01", b"mmp4", b"f4v "),
        *(b"M4V ", b"M4VH", b"M4VP"),
        *(b"dash", b"msdh", b"msix", b"cmfc", b"cmf2"),
        *(b"MSNV", b"XAVC"),
    }
)
"""Major brands of MP4 video, from the list of the MP4 registration authority (mp4ra.org). Only the major brand
decides: HEIC, AVIF, audio (``M4A ``) and Canon raw files name ``isom`` or ``mp42`` among their compatible brands."""

_EBML: Final = b"\x1a\x45\xdf\xa3"
_DOCTYPE: Final = b"\x42\x82"


def sniff(head: bytes) -> Sniffed | None:
    """Tell what a file is from its first bytes, of which `ENOUGH` are enough.

    Returns:
        None for whatever is not JPEG, PNG, GIF, WebP, MP4, WebM or QuickTime. That a file is one of these says nothing
        about the rest of it: only decoding tells whether it is whole.
    """
    for prefix, sniffed in _PREFIXES:
        if head.startswith(prefix):
            return sniffed
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WEBP
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    if head.startswith(_EBML) and _doctype(head) == b"webm":
        return WEBM
    return None


def _by_brand(head: bytes) -> Sniffed | None:
    if int.from_bytes(head[:4]) not in _FTYP_SIZES:
        return None
    brand = head[8:12]
    if brand == b"qt  ":
        return QUICKTIME
    return MP4 if brand in _MP4_BRANDS else None


def _doctype(head: bytes) -> bytes | None:
    """Read the DocType inside the EBML header (RFC 8794, 11.2), not whatever looks like one further on."""
    at, size = _vint(head, len(_EBML))
    end = min(at + size, len(head))
    while at < end:
        id_length = _vint_length(head[at])
        element = head[at : at + id_length]
        at, size = _vint(head, at + id_length)
        if element == _DOCTYPE:
            # A string may be padded with zero bytes (RFC 8794, 7.4).
            return head[at : min(at + size, end)].rstrip(b"\0")
        at += size
    return None


def _vint_length(first: int) -> int:
    """Count the bytes of a variable-size integer by the leading zero bits of its first byte (RFC 8794, 4)."""
    return 9 - first.bit_length()


def _vint(head: bytes, at: int) -> tuple[int, int]:
    """Read the variable-size integer at an offset; returns the offset behind it and its value."""
    if at >= len(head):
        return len(head), 0
    length = _vint_length(head[at])
    marked = int.from_bytes(head[at : at + length])
    return at + length, marked & ((1 << 7 * length) - 1)

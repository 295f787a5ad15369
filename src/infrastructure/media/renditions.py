"""What all renditions have in common: their sizes, and the stills and placeholders that stand for them."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Final, NamedTuple

import blurhash
from PIL import (
    Image,
    WebPImagePlugin,  # noqa: F401 - a format Pillow does not know yet makes it load all of its forty plugins
)

SCREEN: Final = (1080, 1920)
"""The box a served picture fits, width x height in pixels: the portrait full-HD screen of the product's contract."""

THUMBNAIL: Final = (320, 320)
"""The box a thumbnail fits, in pixels: the longer side of the product's contract."""

QUALITY: Final = 78
"""WebP quality of both renditions, the encoder's range being 0 to 100; see `_encoded` for what was measured."""

EFFORT: Final = 1
"""WebP method, 0 (fast) to 6 (small); see `_encoded`."""

PLACEHOLDER_SIDE: Final = 32
"""Pixels of the longer side of the picture a BlurHash is computed from: far more than its handful of waves can show,
and computed in 5 ms."""

PLACEHOLDER_COMPONENTS: Final = 12
"""About how many waves a BlurHash has, spread over both axes by the aspect: 4 by 3 for a picture of 4:3, 3 by 5 for a
telephone's screen. Makes 20 to 36 characters."""

_THUMBNAIL: Final = "thumbnail.webp"


class VideoTooLongError(Exception):
    """The video plays longer than a story may."""


class Rendering(NamedTuple):
    """What was made of an upload: files in the target folder, by their bare names, and what a card tells about them.

    Attributes:
        media: what is served, of the type ``mime_type``.
        thumbnail: a small still, WebP.
        poster: a still as large as the video, WebP; None for a picture.
        width: of ``media``, in pixels.
        height: of ``media``, in pixels.
        placeholder: a BlurHash.
        duration_seconds: how long a video plays; None for a picture, also one that moves.
    """

    width: int
    height: int
    mime_type: str
    media: str
    thumbnail: str
    placeholder: str
    poster: str | None = None
    duration_seconds: float | None = None


def rendering_of(
    still: Image.Image,
    target: Path,
    *,
    media: str,
    mime_type: str,
    poster: str | None = None,
    duration_seconds: float | None = None,
) -> Rendering:
    """The rendition whose file ``media`` is in the folder ``target`` already; makes the thumbnail of its ``still``."""
    # Four times too large, mostly: halved by the box filter first, it takes a third of the time.
    thumbnail = still.resize(fit(still.size, THUMBNAIL), Image.Resampling.LANCZOS, reducing_gap=2.0)
    (target / _THUMBNAIL).write_bytes(encoded(thumbnail))
    return Rendering(
        width=still.width,
        height=still.height,
        mime_type=mime_type,
        media=media,
        thumbnail=_THUMBNAIL,
        placeholder=placeholder_of(thumbnail),
        poster=poster,
        duration_seconds=duration_seconds,
    )


def fit(size: tuple[int, int], box: tuple[int, int]) -> tuple[int, int]:
    """Scale a size down until it fits a box, both in pixels; never up."""
    scale = min(1.0, box[0] / size[0], box[1] / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def encoded(picture: Image.Image) -> bytes:
    """Encode as WebP, also what is opaque.

    Measured with Pillow 13.0.0: of a photo of 720x477 WebP makes 77 kB where a progressive JPEG as good (of the
    luminance) takes 96 kB. Of one of 900x1600, method 1 of quality 78 makes 79 kB at 41.2 dB, and method 2 of quality
    80 makes 78 kB as good, in nearly twice the time; method 0, of any quality, a third more bytes. Of a photo of 12 Mpx
    method 2 was a third of the whole work (`make bench-media`).
    """
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=QUALITY, method=EFFORT, exif=b"", xmp=b"", icc_profile=b"")
    return file.getvalue()


def placeholder_of(thumbnail: Image.Image) -> str:
    """Compute the BlurHash, on black where anything shines through: the background a story has by default."""
    tiny = thumbnail.resize(fit(thumbnail.size, (PLACEHOLDER_SIDE,) * 2), Image.Resampling.BOX).convert("RGBA")
    flat = Image.new("RGB", tiny.size)
    flat.paste(tiny, mask=tiny)
    across, down = (_waves(flat.width / flat.height), _waves(flat.height / flat.width))
    pixels, line = flat.tobytes(), 3 * flat.width
    rows = [[pixels[at : at + 3] for at in range(start, start + line, 3)] for start in range(0, len(pixels), line)]
    return str(blurhash.encode(rows, components_x=across, components_y=down))


def _waves(aspect: float) -> int:
    return max(1, min(9, round(math.sqrt(PLACEHOLDER_COMPONENTS * aspect))))

"""Pictures that move, written frame by frame: no more than one of them is in memory at a time."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
from PIL import Image

_MILLISECOND: Final = Fraction(1, 1000)
_QUICKEST: Final = 20
"""Milliseconds; what says less is shown as by browsers: for a tenth of a second."""
_SLOWED: Final = 100
_OPTIONS: Final = {"quality": "75", "compression_level": "2"}
"""Of 100 frames of 500x500 level 2 makes 102 kB in 0.6 s, Pillow's own encoder of method 2 116 kB in 0.7 s."""


def write_animation(
    first: Image.Image, frames: Iterable[tuple[Image.Image, int]], media: Path, *, loops: int
) -> Image.Image:
    """Write an animated WebP of ``frames``, each with how many milliseconds it is shown; answers the first.

    Args:
        first: the first of them once more; all are of its size.
        frames: what is shown.
        media: the file.
        loops: how often it plays; 0: for ever.
    """
    # FFmpeg's writer takes a file by its name for a single picture unless it is told to.
    with av.open(str(media), "w", format="webp", options={"loop": str(loops)}) as output:
        stream = output.add_stream("libwebp_anim", rate=1000, options=_OPTIONS)
        stream.width, stream.height = first.size
        stream.pix_fmt = "bgra"
        stream.codec_context.time_base = _MILLISECOND
        at = begins = count = 0
        frame = None
        for picture, shown in frames:
            pixels = picture.convert("RGBA").tobytes()
            frame = av.VideoFrame.from_bytes(pixels, *first.size, format="rgba").reformat(format="bgra")
            frame.pts, frame.time_base = at, _MILLISECOND
            output.mux(stream.encode(frame))
            begins = at
            at, count = at + (shown if shown >= _QUICKEST else _SLOWED), count + 1
        # The encoder is not told when the last frame ends, and shows it as long as the average one. Shown once more
        # before that, it stays as long as it should; the two are stored as one.
        if frame is not None and (again := at * count // (count + 1)) > begins:
            frame.pts = again
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return first

"""Frames of a video made upright, within a box, in the colours that every screen expects."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from av import VideoFrame
from av.filter import Graph

from infrastructure.media.renditions import fit
from infrastructure.media.tone_mapping import is_beyond, is_bright, write_table

_Step = tuple[str, dict[str, str]]
"""A filter of FFmpeg, and its options."""

_TURNS: Final[dict[int, tuple[_Step, ...]]] = {
    90: (("transpose", {"dir": "cclock"}),),
    180: (("hflip", {}), ("vflip", {})),
    270: (("transpose", {"dir": "clock"}),),
}
"""How each rotation is done, in degrees counterclockwise, as the display matrix of the first frame asks for it."""

_UNSPECIFIED: Final = 2
"""Number of ISO/IEC 23091-2, as FFmpeg takes it over."""
_SMALL: Final = 1024 * 576
"""Pixels up to which a video that does not say is taken for standard definition, BT.601."""

_TABLE: Final = "colours.cube"
_FOR_TABLES: Final = "gbrp16le"
"""What the table of colours is applied to: of all formats the quickest by half, and no step between colours shows.

A frame of 1080x608 takes 17 ms; by the scaler's own conversion, which clips what is bright, it takes 159 ms.
"""


class Upright:
    """Turns, scales and recolours all frames like the first one.

    Attributes:
        size: width and height of what comes out, even numbers of pixels.

    Args:
        first: the frame that all others are like.
        aspect: width of a pixel in heights of it.
        box: width and height of what comes out at the most.
        folder: where to put a table of colours if they need one; it is read here and no more.
    """

    def __init__(self, first: VideoFrame, aspect: Fraction, box: tuple[int, int], folder: Path) -> None:
        rotation = round(first.rotation / 90) * 90 % 360
        lying = rotation in {90, 270}
        shown = (max(1, round(first.width * aspect)), first.height)
        width, height = fit(shown, box[::-1] if lying else box)
        across, down = _even(width), _even(height)
        self.size = (down, across) if lying else (across, down)
        self._graph = Graph()
        self._graph.threads = 1
        steps = [
            *_scaled(first, (across, down), folder),
            *_TURNS.get(rotation, ()),
            ("setsar", {"sar": "1"}),
            ("format", {"pix_fmts": "yuv420p"}),
        ]
        _chain(self._graph, first, steps)

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        """The frame as it is shown."""
        self._graph.vpush(frame)
        return self._graph.vpull()


def _scaled(first: VideoFrame, size: tuple[int, int], folder: Path) -> list[_Step]:
    """How to scale, and to bring the colours into BT.709, those of every screen.

    Wide and bright colours go through a table (`infrastructure.media.tone_mapping`); between the others there is no
    difference that is worth the time.
    """
    scale = {"w": str(size[0]), "h": str(size[1]), "flags": "bicubic", **_matrix(first)}
    ours = {"out_color_matrix": "bt709", "out_range": "tv"}
    if not is_beyond(first.color_primaries, first.color_trc):
        ordinary = {"in_primaries": "bt709", "in_transfer": "bt709", "out_primaries": "bt709", "out_transfer": "bt709"}
        return [("scale", {**scale, **ordinary, **ours})]
    table = folder / _TABLE
    write_table(first.color_primaries, first.color_trc, table)
    return [
        ("scale", scale),
        ("format", {"pix_fmts": _FOR_TABLES}),
        ("lut3d", {"file": str(table)}),
        ("setparams", {"color_primaries": "bt709", "color_trc": "bt709"}),
        ("scale", ours),
    ]


def _matrix(first: VideoFrame) -> dict[str, str]:
    """What a video that says nothing of its matrix is read by: as players do, by its brightness and by its size."""
    if first.colorspace != _UNSPECIFIED:
        return {}
    if is_bright(first.color_trc):
        return {"in_color_matrix": "bt2020"}
    return {"in_color_matrix": "bt709" if first.width * first.height > _SMALL else "bt601"}


def _chain(graph: Graph, first: VideoFrame, steps: list[_Step]) -> None:
    last: Any = graph.add_buffer(width=first.width, height=first.height, format=first.format, time_base=first.time_base)
    for name, options in steps:
        following = graph.add(name, **options)
        last.link_to(following)
        last = following
    last.link_to(graph.add("buffersink"))
    graph.configure()


def _even(length: int) -> int:
    return max(2, length // 2 * 2)

"""Frames of a video made upright, within a box, in the colours that every screen expects."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

from av import VideoFrame
from av.filter import Graph

from infrastructure.media.renditions import fit

_TURNS: Final[dict[int, tuple[str, ...]]] = {
    90: ("transpose=cclock",),
    180: ("hflip", "vflip"),
    270: ("transpose=clock",),
}
"""How each rotation is done, in degrees counterclockwise, as the display matrix of the first frame asks for it."""

_UNSPECIFIED: Final = 2
_WIDE: Final = frozenset({9, 11, 12})
"""BT.2020 and P3; numbers of ISO/IEC 23091-2, as FFmpeg takes them over."""
_SMALL: Final = 1024 * 576
"""Pixels up to which a video that does not say is taken for standard definition, BT.601."""


class Upright:
    """Turns, scales and recolours all frames like the first one.

    Attributes:
        size: width and height of what comes out, even numbers of pixels.
    """

    def __init__(self, first: VideoFrame, aspect: Fraction, box: tuple[int, int]) -> None:
        rotation = round(first.rotation / 90) * 90 % 360
        lying = rotation in {90, 270}
        shown = (max(1, round(first.width * aspect)), first.height)
        width, height = fit(shown, box[::-1] if lying else box)
        across, down = _even(width), _even(height)
        self.size = (down, across) if lying else (across, down)
        self._graph = Graph()
        self._graph.threads = 1
        steps = [
            f"scale=w={across}:h={down}:flags=bicubic:{_colours(first)}",
            *_TURNS.get(rotation, ()),
            "setsar=1",
            "format=yuv420p",
        ]
        _chain(self._graph, first, steps)

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        """The frame as it is shown."""
        self._graph.vpush(frame)
        return self._graph.vpull()


def _colours(first: VideoFrame) -> str:
    """How the scaler is to read the colours; it writes BT.709, the colours of every screen.

    What says nothing of its matrix is read as players do: by its size. Wide and bright colours (BT.2020, P3; HLG, PQ)
    are brought into BT.709; between the others there is no difference that is worth the time.
    """
    read = []
    if first.colorspace == _UNSPECIFIED:
        read.append("in_color_matrix=" + ("bt709" if first.width * first.height > _SMALL else "bt601"))
    if first.color_primaries not in _WIDE:
        read += ["in_primaries=bt709", "in_transfer=bt709"]
    return ":".join([*read, "out_color_matrix=bt709", "out_primaries=bt709", "out_transfer=bt709", "out_range=tv"])


def _chain(graph: Graph, first: VideoFrame, steps: list[str]) -> None:
    last: Any = graph.add_buffer(width=first.width, height=first.height, format=first.format, time_base=first.time_base)
    for step in steps:
        name, _, options = step.partition("=")
        following = graph.add(name, options)
        last.link_to(following)
        last = following
    last.link_to(graph.add("buffersink"))
    graph.configure()


def _even(length: int) -> int:
    return max(2, length // 2 * 2)

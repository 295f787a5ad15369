"""Films in HLG, PQ and wide colours, by the equations of Recommendation ITU-R BT.2100; and how far colours are apart.

The films show patches of plain colours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import av
from PIL import Image

from tests.contract.media.films import CODECS, OPTIONS, at_ease

Colour = tuple[float, ...]

BT709, BT2020, P3, PQ, HLG = 1, 9, 12, 16, 18
"""Primaries and transfers, as ISO/IEC 23091-2 counts."""

TILE: Final = 16
ACROSS: Final = 8
"""Pixels of a patch, and patches in a row."""

WHITE_NITS: Final = 203.0

_FROM_BT709: Final = {
    BT2020: ((0.6274, 0.3293, 0.0433), (0.0691, 0.9195, 0.0114), (0.0164, 0.0880, 0.8956)),
    P3: ((0.8225, 0.1775, 0.0), (0.0332, 0.9668, 0.0), (0.0171, 0.0724, 0.9105)),
}
_LUMINANCE: Final = {BT2020: (0.2627, 0.6780, 0.0593), P3: (0.2126, 0.7152, 0.0722)}
"""Of red, green and blue; of P3 those of BT.709, whose matrix telephones write it with."""


def bright_film(
    container: str, codec: str, primaries: int, transfer: int, patches: Sequence[tuple[Colour, float]]
) -> bytes:
    """Make a film of patches, 10 bits deep; each is a colour of 0 to 255 (sRGB), and how many times as bright it is."""
    matrix = BT2020 if primaries == BT2020 else BT709
    tiles = [_tile(_signal(colour, by, primaries, transfer), _LUMINANCE[primaries]) for colour, by in patches]
    rows = -(-len(tiles) // ACROSS)
    with TemporaryDirectory() as folder:
        file = Path(folder, "film")
        encoder = CODECS[codec]
        with at_ease(), av.open(str(file), "w", format=container) as output:
            options = {**OPTIONS[encoder], "crf": "4"}
            stream: Any = output.add_stream(encoder, rate=10, options=options)
            stream.width, stream.height, stream.pix_fmt = TILE * ACROSS, TILE * rows, "yuv420p10le"
            for noted in (stream.codec_context, *(frames := [_frame(tiles, rows) for _ in range(3)])):
                noted.color_primaries, noted.color_trc, noted.colorspace = primaries, transfer, matrix
                noted.color_range = 1
            for number, frame in enumerate(frames):
                frame.pts, frame.time_base = number, Fraction(1, 10)
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
        return file.read_bytes()


def patches_of(picture: Image.Image, count: int) -> list[Colour]:
    """The mean colours of the inner halves of the first patches: codecs blur the edges."""
    edge = TILE // 4
    corners = [(TILE * (place % ACROSS) + edge, TILE * (place // ACROSS) + edge) for place in range(count)]
    shown = picture.convert("RGB")
    means = []
    for left, top in corners:
        patch = shown.crop((left, top, left + TILE // 2, top + TILE // 2))
        means.append(tuple(sum(band.tobytes()) / (TILE // 2) ** 2 for band in patch.split()))
    return means


def difference(one: Colour, other: Colour) -> float:
    """How far colours are apart to the eye (CIE 1994, graphic arts): 1 is seen by nobody, 3 side by side only."""
    (light, red, yellow), (light_, red_, yellow_) = _lab(one), _lab(other)
    chroma, chroma_ = math.hypot(red, yellow), math.hypot(red_, yellow_)
    hue = max((red - red_) ** 2 + (yellow - yellow_) ** 2 - (chroma - chroma_) ** 2, 0.0)
    return math.sqrt(
        (light - light_) ** 2 + ((chroma - chroma_) / (1 + 0.045 * chroma)) ** 2 + hue / (1 + 0.015 * chroma) ** 2
    )


def _signal(colour: Colour, by: float, primaries: int, transfer: int) -> Colour:
    light = [by * _light(part / 255) for part in colour]
    wide = [sum(weight * part for weight, part in zip(row, light, strict=True)) for row in _FROM_BT709[primaries]]
    if transfer == PQ:
        return tuple(_pq(part * WHITE_NITS) for part in wide)
    if transfer == HLG:
        return _hlg([part * WHITE_NITS / 1000 for part in wide])
    return tuple(12.92 * part if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055 for part in wide)


def _pq(nits: float) -> float:
    power = (nits / 10_000) ** 0.1593017578125
    return float(((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375)


def _hlg(shown: Sequence[float]) -> Colour:
    luminance = sum(weight * part for weight, part in zip(_LUMINANCE[BT2020], shown, strict=True))
    scene = [part * luminance ** (1 / 1.2 - 1) if luminance else 0.0 for part in shown]
    return tuple(
        math.sqrt(3 * part) if part <= 1 / 12 else 0.17883277 * math.log(12 * part - 0.28466892) + 0.55991073
        for part in scene
    )


def _tile(signal: Colour, weights: Colour) -> tuple[int, int, int]:
    red, green, blue = (min(part, 1.0) for part in signal)
    luma = weights[0] * red + weights[1] * green + weights[2] * blue
    return (
        round(64 + 876 * luma),
        round(512 + 896 * (blue - luma) / (2 - 2 * weights[2])),
        round(512 + 896 * (red - luma) / (2 - 2 * weights[0])),
    )


def _frame(tiles: Sequence[tuple[int, int, int]], rows: int) -> av.VideoFrame:
    frame = av.VideoFrame(TILE * ACROSS, TILE * rows, "yuv420p10le")
    spare = [(64, 512, 512)] * (ACROSS * rows - len(tiles))
    for number, (plane, side) in enumerate(zip(frame.planes, (TILE, TILE // 2, TILE // 2), strict=True)):
        values = [tile[number].to_bytes(2, "little") for tile in [*tiles, *spare]]
        lines = (b"".join(value * side for value in values[at : at + ACROSS]) for at in range(0, len(values), ACROSS))
        plane.update(b"".join(line.ljust(plane.line_size, b"\0") * side for line in lines))
    return frame


def _light(signal: float) -> float:
    return signal / 12.92 if signal <= 0.04045 else ((signal + 0.055) / 1.055) ** 2.4


def _lab(colour: Colour) -> tuple[float, float, float]:
    """CIE L*a*b* of a colour in sRGB."""
    red, green, blue = (_light(part / 255) for part in colour)
    x = _cubic((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505)
    y = _cubic(0.2126 * red + 0.7152 * green + 0.0722 * blue)
    z = _cubic((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.0888)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _cubic(part: float) -> float:
    return part ** (1 / 3) if part > 216 / 24389 else (24389 / 27 * part + 16) / 116

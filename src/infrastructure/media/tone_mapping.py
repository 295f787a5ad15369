"""Wide and bright colours brought into BT.709, the colours of every screen, by a table from colours to colours.

Telephones film HLG (also under Dolby Vision 8.4) and PQ, in BT.2020. What such a film shows up to 95 nits comes out
as it is; from there to its brightest light rises the curve of Report ITU-R BT.2390, so that a lamp is brighter than
the paper below it, and its white, 203 nits, is light grey (229 of 255). The brightest light is white, whatever it is.

The numbers of primaries and transfers are those of ISO/IEC 23091-2, as FFmpeg takes them over.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

LEVELS: Final = 33
"""Of each of red, green and blue, that the table knows; between them it is interpolated. Made in 0.3 s; 25 levels take
half of that and let pure colours go astray half as far again."""

WHITE_NITS: Final = 203.0
"""How bright the white of a sheet of paper is in a film of HLG or PQ (Report ITU-R BT.2408)."""

PEAK_NITS: Final = 1000.0
"""The brightest light, in candela per square metre: of an HLG screen (Recommendation ITU-R BT.2100), and of the
screens for which PQ is mostly made."""

_PQ: Final = 16
_HLG: Final = 18
_BT2020: Final = 9
_P3: Final = frozenset({11, 12})

_Colour = tuple[float, float, float]

_FROM_BT2020: Final = ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187))
"""Linear BT.2020 to BT.709 (Report ITU-R BT.2407)."""

_FROM_P3: Final = ((1.2249, -0.2249, 0.0), (-0.0421, 1.0421, 0.0), (-0.0196, -0.0786, 1.0983))
"""Linear P3, its white that of daylight, to BT.709 (SMPTE EG 432-1)."""

_BT2020_LUMINANCE: Final = (0.2627, 0.6780, 0.0593)
_BT709_LUMINANCE: Final = (0.2126, 0.7152, 0.0722)

_HLG_A, _HLG_B, _HLG_C, _HLG_GAMMA = 0.17883277, 0.28466892, 0.55991073, 1.2
"""Recommendation ITU-R BT.2100, table 5."""

_PQ_M1, _PQ_M2, _PQ_C1, _PQ_C2, _PQ_C3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
"""Recommendation ITU-R BT.2100, table 4."""

_SRGB_SIGNAL, _SRGB_LIGHT = 0.04045, 0.0031308
"""Where the straight part of its curve ends (IEC 61966-2-1)."""


def is_bright(transfer: int) -> bool:
    """Whether a film of this transfer function shows what is brighter than white."""
    return transfer in {_PQ, _HLG}


def is_beyond(primaries: int, transfer: int) -> bool:
    """Whether a film holds colours that BT.709 has not."""
    return is_bright(transfer) or primaries == _BT2020 or primaries in _P3


def write_table(primaries: int, transfer: int, file: Path) -> None:
    """Write the table for films that are `is_beyond`, in the form ``.cube``, for the filter ``lut3d``.

    Raises:
        OSError: it cannot be written.
    """
    lines = (f"{red:.5f} {green:.5f} {blue:.5f}\n" for red, green, blue in _entries(primaries, transfer))
    file.write_text(f"LUT_3D_SIZE {LEVELS}\n{''.join(lines)}", encoding="ascii")


def _entries(primaries: int, transfer: int) -> Iterator[_Colour]:
    """What becomes of each colour, red first; all numbers are of 0 to 1."""
    matrix = _FROM_P3 if primaries in _P3 else _FROM_BT2020
    linear, shown = _reading(transfer)
    light = [linear(level / (LEVELS - 1)) for level in range(LEVELS)]
    for blue in light:
        for green in light:
            for red in light:
                colour = shown((red, green, blue))
                red_, green_, blue_ = (_weighed(row, colour) for row in matrix)
                inside = _drawn_inside((red_, green_, blue_))
                yield _encoded(inside[0]), _encoded(inside[1]), _encoded(inside[2])


def _reading(transfer: int) -> tuple[Callable[[float], float], Callable[[_Colour], _Colour]]:
    """How a number becomes light, and how the light becomes what an ordinary screen, of which 1 is the most, shows."""
    if transfer == _PQ:
        return _pq_nits, _rolled_off
    if transfer == _HLG:
        return _hlg_scene, lambda scene: _rolled_off(_hlg_nits(scene))
    return _decoded, lambda light: light


# --- light ------------------------------------------------------------------------------------------------------------


def _pq_nits(signal: float) -> float:
    power = signal ** (1 / _PQ_M2)
    return 10_000 * float((max(power - _PQ_C1, 0.0) / (_PQ_C2 - _PQ_C3 * power)) ** (1 / _PQ_M1))


def _pq_signal(nits: float) -> float:
    power = (nits / 10_000) ** _PQ_M1
    return float(((_PQ_C1 + _PQ_C2 * power) / (1 + _PQ_C3 * power)) ** _PQ_M2)


def _hlg_scene(signal: float) -> float:
    """Light before the camera, of 0 to 1."""
    return signal**2 / 3 if signal <= 1 / 2 else (math.exp((signal - _HLG_C) / _HLG_A) + _HLG_B) / 12


def _hlg_nits(scene: _Colour) -> _Colour:
    """Light on a screen of `PEAK_NITS`."""
    gain = PEAK_NITS * float(_weighed(_BT2020_LUMINANCE, scene) ** (_HLG_GAMMA - 1))
    return scene[0] * gain, scene[1] * gain, scene[2] * gain


def _decoded(signal: float) -> float:
    """Take the curve of sRGB, on which screens agree more than on any that is written for video."""
    return signal / 12.92 if signal <= _SRGB_SIGNAL else float(((signal + 0.055) / 1.055) ** 2.4)


def _encoded(light: float) -> float:
    return light * 12.92 if light <= _SRGB_LIGHT else 1.055 * float(light ** (1 / 2.4)) - 0.055


# --- what is too bright, and what is too pure -------------------------------------------------------------------------

_PEAK: Final = _pq_signal(PEAK_NITS)
_MOST: Final = _pq_signal(WHITE_NITS) / _PEAK
_KNEE: Final = 1.5 * _MOST - 0.5
"""Where the curve begins, as part of the way up to the peak in PQ, which is in steps of equal visibility; 95 nits."""


def _rolled_off(nits: _Colour) -> _Colour:
    """Take off all three as much as off the brightest, lest the hue change; of ``WHITE_NITS`` is made 1 at the most."""
    brightest = max(nits)
    gain = _rolled(brightest) / brightest / WHITE_NITS if brightest else 0.0
    return nits[0] * gain, nits[1] * gain, nits[2] * gain


def _rolled(nits: float) -> float:
    """The curve of Report ITU-R BT.2390, 5.4.1, from `PEAK_NITS` to `WHITE_NITS`."""
    signal = min(_pq_signal(nits) / _PEAK, 1.0)
    if signal <= _KNEE:
        return nits
    part = (signal - _KNEE) / (1 - _KNEE)
    spline = (
        (2 * part**3 - 3 * part**2 + 1) * _KNEE
        + (part**3 - 2 * part**2 + part) * (1 - _KNEE)
        + (3 * part**2 - 2 * part**3) * _MOST
    )
    return _pq_nits(spline * _PEAK)


def _drawn_inside(colour: _Colour) -> _Colour:
    """Mix with grey as bright what is too pure for BT.709, until it is of 0 to 1."""
    grey = min(max(_weighed(_BT709_LUMINANCE, colour), 0.0), 1.0)
    least, most = min(colour), max(colour)
    purity = 1.0
    if least < 0:
        purity = grey / (grey - least)
    if most > 1:
        purity = min(purity, (1 - grey) / (most - grey))
    red, green, blue = (min(max(grey + (part - grey) * purity, 0.0), 1.0) for part in colour)
    return red, green, blue


def _weighed(weights: _Colour, colour: _Colour) -> float:
    return weights[0] * colour[0] + weights[1] * colour[1] + weights[2] * colour[2]

"""Films in more colours, and brighter ones, than an ordinary screen has: they look on it as they were meant."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from infrastructure.media.renditions import Rendering
from infrastructure.media.tone_mapping import LEVELS, write_table
from infrastructure.media.videos import render
from tests.contract.media.bright_films import BT709, BT2020, HLG, P3, PQ, bright_film, difference, patches_of
from tests.contract.media.films import frames, opened

pytestmark = pytest.mark.slow

TYPES = {"mp4": "video/mp4", "mov": "video/quicktime", "webm": "video/webm"}
UNSEEN = 3.0
"""Of `difference`: what two encoders and half the resolution of chroma may do to a patch."""
UNSEEN_IN_STILLS = 4.0
"""The poster went through a third encoder."""

ORDINARY = [
    *((grey,) * 3 for grey in (0, 32, 64, 96, 128, 160, 180)),
    *((180, 0, 0), (0, 180, 0), (0, 0, 180), (180, 180, 0), (0, 180, 180), (180, 0, 180)),
    *((200, 150, 120), (120, 80, 60), (90, 130, 180)),
]
"""As bright as half of the light of paper white, skin, and sky."""
GREYS = [0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.9, 10.0]
"""Light, in that of paper white; the last is the sun in a mirror, and only PQ tells it from the one before."""
PURE = [((255, 0, 0), 3.0), ((0, 255, 0), 3.0), ((0, 0, 255), 3.0), ((255, 160, 40), 4.0)]
PATCHES = [*((colour, 1.0) for colour in ORDINARY), *(((255, 255, 255), by) for by in GREYS), *PURE]


def rendered(folder: Path, data: bytes, container: str) -> tuple[Rendering, bytes]:
    """Render bytes, and read what is served."""
    (folder / "source").write_bytes(data)
    rendering = render(folder / "source", TYPES[container], folder, lambda _: None)
    return rendering, (folder / rendering.media).read_bytes()


@pytest.mark.parametrize(
    ("container", "codec", "transfer"), [("mov", "hevc", HLG), ("mp4", "hevc", PQ), ("webm", "av1", PQ)]
)
def test_a_film_for_bright_screens_looks_right_on_others(
    tmp_path: Path, container: str, codec: str, transfer: int
) -> None:
    rendering, served = rendered(tmp_path, bright_film(container, codec, BT2020, transfer, PATCHES), container)

    shown = patches_of(frames(served)[1], len(PATCHES))
    with Image.open(tmp_path / str(rendering.poster)) as poster:
        still = patches_of(poster, len(PATCHES))
    for place, colour in enumerate(ORDINARY):
        assert difference(colour, shown[place]) <= UNSEEN, (colour, shown[place])
        assert difference(colour, still[place]) <= UNSEEN_IN_STILLS, (colour, still[place])
    bright = shown[len(ORDINARY) :]
    lights = [sum(grey) / 3 for grey in bright[: len(GREYS)]]
    assert all(brighter >= dark + 3 for dark, brighter in pairwise(lights[:5])), lights
    assert all(brighter >= dark - 1 for dark, brighter in pairwise(lights)), lights
    assert 222 <= lights[2] <= 240, "paper leaves room for lamps"
    assert lights[-1] >= 250
    red, green, blue, lamp = bright[len(GREYS) :]
    assert red[0] - max(red[1:]) > 100
    assert green[1] - max(green[0], green[2]) > 30
    assert blue[2] - max(blue[:2]) > 100
    assert lamp[0] > lamp[1] + 30 > lamp[2] + 60


@pytest.mark.parametrize("primaries", [BT2020, P3])
def test_wide_colours_that_are_not_bright_are_as_they_were(tmp_path: Path, primaries: int) -> None:
    colours = [*ORDINARY, (255, 255, 255), (255, 0, 0), (0, 255, 255)]
    data = bright_film("mp4", "h264", primaries, BT709, [(colour, 1.0) for colour in colours])

    _, served = rendered(tmp_path, data, "mp4")

    for colour, shown in zip(colours, patches_of(frames(served)[1], len(colours)), strict=True):
        assert difference(colour, shown) <= UNSEEN, (colour, shown)


def test_what_is_served_says_that_its_colours_are_ordinary(tmp_path: Path) -> None:
    _, served = rendered(tmp_path, bright_film("mp4", "hevc", BT2020, PQ, PATCHES[:8]), "mp4")

    with opened(served) as film:
        frame: Any = next(film.decode(video=0))
        told = (frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range)
        assert (told, frame.format.name) == ((BT709, BT709, BT709, 1), "yuv420p")


@pytest.mark.parametrize("transfer", [HLG, PQ])
def test_greys_stay_grey_and_never_grow_darker_with_more_light(tmp_path: Path, transfer: int) -> None:
    write_table(BT2020, transfer, tmp_path / "table.cube")

    lines = (tmp_path / "table.cube").read_text().splitlines()[1:]

    colours = [tuple(map(float, line.split())) for line in lines]
    assert len(colours) == LEVELS**3
    assert all(0 <= part <= 1 for colour in colours for part in colour)
    greys = colours[:: LEVELS**2 + LEVELS + 1]
    assert all(max(grey) - min(grey) < 0.003 for grey in greys)
    assert greys == sorted(greys)
    assert (greys[0], greys[-1]) == ((0, 0, 0), (1, 1, 1))

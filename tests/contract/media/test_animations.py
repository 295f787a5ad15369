"""Pictures that move go on moving, frame by frame, for as long as each was shown."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from infrastructure.media.images import render
from infrastructure.media.renditions import Rendering
from tests.contract.media.pictures import BLUE, GREEN, RED, pixel

pytestmark = pytest.mark.slow

TYPES = {"GIF": "image/gif", "WEBP": "image/webp"}


def moving(kind: str, durations: list[int], size: tuple[int, int] = (60, 40), **options: object) -> bytes:
    """Red, green, blue, red..., each for so many milliseconds."""
    shown = [Image.new("RGB", size, (RED, GREEN, BLUE)[number % 3]) for number in range(len(durations))]
    file = io.BytesIO()
    shown[0].save(file, kind, save_all=True, append_images=shown[1:], duration=durations, **options)
    return file.getvalue()


def rendered(folder: Path, data: bytes, kind: str) -> tuple[Rendering, list[tuple[tuple[int, ...], int]], int]:
    """Render bytes: the rendering, colour and milliseconds of each frame, and how often it plays."""
    (folder / "source").write_bytes(data)
    rendering = render(folder / "source", TYPES[kind], folder)
    with Image.open(folder / rendering.media) as opened:
        found = []
        for number in range(getattr(opened, "n_frames", 1)):
            opened.seek(number)
            opened.load()
            found.append((pixel(opened.convert("RGB"), 10, 10), opened.info.get("duration", 0)))
        return rendering, found, opened.info.get("loop", 1)


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_every_frame_is_shown_as_long_as_before(tmp_path: Path, kind: str) -> None:
    durations = [50, 200, 100, 80, 3_000]

    rendering, found, loops = rendered(tmp_path, moving(kind, durations, loop=0), kind)

    assert (rendering.mime_type, rendering.width, rendering.height) == ("image/webp", 60, 40)
    assert rendering.duration_seconds is None
    assert [round(shown / 10) * 10 for _, shown in found] == durations
    for (colour, _), expected in zip(found, (RED, GREEN, BLUE, RED, GREEN), strict=True):
        assert all(abs(a - e) <= 12 for a, e in zip(colour, expected, strict=True))
    assert loops == 0


def test_what_plays_three_times_goes_on_doing_so(tmp_path: Path) -> None:
    assert rendered(tmp_path, moving("WEBP", [100, 100], loop=3), "WEBP")[2] == 3


def test_a_frame_of_no_time_is_shown_for_a_tenth_of_a_second_as_in_browsers(tmp_path: Path) -> None:
    _, found, _ = rendered(tmp_path, moving("GIF", [10, 10, 10], loop=0), "GIF")

    assert [shown for _, shown in found[:-1]] == [100, 100]


def test_it_fits_the_screen(tmp_path: Path) -> None:
    rendering, found, _ = rendered(tmp_path, moving("GIF", [100, 100], size=(2_160, 100), loop=0), "GIF")

    assert (rendering.width, rendering.height, len(found)) == (1080, 50, 2)


def test_its_thumbnail_is_its_first_frame(tmp_path: Path) -> None:
    rendering, *_ = rendered(tmp_path, moving("GIF", [100, 100], loop=0), "GIF")

    with Image.open(tmp_path / rendering.thumbnail) as thumbnail:
        assert getattr(thumbnail, "n_frames", 1) == 1
        assert all(abs(a - e) <= 12 for a, e in zip(pixel(thumbnail.convert("RGB"), 5, 5), RED, strict=True))


def test_what_shines_through_goes_on_shining_through(tmp_path: Path) -> None:
    shown = [Image.new("RGBA", (60, 40), (230, 20, 20, 0 if number else 255)) for number in range(2)]
    file = io.BytesIO()
    shown[0].save(file, "WEBP", save_all=True, append_images=shown[1:], duration=100, loop=0)

    (tmp_path / "source").write_bytes(file.getvalue())
    rendering = render(tmp_path / "source", "image/webp", tmp_path)

    with Image.open(tmp_path / rendering.media) as opened:
        opened.seek(1)
        assert pixel(opened.convert("RGBA"), 30, 20)[3] == 0


def test_nothing_but_pixels_and_times_is_kept(tmp_path: Path) -> None:
    data = moving("GIF", [100, 100], loop=0, comment=b"CANARY comment")
    assert b"CANARY" in data

    rendering, *_ = rendered(tmp_path, data, "GIF")

    assert b"CANARY" not in (tmp_path / rendering.media).read_bytes()

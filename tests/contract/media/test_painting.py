"""What the demo's pictures promise: they are what was asked for, every time."""

from __future__ import annotations

import io

import pytest
from PIL import ExifTags, Image, ImageOps

from infrastructure.media.painting import SCENES, paint


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("size", [(90, 160), (120, 68)])
def test_a_scene_fills_any_shape(scene: str, size: tuple[int, int]) -> None:
    with Image.open(io.BytesIO(paint(scene, size, seed=1))) as picture:
        assert (picture.format, picture.size) == ("JPEG", size)
        assert len(picture.getcolors(size[0] * size[1]) or []) > 500


def test_the_same_seed_paints_the_same_picture_and_another_one_another() -> None:
    assert paint("sunset", (90, 160), seed=1) == paint("sunset", (90, 160), seed=1)
    assert paint("sunset", (90, 160), seed=1) != paint("sunset", (90, 160), seed=2)


def test_a_picture_can_lie_on_its_side_and_say_so() -> None:
    with (
        Image.open(io.BytesIO(paint("shapes", (90, 160), seed=1))) as upright,
        Image.open(io.BytesIO(paint("shapes", (90, 160), seed=1, lying=True))) as lying,
    ):
        assert lying.size == (160, 90)
        assert lying.getexif()[ExifTags.Base.Orientation] == 6
        turned = ImageOps.exif_transpose(lying).resize((9, 16)).tobytes()
        assert max(abs(a - b) for a, b in zip(turned, upright.resize((9, 16)).tobytes(), strict=True)) < 12

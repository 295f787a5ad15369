"""How large a picture is: known from its header, and refused before anything is decoded."""

import io
import struct
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from infrastructure.media.headers import (
    MAX_BLOCKS,
    Dimensions,
    PictureInvalidError,
    PictureTooLargeError,
    inspect,
)
from tests.contract.media.pictures import encoded, gif, gif_frame, one_bit_png, png, quarters

pytestmark = pytest.mark.slow

PICTURE = quarters(60, 40)
BLACK = Image.new("RGB", (60, 40))
FILES = {
    "a JPEG": ("image/jpeg", encoded(PICTURE, "JPEG"), 1),
    "a progressive JPEG": ("image/jpeg", encoded(PICTURE, "JPEG", progressive=True), 1),
    "a PNG": ("image/png", encoded(PICTURE, "PNG"), 1),
    "an animated PNG": ("image/png", encoded(PICTURE, "PNG", save_all=True, append_images=[BLACK]), 1),
    "a GIF": ("image/gif", encoded(PICTURE, "GIF"), 1),
    "an animated GIF": ("image/gif", encoded(PICTURE, "GIF", save_all=True, append_images=[BLACK, PICTURE]), 3),
    "a lossy WebP": ("image/webp", encoded(PICTURE, "WEBP"), 1),
    "a lossless WebP": ("image/webp", encoded(PICTURE, "WEBP", lossless=True), 1),
    "a WebP with notes": ("image/webp", encoded(PICTURE, "WEBP", xmp=b"<x/>"), 1),
    "an animated WebP": ("image/webp", encoded(PICTURE, "WEBP", save_all=True, append_images=[BLACK, PICTURE]), 3),
}


@pytest.mark.parametrize("name", FILES)
def test_size_and_frames_are_told(name: str) -> None:
    mime_type, data, frames = FILES[name]

    assert inspect(data, mime_type, whole=True) == Dimensions(60, 40, frames)


@pytest.mark.parametrize("name", FILES)
def test_any_beginning_tells_the_size_or_asks_for_more(name: str) -> None:
    mime_type, data, frames = FILES[name]

    told = [inspect(data[:length], mime_type, whole=False) for length in range(len(data) + 1)]

    assert told[0] is None
    assert told[-1] is not None
    sizes = [each for each in told if each is not None]
    assert {(each.width, each.height) for each in sizes} == {(60, 40)}
    assert max(each.frames for each in sizes) == frames
    assert None not in told[told.index(sizes[0]) :]


@pytest.mark.parametrize("mime_type", ["image/jpeg", "image/png", "image/gif", "image/webp"])
def test_magic_alone_is_no_picture(mime_type: str) -> None:
    magic = {"image/jpeg": 3, "image/png": 8, "image/gif": 6, "image/webp": 12}[mime_type]
    data = next(data for kind, data, _ in FILES.values() if kind == mime_type)[:magic]

    assert inspect(data, mime_type, whole=False) is None
    with pytest.raises(PictureInvalidError):
        inspect(data, mime_type, whole=True)


def test_a_jpeg_whose_notes_fill_the_beginning_is_asked_for_more() -> None:
    data = encoded(PICTURE, "JPEG", comment=b"\xff\xc0" * 30_000)

    assert inspect(data[:4096], "image/jpeg", whole=False) is None
    assert inspect(data, "image/jpeg", whole=False) == Dimensions(60, 40, 1)


@pytest.mark.parametrize(
    ("mime_type", "data"),
    [
        pytest.param("image/png", one_bit_png(12_000, 12_000), id="144 Mpx in 17 kB"),
        pytest.param("image/png", one_bit_png(20_000, 20_000), id="400 Mpx in 48 kB"),
        pytest.param("image/png", png(2**31, 2**31, 8, 2, b""), id="PNG of exapixels"),
        pytest.param("image/gif", gif(1, 1, gif_frame(20_000, 20_000)), id="GIF frame larger than its screen"),
        pytest.param(
            "image/webp", b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0" + bytes(4) + b"\xff\xff\xff" * 2, id="WebP canvas"
        ),
        pytest.param(
            "image/jpeg", b"\xff\xd8\xff\xc0\0\x0b\x08" + b"\xff" * 4 + b"\x01\x01\x11\0", id="JPEG of 4,295 Mpx"
        ),
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_more_than_100_megapixels_are_refused_by_the_header(mime_type: str, data: bytes, whole: bool) -> None:  # noqa: FBT001
    with pytest.raises(PictureTooLargeError):
        inspect(data, mime_type, whole=whole)


def test_exactly_100_megapixels_are_accepted() -> None:
    assert inspect(png(10_000, 10_000, 8, 2, b""), "image/png", whole=True) == Dimensions(10_000, 10_000, 1)


def test_thousands_of_large_frames_are_refused_at_once() -> None:
    data = gif(500, 500, *[gif_frame(500, 500)] * 3000)
    began = time.process_time()

    with pytest.raises(PictureTooLargeError):
        inspect(data, "image/gif", whole=True)

    assert time.process_time() - began < 2


def test_thousands_of_small_frames_are_counted_quickly() -> None:
    data = gif(16, 16, *[gif_frame(16, 16)] * 3000)
    began = time.process_time()

    assert inspect(data, "image/gif", whole=True) == Dimensions(16, 16, 3000)
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("mime_type", "data"),
    [
        pytest.param(
            "image/gif", gif(1, 1, gif_frame(1, 1, b"\x01\x00" * (MAX_BLOCKS + 1))), id="GIF in blocks of a byte"
        ),
        pytest.param("image/jpeg", b"\xff\xd8" + b"\xff" * (MAX_BLOCKS + 2), id="JPEG of fill bytes"),
        pytest.param("image/jpeg", b"\xff\xd8" + b"\xff\xe0\0\2" * MAX_BLOCKS, id="JPEG of empty segments"),
        pytest.param(
            "image/webp",
            b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02" + bytes(9) + b"ANIM\0\0\0\0" * (MAX_BLOCKS + 1),
            id="WebP of empty chunks",
        ),
    ],
)
def test_a_file_made_to_keep_the_reader_busy_is_given_up(mime_type: str, data: bytes) -> None:
    began = time.process_time()

    with pytest.raises(PictureInvalidError):
        inspect(data, mime_type, whole=True)

    assert time.process_time() - began < 10  # half a second, and much more where every line is traced


def test_a_gif_may_lack_its_trailer_but_not_end_within_a_block() -> None:
    assert inspect(gif(1, 1, gif_frame(1, 1), tail=b""), "image/gif", whole=True) == Dimensions(1, 1, 1)
    with pytest.raises(PictureInvalidError):
        inspect(gif(1, 1, gif_frame(1, 1))[:-3], "image/gif", whole=True)
    with pytest.raises(PictureInvalidError):
        inspect(gif(1, 1), "image/gif", whole=True)


@pytest.mark.parametrize(
    ("mime_type", "data"),
    [
        pytest.param("image/png", png(0, 5, 8, 2, b""), id="no width"),
        pytest.param("image/gif", gif(0, 0, gif_frame(0, 0)), id="no screen"),
        pytest.param("image/png", b"\x89PNG\r\n\x1a\n" + bytes(32), id="no header chunk"),
        pytest.param("image/webp", b"RIFF\xff\0\0\0WEBPVP8X\x0a\0\0\0" + bytes(10), id="shorter than it says"),
        pytest.param("image/webp", b"RIFF\x16\0\0\0WEBPABCD\x0a\0\0\0" + bytes(10), id="no picture in it"),
        pytest.param("image/jpeg", b"\xff\xd8\xff\xd9", id="over before it began"),
    ],
)
def test_a_header_that_cannot_be_is_no_picture(mime_type: str, data: bytes) -> None:
    with pytest.raises(PictureInvalidError):
        inspect(data, mime_type, whole=True)


@settings(deadline=None)
@given(st.sampled_from(sorted(FILES)), st.integers(0, 400), st.binary(min_size=1, max_size=8), st.booleans())
def test_whatever_is_done_to_a_file_it_is_told_or_refused(name: str, at: int, scrap: bytes, whole: bool) -> None:  # noqa: FBT001
    mime_type, data, _ = FILES[name]
    try:
        told = inspect(data[:at] + scrap + data[at + len(scrap) :], mime_type, whole=whole)
    except (PictureInvalidError, PictureTooLargeError):
        return
    assert told is None or min(told.width, told.height, told.frames) > 0


def test_the_walk_sees_the_same_frames_as_the_decoder() -> None:
    noisy = gif(3, 3, b"!\xf9\4\0\0\0\0\0", gif_frame(1, 1), b"\0\0", b"!\xfe\3abc\0", gif_frame(2, 3), b"\0")
    with Image.open(io.BytesIO(noisy), formats=["GIF"]) as opened:
        frames = getattr(opened, "n_frames", None)

    assert inspect(noisy, "image/gif", whole=True) == Dimensions(3, 3, frames or 0)
    assert struct.unpack("<HH", noisy[6:10]) == (3, 3)

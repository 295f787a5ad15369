"""How large the frames of a video are: known from its header, where that comes first, before anything is decoded."""

import contextlib
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infrastructure.media.film_headers import MAX_BOXES, Frames, look
from infrastructure.media.headers import PictureTooLargeError
from tests.contract.media.films import FASTSTART, film

pytestmark = pytest.mark.slow

TYPES = {"mp4": "video/mp4", "mov": "video/quicktime", "webm": "video/webm"}
FILMS = {
    "mp4": film("mp4", size=(160, 96), seconds=0.5, options=FASTSTART),
    "mov": film("mov", "hevc", size=(160, 96), seconds=0.5, rotation=90, options=FASTSTART),
    "webm": film("webm", "vp8", size=(160, 96), seconds=0.5, sound="libopus"),
}


@pytest.mark.parametrize("container", FILMS)
def test_size_and_rate_are_told(container: str) -> None:
    told = look(FILMS[container], TYPES[container])

    assert told is not None
    assert told[:2] == (160, 96)
    assert told.rate == pytest.approx(10)


@pytest.mark.parametrize("container", FILMS)
def test_any_beginning_tells_the_same_or_nothing(container: str) -> None:
    data = FILMS[container][:6_000]
    told = [look(data[:length], TYPES[container]) for length in range(len(data))]

    assert told[0] is None
    assert {each[:2] for each in told if each} == {(160, 96)}
    assert all(each.rate is None or each.rate == pytest.approx(10) for each in told if each)


def test_an_index_behind_the_pictures_is_not_told() -> None:
    data = film(size=(160, 96), seconds=0.5)

    assert look(data[: data.index(b"moov")], "video/mp4") is None


def box(name: bytes, *content: bytes) -> bytes:
    inside = b"".join(content)
    return struct.pack(">I", len(inside) + 8) + name + inside


def mp4(width: int, height: int, *, count: int, scale: int, duration: int, kind: bytes = b"vide") -> bytes:
    """An index without pictures: one track, of longer numbers than FFmpeg writes."""
    entry = bytes(8) + struct.pack(">I", 86) + b"avc1" + bytes(24) + struct.pack(">HH", width, height) + bytes(50)
    table = box(b"stbl", box(b"stsd", entry), box(b"stsz", bytes(8), struct.pack(">I", count)))
    times = box(b"mdhd", b"\1" + bytes(19), struct.pack(">IQ", scale, duration), bytes(20))
    media = box(b"mdia", times, box(b"hdlr", bytes(8) + kind + bytes(40)), box(b"minf", box(b"hdlr", bytes(50)), table))
    return box(b"ftyp", b"isom" + bytes(12)) + box(b"moov", box(b"mvhd", bytes(100)), box(b"trak", media))


def test_the_limits_are_those_of_the_contract() -> None:
    assert look(mp4(3840, 2160, count=120, scale=1, duration=1), "video/mp4") == Frames(3840, 2160, 120.0)
    assert look(mp4(2160, 3840, count=0, scale=0, duration=0), "video/mp4") == Frames(2160, 3840, None)
    for beyond in (mp4(3842, 2160, count=1, scale=1, duration=1), mp4(16, 16, count=122, scale=1, duration=1)):
        with pytest.raises(PictureTooLargeError):
            look(beyond, "video/mp4")


def test_a_track_that_shows_nothing_is_passed_over() -> None:
    assert look(mp4(9999, 9999, count=1, scale=1, duration=1, kind=b"text"), "video/mp4") is None


def test_a_file_made_to_take_long_is_given_up() -> None:
    data = box(b"ftyp", b"isom" + bytes(12)) + b"\0\0\0\x08free" * (MAX_BOXES + 1)

    assert look(data + mp4(9999, 9999, count=1, scale=1, duration=1), "video/mp4") is None


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(FILMS)), st.data())
def test_nonsense_is_nothing_that_is_told(container: str, data: st.DataObject) -> None:
    good = FILMS[container][:3_000]
    at = data.draw(st.integers(0, len(good)))
    mutant = good[:at] + data.draw(st.binary(max_size=40)) + good[at + data.draw(st.integers(0, 40)) :]
    with contextlib.suppress(PictureTooLargeError):
        look(mutant, TYPES[container])

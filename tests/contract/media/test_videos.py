"""What is served of a video: H.264 and AAC that play anywhere, upright, fitting, and nothing but picture and sound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from infrastructure.media.headers import PictureInvalidError, PictureTooLargeError
from infrastructure.media.renditions import Rendering, VideoTooLongError
from infrastructure.media.videos import render
from tests.contract.media.films import film, frames, opened
from tests.contract.media.pictures import BLUE, GREEN, RED, WHITE, pixel, quarters

pytestmark = pytest.mark.slow

TYPES = {"mp4": "video/mp4", "mov": "video/quicktime", "webm": "video/webm"}
TOLERANCE = 12
"""Of 255: what chroma of half the resolution and two encoders may change about a plain colour."""


def rendered(folder: Path, data: bytes, container: str = "mp4") -> tuple[Rendering, bytes]:
    """Render bytes, and read what is served."""
    (folder / "source").write_bytes(data)
    rendering = render(folder / "source", TYPES[container], folder, lambda _: None)
    return rendering, (folder / rendering.media).read_bytes()


def corners(picture: Image.Image) -> list[tuple[int, ...]]:
    """Read the middle of the quarters: upper left, upper right, lower left, lower right."""
    width, height = picture.size
    return [pixel(picture, width * across // 4, height * down // 4) for down in (1, 3) for across in (1, 3)]


def close(actual: list[tuple[int, ...]], expected: list[tuple[int, ...]]) -> bool:
    return all(
        abs(a - e) <= TOLERANCE
        for one, other in zip(actual, expected, strict=True)
        for a, e in zip(one, other, strict=True)
    )


@pytest.mark.parametrize(
    ("container", "codec", "sound"),
    [
        ("mp4", "h264", "aac"),
        ("mp4", "hevc", None),
        ("mov", "h264", "aac"),
        ("mov", "hevc", "pcm_s16le"),
        ("webm", "vp8", "libopus"),
        ("webm", "vp9", "libopus"),
        ("webm", "av1", None),
    ],
)
def test_whatever_telephones_and_browsers_record_plays_everywhere(
    tmp_path: Path, container: str, codec: str, sound: str | None
) -> None:
    rendering, served = rendered(tmp_path, film(container, codec, sound=sound), container)

    with opened(served) as film_served:
        streams: dict[str, Any] = {stream.type: stream for stream in film_served.streams}
        assert streams.keys() == ({"video", "audio"} if sound else {"video"})
        assert streams["video"].codec_context.name == "h264"
        assert streams["video"].codec_context.pix_fmt == "yuv420p"
        if sound:
            assert (streams["audio"].codec_context.name, streams["audio"].rate) == ("aac", 48_000)
    assert (rendering.width, rendering.height, rendering.duration_seconds) == (320, 200, 1.0)
    shown = frames(served)
    assert len(shown) == 10
    assert close(corners(shown[5]), [RED, GREEN, BLUE, WHITE])


@pytest.mark.parametrize(
    ("rotation", "expected", "size"),
    [
        (0, [RED, GREEN, BLUE, WHITE], (320, 200)),
        (90, [GREEN, WHITE, RED, BLUE], (200, 320)),
        (180, [WHITE, BLUE, GREEN, RED], (320, 200)),
        (-90, [BLUE, RED, WHITE, GREEN], (200, 320)),
    ],
)
def test_a_telephone_held_any_way_films_upright(
    tmp_path: Path, rotation: int, expected: list[tuple[int, ...]], size: tuple[int, int]
) -> None:
    rendering, served = rendered(tmp_path, film("mov", rotation=rotation), "mov")

    assert (rendering.width, rendering.height) == size
    assert close(corners(frames(served)[3]), expected)
    for still in (rendering.poster, rendering.thumbnail):
        with Image.open(tmp_path / str(still)) as opened:
            assert close(corners(opened.convert("RGB")), expected)


@pytest.mark.parametrize(
    ("stored", "served"),
    [((3840, 2160), (1080, 608)), ((2160, 3840), (1080, 1920)), ((322, 198), (322, 198)), ((16, 16), (16, 16))],
)
def test_a_video_fits_the_screen_and_is_never_enlarged(
    tmp_path: Path, stored: tuple[int, int], served: tuple[int, int]
) -> None:
    rendering, data = rendered(tmp_path, film(size=stored, seconds=0.3))

    assert (rendering.width, rendering.height) == frames(data)[0].size == served
    with Image.open(tmp_path / str(rendering.poster)) as poster, Image.open(tmp_path / rendering.thumbnail) as small:
        assert poster.size == served
        assert max(small.size) <= 320


def test_it_begins_to_play_before_it_has_come(tmp_path: Path) -> None:
    _, served = rendered(tmp_path, film())

    assert 0 < served.index(b"moov") < served.index(b"mdat")


def test_nothing_tells_where_or_with_what_it_was_filmed(tmp_path: Path) -> None:
    notes = {
        name: f"CANARY_{name}"
        for name in (
            "title",
            "comment",
            "location",
            "com.apple.quicktime.location.ISO6709",
            "com.apple.quicktime.model",
        )
    }
    data = film("mov", metadata=notes)
    assert data.count(b"CANARY") >= 4, "the canaries must be in it first"

    rendering, _ = rendered(tmp_path, data, "mov")

    for name in (rendering.media, rendering.poster, rendering.thumbnail):
        assert b"CANARY" not in (tmp_path / str(name)).read_bytes()


def test_more_frames_than_a_screen_shows_are_left_out(tmp_path: Path) -> None:
    rendering, served = rendered(tmp_path, film(rate=120, size=(64, 64), seconds=1, sound=None))

    assert 55 <= len(frames(served)) <= 61
    assert rendering.duration_seconds == pytest.approx(1.0, abs=0.02)


def test_a_minute_is_not_too_long(tmp_path: Path) -> None:
    rendering, _ = rendered(tmp_path, film(size=(32, 32), seconds=60, rate=2, sound=None))

    assert rendering.duration_seconds == pytest.approx(60.0, abs=0.5)


def test_more_than_a_minute_is(tmp_path: Path) -> None:
    with pytest.raises(VideoTooLongError):
        rendered(tmp_path, film(size=(32, 32), seconds=62, rate=1, sound=None))


@pytest.mark.parametrize(("container", "codec"), [("mp4", "h264"), ("mov", "h264"), ("webm", "vp8")])
def test_of_hours_of_black_nothing_is_decoded(tmp_path: Path, container: str, codec: str) -> None:
    black = (Image.new("RGB", (32, 32)) for _ in range(5))
    hours = film(container, codec, size=(32, 32), rate=1, sound=None, pictures=black, lasting=2 * 3600)
    with opened(hours, container) as film_of_hours:
        assert film_of_hours.duration
        assert film_of_hours.duration / av.time_base >= 8 * 3600, "the header must say it"

    with pytest.raises(VideoTooLongError):
        rendered(tmp_path, hours, container)

    assert not (tmp_path / "media.mp4").exists()


def test_a_length_that_the_header_hides_is_found_out(tmp_path: Path) -> None:
    hidden = film("webm", "vp8", size=(32, 32), seconds=62, rate=2, sound=None, options={"live": "1"})
    with opened(hidden, "webm") as film_hidden:
        assert not film_hidden.duration, "the header must say nothing"

    with pytest.raises(VideoTooLongError):
        rendered(tmp_path, hidden, "webm")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(lambda: film(size=(4096, 2176), seconds=0.2, sound=None), id="more pixels than 4K"),
        pytest.param(lambda: film(size=(64, 64), rate=500, seconds=0.2, sound=None), id="500 frames a second"),
    ],
)
def test_what_is_beyond_the_limits_is_refused(tmp_path: Path, data: object) -> None:
    assert callable(data)
    with pytest.raises(PictureTooLargeError):
        rendered(tmp_path, data())


def test_frames_that_change_their_size_are_refused(tmp_path: Path) -> None:
    one, other = (film("webm", "vp8", size=size, sound=None, options={"live": "1"}) for size in ((64, 64), (96, 96)))
    cluster = b"\x1f\x43\xb6\x75"
    joined = one + other[other.index(cluster) :]

    with pytest.raises((PictureTooLargeError, PictureInvalidError)):
        rendered(tmp_path, joined, "webm")


@pytest.mark.parametrize(
    ("container", "data"),
    [
        pytest.param("mp4", lambda: film()[:8_000], id="no index"),
        pytest.param(
            "mp4", lambda: _cut(film(seconds=4, options={"movflags": "faststart"})), id="index, half the rest"
        ),
        pytest.param("webm", lambda: _cut(film("webm", "vp8", seconds=4, sound=None)), id="half a WebM"),
        pytest.param("mp4", lambda: _scratched(film()), id="scratched"),
        pytest.param("mp4", lambda: b"\0\0\0\x18ftypisom" + b"\xff" * 5_000, id="noise"),
        pytest.param("mp4", lambda: film("webm", "vp8", sound=None), id="another container than it was taken for"),
        pytest.param("mp4", lambda: b"ffconcat version 1.0\nfile '/etc/passwd'\n", id="a list of files"),
        pytest.param("webm", lambda: b"v=0\r\nm=video 5004 RTP/AVP 96\r\n", id="a session description"),
        pytest.param("mp4", lambda: b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n", id="a playlist"),
        pytest.param("mp4", lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", id="a drawing"),
    ],
)
def test_what_is_no_whole_video_is_refused(tmp_path: Path, container: str, data: object) -> None:
    assert callable(data)
    with pytest.raises(PictureInvalidError):
        rendered(tmp_path, data(), container)


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _scratched(data: bytes) -> bytes:
    return data[:3_000] + bytes(byte ^ 0x55 for byte in data[3_000:3_400]) + data[3_400:]


def test_how_far_it_is_rises_from_nothing_to_all(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(film())
    said: list[float] = []

    render(tmp_path / "source", "video/mp4", tmp_path, said.append)

    assert said == sorted(said)
    assert said[0] == 0
    assert said[-1] == pytest.approx(0.9, abs=0.1)


def test_a_source_that_is_not_there_is_no_fault_of_the_video(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        render(tmp_path / "gone", "video/mp4", tmp_path, lambda _: None)


def test_the_poster_is_not_the_black_that_many_begin_with(tmp_path: Path) -> None:
    black = Image.new("RGB", (64, 64))
    shown = [black, black, *[quarters(64, 64)] * 18]

    rendering, _ = rendered(tmp_path, film(size=(64, 64), seconds=2, sound=None, pictures=iter(shown)))

    with Image.open(tmp_path / str(rendering.poster)) as poster:
        assert close(corners(poster.convert("RGB")), [RED, GREEN, BLUE, WHITE])

"""What is served of a picture: upright, fitting, in sRGB, and nothing but pixels."""

import io
import warnings
from pathlib import Path

import blurhash
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from infrastructure.media.headers import PictureInvalidError, PictureTooLargeError
from infrastructure.media.images import render
from infrastructure.media.renditions import Rendering
from tests.contract.media.pictures import (
    BLUE,
    GREEN,
    RED,
    WHITE,
    Corner,
    encoded,
    exif,
    from_wide,
    gif,
    gif_frame,
    grey_profile,
    odd_ink_profile,
    one_bit_png,
    pixel,
    png,
    quarters,
    stripe,
    stripes,
    wide_profile,
)

pytestmark = pytest.mark.slow

TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp"}
TOLERANCE = 10
"""Of 255: what lossy encoding may change about a plain colour."""

UPPER_LEFT, UPPER_RIGHT, LOWER_LEFT, LOWER_RIGHT = (0, 0), (1, 0), (0, 1), (1, 1)


def rendered(folder: Path, data: bytes, kind: str) -> tuple[Rendering, Image.Image]:
    """Render bytes, and open what is served."""
    (folder / "source").write_bytes(data)
    rendering = render(folder / "source", TYPES[kind], folder)
    with Image.open(folder / rendering.media) as opened:
        opened.load()
        return rendering, opened


def close(actual: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    return len(actual) == len(expected) and all(abs(a - e) <= TOLERANCE for a, e in zip(actual, expected, strict=True))


def at(picture: Image.Image, corner: Corner) -> tuple[int, ...]:
    """Read the middle of a quarter."""
    return pixel(picture, picture.width * (1 + 2 * corner[0]) // 4, picture.height * (1 + 2 * corner[1]) // 4)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    # Where the stored upper left (red) and upper right (green) belong: CIPA DC-008 says of each orientation which
    # sides the first row and the first column of the stored picture show.
    ("orientation", "corners", "size"),
    [
        (1, (UPPER_LEFT, UPPER_RIGHT), (80, 40)),
        (2, (UPPER_RIGHT, UPPER_LEFT), (80, 40)),
        (3, (LOWER_RIGHT, LOWER_LEFT), (80, 40)),
        (4, (LOWER_LEFT, LOWER_RIGHT), (80, 40)),
        (5, (UPPER_LEFT, LOWER_LEFT), (40, 80)),
        (6, (UPPER_RIGHT, LOWER_RIGHT), (40, 80)),
        (7, (LOWER_RIGHT, UPPER_RIGHT), (40, 80)),
        (8, (LOWER_LEFT, UPPER_LEFT), (40, 80)),
        (9, (UPPER_LEFT, UPPER_RIGHT), (80, 40)),
    ],
)
def test_every_orientation_is_turned_upright(
    tmp_path: Path, kind: str, orientation: int, corners: tuple[Corner, Corner], size: tuple[int, int]
) -> None:
    rendering, picture = rendered(tmp_path, encoded(quarters(80, 40), kind, exif=exif(orientation)), kind)

    assert (rendering.width, rendering.height) == picture.size == size
    assert [close(at(picture, corner), colour) for corner, colour in zip(corners, (RED, GREEN), strict=True)] == [
        True
    ] * 2
    assert not picture.getexif()


def test_a_picture_with_garbled_notes_is_still_a_picture(tmp_path: Path) -> None:
    rendering, _ = rendered(tmp_path, encoded(quarters(80, 40), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"), "JPEG")

    assert (rendering.width, rendering.height) == (80, 40)


@pytest.mark.parametrize(
    ("stored", "orientation", "served", "thumbnail"),
    [
        ((1, 1), 1, (1, 1), (1, 1)),
        ((3, 5), 1, (3, 5), (3, 5)),
        ((1080, 1920), 1, (1080, 1920), (180, 320)),
        ((1081, 1920), 1, (1080, 1918), (180, 320)),
        ((1500, 1920), 1, (1080, 1382), (250, 320)),
        ((2400, 1800), 1, (1080, 810), (320, 240)),
        ((2400, 1800), 6, (1080, 1440), (240, 320)),
        ((3840, 2160), 8, (1080, 1920), (180, 320)),
        ((20_000, 1), 1, (1080, 1), (320, 1)),
        ((1, 20_000), 1, (1, 1920), (1, 320)),
    ],
)
def test_a_picture_fits_the_screen_and_is_never_enlarged(
    tmp_path: Path,
    stored: tuple[int, int],
    orientation: int,
    served: tuple[int, int],
    thumbnail: tuple[int, int],
) -> None:
    data = encoded(Image.new("RGB", stored, RED), "JPEG", exif=exif(orientation))

    rendering, picture = rendered(tmp_path, data, "JPEG")

    assert (rendering.width, rendering.height) == picture.size == served
    with Image.open(tmp_path / rendering.thumbnail) as small:
        assert small.size == thumbnail
    assert close(pixel(picture, 0, 0), RED)


def test_the_rendering_says_what_was_written(tmp_path: Path) -> None:
    rendering, picture = rendered(tmp_path, encoded(quarters(40, 80), "PNG"), "PNG")

    assert Image.MIME[picture.format or ""] == rendering.mime_type
    assert rendering.duration_seconds is None
    assert {path.name for path in tmp_path.iterdir()} == {"source", rendering.media, rendering.thumbnail}


def test_the_placeholder_is_a_blurhash_of_the_upright_picture(tmp_path: Path) -> None:
    rendering, _ = rendered(tmp_path, encoded(quarters(800, 400), "JPEG", exif=exif(6)), "JPEG")

    picture = blurhash.decode(rendering.placeholder, 8, 16)
    # Turned right, the stored lower left (blue) is the upper left.
    red, _, blue = picture[0][0]
    assert blue > red
    red, _, blue = picture[0][7]
    assert red > blue


@pytest.mark.parametrize(
    ("picture", "expected"),
    # The expected are those of blurhash-python 1.2.2, which wraps the C code of BlurHash's authors.
    [
        pytest.param(quarters(32, 24), "L~Km^mU$aMtjVU^4oLNaadsojtWV", id="wide: 4 by 3 waves"),
        pytest.param(quarters(18, 32), "c~Km^mU$a3VU^3s.adoKj@tTNIWVfQfQfQ", id="tall: 3 by 5"),
        pytest.param(Image.new("RGB", (32, 32), RED), "K7QU$x|wfQ|wo1fQfQfQfQ", id="plain: 3 by 3"),
        pytest.param(stripes(Image.new("RGB", (32, 1)), [RED, BLUE]), "8}Lax?|TJqSQ$0jwSPwvsR", id="a line: 9 by 1"),
        pytest.param(Image.new("RGB", (1, 1), WHITE), "K~TSUA~q~q~q~q~q~q~q~q", id="a dot"),
    ],
)
def test_the_placeholder_is_what_the_authors_of_blurhash_make_of_it(
    tmp_path: Path, picture: Image.Image, expected: str
) -> None:
    rendering, _ = rendered(tmp_path, encoded(picture, "PNG"), "PNG")

    assert rendering.placeholder == expected


def test_a_wide_gamut_is_converted_to_srgb(tmp_path: Path) -> None:
    colours = [(200, 90, 60), (110, 150, 100), (128, 128, 128)]
    picture = stripes(Image.new("RGB", (60, 20)), colours)

    _, served = rendered(tmp_path, encoded(picture, "PNG", icc_profile=wide_profile()), "PNG")

    for number, colour in enumerate(colours):
        assert close(stripe(served, number), from_wide(colour))
    assert not close(from_wide(colours[0]), colours[0]), "a colour that shows the difference"
    assert "icc_profile" not in served.info


def test_a_wide_gamut_is_converted_in_a_large_jpeg_too(tmp_path: Path) -> None:
    data = encoded(Image.new("RGB", (4400, 2200), (200, 90, 60)), "JPEG", icc_profile=wide_profile(), quality=95)

    _, served = rendered(tmp_path, data, "JPEG")

    assert close(pixel(served, 500, 200), from_wide((200, 90, 60)))


def test_transparency_survives_the_conversion_of_colours(tmp_path: Path) -> None:
    picture = stripes(Image.new("RGBA", (40, 20)), [(200, 90, 60, 255), (200, 90, 60, 100)])

    _, served = rendered(tmp_path, encoded(picture, "PNG", icc_profile=wide_profile()), "PNG")

    assert close(stripe(served, 0), (*from_wide((200, 90, 60)), 255))
    assert stripe(served, 1)[3] == 100


def test_a_grey_picture_heeds_its_profile(tmp_path: Path) -> None:
    data = encoded(Image.new("L", (20, 20), 128), "PNG", icc_profile=grey_profile(1.0))

    _, served = rendered(tmp_path, data, "PNG")

    assert close(pixel(served, 10, 10), (188, 188, 188)), "half of the light is 188 in sRGB"


@pytest.mark.parametrize("size", [(60, 20), (4400, 2200)])
def test_inks_without_a_profile_are_mixed_as_everybody_does(tmp_path: Path, size: tuple[int, int]) -> None:
    data = encoded(Image.new("CMYK", size, (0, 255, 255, 0)), "JPEG", quality=95)

    _, served = rendered(tmp_path, data, "JPEG")

    assert close(pixel(served, 10, 10), (255, 0, 0))


@pytest.mark.parametrize("size", [(60, 20), (4400, 2200)])
def test_inks_are_mixed_by_their_profile(tmp_path: Path, size: tuple[int, int]) -> None:
    data = encoded(Image.new("CMYK", size, (255, 0, 0, 0)), "JPEG", quality=95, icc_profile=odd_ink_profile())

    _, served = rendered(tmp_path, data, "JPEG")

    red, green, blue = pixel(served, 10, 10)
    assert red > 200
    assert max(green, blue) < 60


@pytest.mark.parametrize("profile", [b"no profile at all", odd_ink_profile(), wide_profile()[:200]])
def test_a_profile_that_cannot_be_meant_is_ignored(tmp_path: Path, profile: bytes) -> None:
    _, served = rendered(tmp_path, encoded(Image.new("RGB", (20, 20), RED), "PNG", icc_profile=profile), "PNG")

    assert close(pixel(served, 10, 10), RED)


def test_sixteen_bits_of_grey_are_scaled_to_eight(tmp_path: Path) -> None:
    levels = (0, 16_448, 32_896, 65_535)
    picture = Image.new("I;16", (80, 20))
    for number, level in enumerate(levels):
        picture.paste(Image.new("I;16", (20, 20), level), (number * 20, 0))

    _, served = rendered(tmp_path, encoded(picture, "PNG"), "PNG")

    for number, level in enumerate(levels):
        assert close(stripe(served, number), (level // 257,) * 3)


def test_sixteen_bits_of_grey_keep_their_transparent_level(tmp_path: Path) -> None:
    left, right = (1000).to_bytes(2), (40_000).to_bytes(2)
    rows = (b"\0" + left * 20 + right * 20) * 20

    _, served = rendered(tmp_path, png(40, 20, 16, 0, rows, (b"tRNS", left)), "PNG")

    assert stripe(served, 0)[3] == 0
    assert stripe(served, 1)[3] == 255


def test_sixteen_bits_of_colour_are_scaled_to_eight(tmp_path: Path) -> None:
    one = b"".join(level.to_bytes(2) for level in (60_000, 30_000, 5_000))

    _, served = rendered(tmp_path, png(20, 20, 16, 2, (b"\0" + one * 20) * 20), "PNG")

    assert close(pixel(served, 10, 10), (233, 117, 19))


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_transparency_is_kept(tmp_path: Path, kind: str) -> None:
    picture = stripes(Image.new("RGBA", (60, 20)), [(*RED, 255), (*RED, 128), (0, 0, 0, 0)])

    _, served = rendered(tmp_path, encoded(picture, kind, lossless=True), kind)

    assert [stripe(served, number)[3] for number in range(3)] == [255, 128, 0]
    assert close(stripe(served, 0), (*RED, 255))


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_palette_keeps_its_colours_and_its_transparent_entry(tmp_path: Path, kind: str) -> None:
    picture = Image.new("P", (60, 20))
    picture.putpalette([*RED, *GREEN, *BLUE])
    stripes(picture, [0, 1, 2])

    _, served = rendered(tmp_path, encoded(picture, kind, transparency=1), kind)

    assert close(stripe(served, 0), (*RED, 255))
    assert stripe(served, 1)[3] == 0
    assert close(stripe(served, 2), (*BLUE, 255))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "P"])
def test_what_is_opaque_is_served_opaque(tmp_path: Path, mode: str) -> None:
    picture = Image.new("RGBA", (20, 20), WHITE).convert(mode)

    _, served = rendered(tmp_path, encoded(picture, "PNG"), "PNG")

    assert served.mode == "RGB"
    assert close(pixel(served, 10, 10), WHITE)


def test_the_edge_of_something_transparent_does_not_darken(tmp_path: Path) -> None:
    picture = Image.new("RGBA", (2160, 2160), (0, 0, 0, 0))
    picture.paste((*WHITE, 255), (0, 0, 1081, 2160))

    _, served = rendered(tmp_path, encoded(picture, "PNG", compress_level=1), "PNG")

    shining = [pixel(served, column, 500) for column in range(530, 550)]
    assert all(min(each[:3]) > 200 for each in shining if each[3] > 64)


def test_of_an_animation_the_first_frame_is_rendered(tmp_path: Path) -> None:
    for kind in ("GIF", "WEBP"):
        frames = [Image.new("RGB", (20, 20), colour) for colour in (RED, GREEN)]

        _, served = rendered(tmp_path, encoded(frames[0], kind, save_all=True, append_images=frames[1:]), kind)

        assert close(pixel(served, 10, 10)[:3], RED)


def jpeg_with_notes() -> bytes:
    notes = exif(1)
    notes[0x010E] = "CANARY_EXIF"
    notes.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 29: "CANARY_GPS"})
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x10\x1c\x02\x78\0\x0bCANARY_IPTC"
    return encoded(
        quarters(80, 40),
        "JPEG",
        exif=notes,
        xmp=b"<x:xmpmeta>CANARY_XMP</x:xmpmeta>",
        comment=b"CANARY_COM",
        icc_profile=wide_profile(),
        extra=b"\xff\xed" + (len(iptc) + 2).to_bytes(2) + iptc,
    )


def png_with_notes() -> bytes:
    notes = PngInfo()
    notes.add_text("Comment", "CANARY_TEXT")
    notes.add_itxt("XML:com.adobe.xmp", "CANARY_XMP")
    notes.add_text("Author", "CANARY_LATE")
    notes.add(b"prVt", b"CANARY_PRIVATE", after_idat=True)
    described = exif(1)
    described[0x010E] = "CANARY_EXIF"
    return encoded(quarters(80, 40), "PNG", pnginfo=notes, exif=described, icc_profile=wide_profile())


def webp_with_notes() -> bytes:
    described = exif(1)
    described[0x010E] = "CANARY_EXIF"
    return encoded(quarters(80, 40), "WEBP", exif=described, xmp=b"CANARY_XMP", icc_profile=wide_profile())


@pytest.mark.parametrize(
    ("kind", "data", "canaries"),
    [
        ("JPEG", jpeg_with_notes(), 6),
        ("PNG", png_with_notes(), 5),
        ("WEBP", webp_with_notes(), 3),
        ("GIF", encoded(quarters(80, 40), "GIF", comment=b"CANARY_COMMENT"), 1),
        ("PNG", encoded(quarters(80, 40), "PNG") + b"<script>CANARY_XSS</script>", 1),
        ("JPEG", encoded(quarters(80, 40), "JPEG") + b"<script>CANARY_XSS</script>", 1),
        ("JPEG", encoded(quarters(80, 40), "JPEG", comment=b"*/=1;alert('CANARY_XSS')/*"), 1),
        ("GIF", encoded(quarters(80, 40), "GIF") + b"PK\x03\x04CANARY_ZIP", 1),
        ("GIF", gif(0x2A2F, 64, gif_frame(1, 1)) + b"*/=1;alert('CANARY_XSS')", 1),
    ],
)
def test_nothing_but_pixels_passes(tmp_path: Path, kind: str, data: bytes, canaries: int) -> None:
    assert data.count(b"CANARY") >= canaries - (b"iCCP" in data), "the profile of a PNG is compressed"

    rendering, _ = rendered(tmp_path, data, kind)

    for name in (rendering.media, rendering.thumbnail):
        written = (tmp_path / name).read_bytes()
        assert b"CANARY" not in written
        assert set(chunks(written)) <= {b"VP8 ", b"VP8L", b"VP8X", b"ALPH"}


def chunks(webp: bytes) -> list[bytes]:
    """List the names of the chunks of a WebP file, which must be nothing but chunks."""
    names, place = [], 12
    while place < len(webp):
        size = int.from_bytes(webp[place + 4 : place + 8], "little")
        names.append(webp[place : place + 4])
        place += 8 + size + size % 2
    assert place == len(webp) == int.from_bytes(webp[4:8], "little") + 8
    return names


WHOLE = {
    "JPEG": encoded(quarters(400, 400), "JPEG"),
    "PNG": encoded(Image.effect_noise((400, 400), 50), "PNG"),
    "GIF": encoded(Image.effect_noise((400, 400), 50), "GIF"),
    "WEBP": encoded(quarters(400, 400), "WEBP"),
}


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
@pytest.mark.parametrize("kind", WHOLE)
def test_a_truncated_picture_is_invalid(tmp_path: Path, kind: str, share: float) -> None:
    data = WHOLE[kind]

    with pytest.raises(PictureInvalidError):
        rendered(tmp_path, data[: int(len(data) * share)], kind)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("JPEG", b""),
        ("JPEG", b"\xff"),
        ("JPEG", b"\xff\xd8\xff"),
        ("PNG", b"\x89PNG\r\n\x1a\n"),
        ("GIF", b"GIF89a"),
        ("WEBP", b"RIFF\x04\0\0\0WEBP"),
        ("PNG", png(20, 20, 8, 2, b"too short")),
        ("PNG", WHOLE["JPEG"]),
        ("JPEG", WHOLE["PNG"]),
    ],
)
def test_what_cannot_be_decoded_is_invalid(tmp_path: Path, kind: str, data: bytes) -> None:
    with pytest.raises(PictureInvalidError):
        rendered(tmp_path, data, kind)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("PNG", one_bit_png(12_000, 12_000)),
        ("PNG", one_bit_png(20_000, 20_000)),
        ("GIF", gif(500, 500, *[gif_frame(500, 500)] * 3000)),
        ("GIF", gif(1, 1, gif_frame(20_000, 20_000))),
    ],
)
def test_a_bomb_is_not_even_decoded(tmp_path: Path, kind: str, data: bytes) -> None:
    with pytest.raises(PictureTooLargeError):
        rendered(tmp_path, data, kind)


def test_pillows_own_warning_of_bombs_is_not_in_the_way(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rendering, _ = rendered(tmp_path, one_bit_png(9_500, 10_500), "PNG")

    assert (rendering.width, rendering.height) == (1080, 1194)


def test_a_missing_file_is_no_fault_of_the_picture(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        render(tmp_path / "gone", "image/png", tmp_path)
    (tmp_path / "source").write_bytes(WHOLE["PNG"])
    with pytest.raises(FileNotFoundError):
        render(tmp_path / "source", "image/png", tmp_path / "gone")


SMALL = {
    "JPEG": jpeg_with_notes(),
    "PNG": png_with_notes(),
    "GIF": encoded(quarters(30, 20), "GIF", save_all=True, append_images=[Image.new("RGB", (30, 20))]),
    "WEBP": webp_with_notes(),
}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(SMALL)), st.floats(0, 1), st.binary(min_size=1, max_size=4))
def test_whatever_is_done_to_a_picture_it_is_rendered_or_refused(
    tmp_path: Path, kind: str, where: float, scrap: bytes
) -> None:
    data, place = SMALL[kind], int(len(SMALL[kind]) * where)
    try:
        rendering, picture = rendered(tmp_path, data[:place] + scrap + data[place + len(scrap) :], kind)
    except (PictureInvalidError, PictureTooLargeError):
        return
    assert picture.size == (rendering.width, rendering.height)
    assert b"CANARY" not in (tmp_path / rendering.media).read_bytes()


def test_a_camera_with_two_pictures_in_a_file_shows_the_first(tmp_path: Path) -> None:
    file = io.BytesIO()
    quarters(80, 40).save(file, "MPO", save_all=True, append_images=[Image.new("RGB", (80, 40))])

    rendering, served = rendered(tmp_path, file.getvalue(), "JPEG")

    assert (rendering.width, rendering.height) == (80, 40)
    assert close(at(served, UPPER_LEFT), RED)

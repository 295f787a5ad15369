"""The renditions that are made of pictures.

`render` decodes what strangers sent and belongs into a process of its own (`infrastructure.media.glass_box`).
"""

from __future__ import annotations

import contextlib
import io
import math
import mmap
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import blurhash
import msgspec
from PIL import (
    ExifTags,
    Image,
    ImageCms,
    WebPImagePlugin,  # noqa: F401 - a format Pillow does not know yet makes it load all of its forty plugins
)

from infrastructure.media.headers import (
    MAX_PIXELS,
    Dimensions,
    PictureInvalidError,
    PictureTooLargeError,
    inspect,
    within_limits,
)

SCREEN: Final = (1080, 1920)
"""The box a served picture fits, width x height in pixels: the portrait full-HD screen of the product's contract."""

THUMBNAIL: Final = (320, 320)
"""The box a thumbnail fits, in pixels: the longer side of the product's contract."""

QUALITY: Final = 80
"""WebP quality of both renditions, the encoder's range being 0 to 100; see `_encoded` for what was measured."""

EFFORT: Final = 4
"""WebP method, 0 (fast) to 6 (small); see `_encoded`."""

REDUCING_GAP: Final = 3.0
"""How much larger than the target a picture may still be when the slow filter takes over from the box filter. Pillow's
documentation calls 3.0 practically indistinguishable from no shortcut at all."""

PLACEHOLDER_SIDE: Final = 32
"""Pixels of the longer side of the picture a BlurHash is computed from: far more than its handful of waves can show,
and computed in 5 ms."""

PLACEHOLDER_COMPONENTS: Final = 12
"""About how many waves a BlurHash has, spread over both axes by the aspect: 4 by 3 for a picture of 4:3, 3 by 5 for a
telephone's screen. Makes 20 to 36 characters."""

_FORMATS: Final = {"image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF", "image/webp": "WEBP"}
"""The one decoder Pillow may use for each sniffed type."""

_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each EXIF orientation (CIPA DC-008, tag 0x0112); from 5 on width and height are exchanged."""

_LYING: Final = 5

_COLOUR_SPACES: Final = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}
"""The ICC colour space (ICC.1, table 19) a profile must be of to say anything about pixels of a Pillow mode."""

# Pillow's own guard warns from 89 Mpx on and raises at twice that, by a variable that anyone in the process may have
# changed. Ours has looked at the header before; this makes theirs agree, for sizes that only show during decoding.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS


class Rendering(msgspec.Struct, frozen=True, kw_only=True):
    """What was made of an upload: two files in the target folder, and what a card tells about them.

    ``width`` and ``height`` are those of ``image`` in pixels, ``image`` and ``thumbnail`` bare file names of the type
    ``mime_type``, ``placeholder`` is a BlurHash, ``duration_seconds`` is None for what does not play.
    """

    width: int
    height: int
    mime_type: str
    image: str
    thumbnail: str
    placeholder: str
    duration_seconds: float | None = None


def render(source: Path, mime_type: str, target: Path) -> Rendering:
    """Make the picture that is served, and its thumbnail, in an existing folder.

    Both are upright, in sRGB, of 8 bits, never larger than the original, and carry nothing but pixels. Of an animation
    the first frame is taken. Not for threads: the filter of warnings, which is changed meanwhile, is the process's.

    Raises:
        PictureTooLargeError: see `infrastructure.media.headers.inspect`; all frames are counted.
        PictureInvalidError: truncated, or not decodable.
        MemoryError: more is needed than this process may have.
        OSError: the source cannot be read or the target not be written.
    """
    with _mapped(source) as data, warnings.catch_warnings():
        # Pillow warns of odd notes and of sizes; the notes are dropped and the sizes have been judged, so that it is no
        # business of whoever has made errors of warnings.
        warnings.simplefilter("ignore")
        picture = _decoded(data, mime_type)
    thumbnail = picture.resize(_fit(picture.size, THUMBNAIL), Image.Resampling.LANCZOS)
    (target / "image.webp").write_bytes(_encoded(picture))
    (target / "thumbnail.webp").write_bytes(_encoded(thumbnail))
    return Rendering(
        width=picture.width,
        height=picture.height,
        mime_type="image/webp",
        image="image.webp",
        thumbnail="thumbnail.webp",
        placeholder=_placeholder(thumbnail),
    )


@contextlib.contextmanager
def _mapped(source: Path) -> Iterator[mmap.mmap]:
    """Map a file, so that no error of the file system can be taken for one of the picture."""
    with source.open("rb") as file:
        if not source.stat().st_size:
            raise PictureInvalidError("an empty file")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield data


def _decoded(data: mmap.mmap, mime_type: str) -> Image.Image:
    """Decode into a new picture that fits the screen, upright and in sRGB."""
    inspect(data, mime_type, whole=True)
    try:
        # A map has the `read`, `seek` and `tell` that Pillow asks of a file.
        with Image.open(data, formats=[_FORMATS[mime_type]]) as opened:  # type: ignore[arg-type]
            return _fitted(opened)
    except Image.DecompressionBombError as error:
        raise PictureTooLargeError(str(error)) from error
    except (MemoryError, PictureTooLargeError):
        raise
    except Exception as error:
        # A decoder that was fed nonsense raises whatever came to pass; no list of them would be complete.
        raise PictureInvalidError(str(error)) from error


def _fitted(opened: Image.Image) -> Image.Image:
    within_limits(Dimensions(*opened.size, 1))
    orientation = _orientation(opened)
    size = _fit(opened.size, SCREEN if orientation < _LYING else SCREEN[::-1])
    profile = opened.info.get("icc_profile")
    # JPEG alone heeds this: it decodes to a half, quarter or eighth, as long as that is not smaller than asked for.
    opened.draft(None, size)
    opened.load()
    small = _eight_bits(opened).resize(size, Image.Resampling.LANCZOS, reducing_gap=REDUCING_GAP)
    coloured = _in_srgb(small, profile)
    upright = coloured.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else coloured
    # Pixels alone pass into the new picture: no comment, no profile, nothing that an encoder might write down.
    clean = Image.new(upright.mode, upright.size)
    clean.paste(upright)
    return clean


def _fit(size: tuple[int, int], box: tuple[int, int]) -> tuple[int, int]:
    """Scale a size down until it fits a box, both in pixels; never up."""
    scale = min(1.0, box[0] / size[0], box[1] / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _orientation(opened: Image.Image) -> int:
    try:
        orientation = opened.getexif().get(ExifTags.Base.Orientation, 1)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - as with decoding; a picture whose notes are garbled is still a picture
        return 1
    return orientation if orientation in _UPRIGHT else 1


def _eight_bits(opened: Image.Image) -> Image.Image:
    """Turn any mode a decoder leaves into L, LA, RGB, RGBA or CMYK, the ones that can be scaled."""
    if opened.mode.startswith("I"):
        return _scaled_to_eight_bits(opened)
    grey = opened.mode in {"1", "L", "LA"}
    if opened.has_transparency_data:
        mode = "LA" if grey else "RGBA"
    elif opened.mode == "CMYK":
        mode = "CMYK"
    else:
        mode = "L" if grey else "RGB"
    # A conversion to the same mode would be a copy: 400 MB of the largest picture.
    return opened if opened.mode == mode else opened.convert(mode)


def _scaled_to_eight_bits(opened: Image.Image) -> Image.Image:
    """Divide 16-bit grey by 257; Pillow's own conversion cuts off all above 255, which is nearly all."""
    grey = opened.point(lambda value: value * (1 / 257) + 0.5).convert("L")
    transparent = opened.info.get("transparency")
    if transparent is not None:
        alpha = [255] * 65536
        alpha[transparent] = 0
        grey.putalpha(opened.convert("I").point(alpha, "L"))
    return grey


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert to sRGB, as RGB or, if anything shines through, RGBA."""
    if picture.mode not in {"LA", "RGBA"}:
        return _converted(picture, profile)
    alpha = picture.getchannel("A")
    converted = _converted(picture.convert(picture.mode[:-1]), profile)
    if alpha.getextrema() != (255, 255):
        converted.putalpha(alpha)
    return converted


def _converted(picture: Image.Image, profile: bytes | None) -> Image.Image:
    if profile:
        # What is not a profile, or not one for such pixels, is ignored, as browsers do.
        with contextlib.suppress(OSError, ImageCms.PyCMSError):
            theirs = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if theirs.profile.xcolor_space.strip() == _COLOUR_SPACES[picture.mode]:
                ours = ImageCms.createProfile("sRGB")
                return ImageCms.buildTransform(theirs, ours, picture.mode, "RGB").apply(picture)
    return picture.convert("RGB")


def _encoded(picture: Image.Image) -> bytes:
    """Encode as WebP, also what is opaque.

    Measured on a photo of 720x477 with Pillow 13.0.0: WebP of quality 80 and method 4 takes 77 kB at 38.1 dB (of the
    luminance); a progressive JPEG as good, 96 kB. Method 2 takes 79 kB at 37.6 dB. At 1080x810 methods 2 and 4 cost 50
    and 95 ms and the JPEG 20 ms, paid once by the uploader's job, while the bytes are paid at every view.
    """
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=QUALITY, method=EFFORT, exif=b"", xmp=b"", icc_profile=b"")
    return file.getvalue()


def _placeholder(thumbnail: Image.Image) -> str:
    """Compute the BlurHash, on black where anything shines through: the background a story has by default."""
    tiny = thumbnail.resize(_fit(thumbnail.size, (PLACEHOLDER_SIDE,) * 2), Image.Resampling.BOX).convert("RGBA")
    flat = Image.new("RGB", tiny.size)
    flat.paste(tiny, mask=tiny)
    across, down = (_waves(flat.width / flat.height), _waves(flat.height / flat.width))
    pixels, line = flat.tobytes(), 3 * flat.width
    rows = [[pixels[at : at + 3] for at in range(start, start + line, 3)] for start in range(0, len(pixels), line)]
    return str(blurhash.encode(rows, components_x=across, components_y=down))


def _waves(aspect: float) -> int:
    return max(1, min(9, round(math.sqrt(PLACEHOLDER_COMPONENTS * aspect))))

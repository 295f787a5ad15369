"""The renditions that are made of pictures.

`render` decodes what strangers sent and belongs into a process of its own (`infrastructure.media.glass_box`).
"""

from __future__ import annotations

import contextlib
import io
import itertools
import mmap
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from PIL import ExifTags, Image, ImageCms

from infrastructure.media.headers import (
    MAX_PIXELS,
    Dimensions,
    PictureInvalidError,
    PictureTooLargeError,
    inspect,
    within_limits,
)
from infrastructure.media.renditions import SCREEN, Rendering, encoded, fit, rendering_of

REDUCING_GAP: Final = 3.0
"""How much larger than the target a picture may still be when the slow filter takes over from the box filter. Pillow's
documentation calls 3.0 practically indistinguishable from no shortcut at all."""

FILTER: Final = Image.Resampling.BICUBIC
"""How pictures are scaled. Of a photo of 12 Mpx, decoded at half its size, the sharper LANCZOS differs by less than
what the encoder loses, and takes 20 to 40 ms of 270 more."""

_FORMATS: Final = {"image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF", "image/webp": "WEBP"}
"""The one decoder Pillow may use for each sniffed type."""

_MOVING: Final = frozenset({"image/gif", "image/webp"})

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

_MEDIA: Final = "media.webp"

# Pillow's own guard warns from 89 Mpx on and raises at twice that, by a variable that anyone in the process may have
# changed. Ours has looked at the header before; this makes theirs agree, for sizes that only show during decoding.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS


def render(source: Path, mime_type: str, target: Path) -> Rendering:
    """Make the picture that is served, and its thumbnail, in an existing folder.

    Both are upright, in sRGB, of 8 bits, never larger than the original, and carry nothing but pixels. What moves goes
    on moving; its thumbnail is its first frame. Not for threads: the filter of warnings, which is changed meanwhile, is
    the process's.

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
        still = _written(data, mime_type, target / _MEDIA)
    return rendering_of(still, target, media=_MEDIA, mime_type="image/webp")


@contextlib.contextmanager
def _mapped(source: Path) -> Iterator[mmap.mmap]:
    """Map a file, so that no error of the file system can be taken for one of the picture."""
    with source.open("rb") as file:
        if not source.stat().st_size:
            raise PictureInvalidError("an empty file")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield data


def _written(data: mmap.mmap, mime_type: str, media: Path) -> Image.Image:
    """Write the picture that is served; answers it, or its first frame."""
    inspect(data, mime_type, whole=True)
    with _decoding(data, mime_type) as opened:
        still = _fitted(opened)
        if mime_type in _MOVING and getattr(opened, "is_animated", False):
            # The library takes its time and its memory to load, and few pictures move.
            from infrastructure.media.animations import write_animation  # noqa: PLC0415

            return write_animation(still, _frames(opened), media, loops=opened.info.get("loop", 1))
    media.write_bytes(encoded(still))
    return still


@contextlib.contextmanager
def _decoding(data: mmap.mmap, mime_type: str) -> Iterator[Image.Image]:
    try:
        # A map has the `read`, `seek` and `tell` that Pillow asks of a file.
        with Image.open(data, formats=[_FORMATS[mime_type]]) as opened:  # type: ignore[arg-type]
            yield opened
    except Image.DecompressionBombError as error:
        raise PictureTooLargeError(str(error)) from error
    except (MemoryError, PictureTooLargeError):
        raise
    except Exception as error:
        # A decoder that was fed nonsense raises whatever came to pass; no list of them would be complete.
        raise PictureInvalidError(str(error)) from error


def _frames(opened: Image.Image) -> Iterator[tuple[Image.Image, int]]:
    """Every frame, made like the first, and how many milliseconds it is shown."""
    for number in itertools.count():
        try:
            opened.seek(number)
        except EOFError:
            return
        yield _fitted(opened), int(opened.info.get("duration", 0))


def _fitted(opened: Image.Image) -> Image.Image:
    within_limits(Dimensions(*opened.size, 1))
    orientation = _orientation(opened)
    size = fit(opened.size, SCREEN if orientation < _LYING else SCREEN[::-1])
    profile = opened.info.get("icc_profile")
    # JPEG alone heeds this: it decodes to a half, quarter or eighth, as long as that is not smaller than asked for.
    opened.draft(None, size)
    opened.load()
    small = _eight_bits(opened).resize(size, FILTER, reducing_gap=REDUCING_GAP)
    coloured = _in_srgb(small, profile)
    upright = coloured.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else coloured
    # Pixels alone pass into the new picture: no comment, no profile, nothing that an encoder might write down.
    clean = Image.new(upright.mode, upright.size)
    clean.paste(upright)
    return clean


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
    # A conversion to the same mode would be a copy.
    return picture if picture.mode == "RGB" else picture.convert("RGB")

"""Paints pictures for the demo, so that it shows some without shipping any: the same seed, the same picture."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random
from typing import Final

from PIL import ExifTags, Image, ImageChops, ImageDraw, ImageFilter

Size = tuple[int, int]
Color = tuple[int, int, int]
Place = tuple[float, float]

QUALITY: Final = 92
GRAIN: Final = 9
"""Of 255, peak to peak: hides the steps of a gradient, as film does."""
_FINE: Final = 2
"""Silhouettes are drawn so many times larger and then reduced, which smooths their edges."""
_HEADLAND: Final = 0.6
"""How far across the picture a headland reaches."""
_OUTSIDE: Final = 2.0
_TURNED_LEFT: Final = 6
"""EXIF orientation of a camera that was held upright while its sensor lies."""


def paint(scene: str, size: Size, *, seed: int, lying: bool = False) -> bytes:
    """A JPEG of one of the `SCENES`, of ``size`` (width, height in pixels) as it is looked at.

    Args:
        scene: what is painted.
        size: width and height in pixels, upright.
        seed: everything that differs between two pictures of a scene.
        lying: store it as a phone does that is held upright: on its side, with an orientation in EXIF.

    Raises:
        KeyError: there is no such scene.
    """
    rng = Random(seed)  # noqa: S311 - a picture is no secret
    picture = _with_grain(SCENES[scene](size, rng), rng)
    exif = Image.Exif()
    if lying:
        picture = picture.transpose(Image.Transpose.ROTATE_90)
        exif[ExifTags.Base.Orientation] = _TURNED_LEFT
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=QUALITY, exif=exif)
    return file.getvalue()


# --- scenes --------------------------------------------------------------------------------------------------------


def _sunset(size: Size, rng: Random) -> Image.Image:
    """The sun over the sea, and its way across the water."""
    width, height = size
    horizon, sun = 0.6, (rng.uniform(0.42, 0.62), 0.545)
    line = round(height * horizon)
    sky = _gradient(
        (width, line),
        (0, "#1d1b4b"), (0.3, "#5b2a72"), (0.55, "#b9436e"), (0.75, "#f0785a"), (0.92, "#fdb45c"), (1, "#ffdf94"),
    )  # fmt: skip
    picture = Image.new("RGB", size)
    picture.paste(sky)
    picture.paste(_clouds((width, line), rng), mask=_cloud_mask((width, line), rng, stretch=7))
    _glow(picture, sun, 0.95, "#ff8a4d", 0.55)
    _glow(picture, sun, 0.36, "#ffc978", 0.8)
    _disc(picture, sun, 0.085, "#fff3cf")
    for depth, left, color in ((0.05, False, "#a6476a"), (0.032, True, "#6d2f5c")):
        ridge = _ridge(rng, horizon - depth * 0.25, depth, rough=0.55)
        _silhouette(picture, _from_side(ridge, left=left), color)
    sea = _gradient((width, height - line), (0, "#f3a067"), (0.1, "#c75a68"), (0.4, "#64326b"), (1, "#14143a"))
    picture.paste(sea, (0, line))
    _glitter(picture, rng, line, sun[0])
    return picture


def _mountains(size: Size, rng: Random) -> Image.Image:
    """Ranges behind each other, fainter with the distance, and a wood in front."""
    picture = _gradient(size, (0, "#6fa3cf"), (0.28, "#b7cfdf"), (0.5, "#f9d9c0"), (0.7, "#fbe6d0"), (1, "#fbe6d0"))
    sun = (rng.uniform(0.6, 0.74), 0.33)
    _glow(picture, sun, 0.9, "#ffdfae", 0.6)
    _disc(picture, sun, 0.055, "#fffaf0")
    ranges = 6
    for number in range(ranges):
        near = number / (ranges - 1)
        ridge = _ridge(rng, 0.44 + 0.36 * near, 0.17 - 0.07 * near, rough=0.5)
        _silhouette(picture, ridge, _between("#a9bccf", "#16323d", near**0.9))
        _mist(picture, 0.5 + 0.38 * near, 0.16, _between("#fdeedd", "#7fa0a8", near), 0.55 * (1 - near))
    _wood(picture, rng, "#0b1d22")
    _birds(picture, rng, "#38505f")
    return picture


def _aurora(size: Size, rng: Random) -> Image.Image:
    """Northern lights over hills and a lake that doubles them."""
    width, height = size
    line = round(height * 0.72)
    above = _gradient((width, line), (0, "#050b1f"), (0.5, "#0a1f3c"), (0.85, "#12405a"), (1, "#1c5a66"))
    _stars(above, rng)
    for color, foot, strength in (("#5b3fd6", 0.5, 0.7), ("#2fe6a0", 0.66, 1.0), ("#a8ffcf", 0.74, 0.75)):
        above = ImageChops.screen(above, _curtain(above.size, rng, color, foot, strength))
    far, near = _ridge(rng, 0.93, 0.13, rough=0.5), _ridge(rng, 0.985, 0.07, rough=0.55)
    _silhouette(above, far, "#0a2531")
    _silhouette(above, near, "#04141c")
    picture = Image.new("RGB", size)
    picture.paste(above)
    lake = above.transpose(Image.Transpose.FLIP_TOP_BOTTOM).crop((0, 0, width, height - line))
    lake = _rippled(lake.filter(ImageFilter.GaussianBlur(width / 270)), rng)
    shade = _gradient(lake.size, (0, "#8fb0b8"), (1, "#3d5a70"))
    picture.paste(ImageChops.multiply(lake, shade), (0, line))
    return picture


def _shapes(size: Size, rng: Random) -> Image.Image:
    """Discs, arches and quarters on a grid, as on a poster of 1925."""
    width, height = size
    palette = ["#e4572e", "#f3a712", "#2e86ab", "#17324d", "#f6d8ae", "#669b8b", "#f28f79"]
    paper = "#f7efe0"
    cell = width / 4
    rows = math.ceil(height / cell)
    wide = (width * _FINE, height * _FINE)
    picture = Image.new("RGB", wide, paper)
    draw = ImageDraw.Draw(picture)
    for row in range(rows):
        for column in range(4):
            left, top, side = column * cell * _FINE, row * cell * _FINE, cell * _FINE
            ground, front, third = rng.sample(palette, 3)
            draw.rectangle((left, top, left + side, top + side), fill=rng.choice([ground, ground, paper]))
            _tile(draw, (left, top), side, (front, third), rng)
    picture = picture.resize(size, Image.Resampling.LANCZOS)
    light = _gradient(size, (0, "#ffffff"), (1, "#e9dccb"))
    return ImageChops.multiply(picture, light)


def _dunes(size: Size, rng: Random) -> Image.Image:
    """Sand in waves, lit from one side."""
    picture = _gradient(size, (0, "#2c6e9f"), (0.25, "#7db6cf"), (0.42, "#f6dfbf"), (1, "#f6dfbf"))
    _glow(picture, (0.2, 0.3), 0.7, "#fff0cf", 0.6)
    waves = 6
    for number in range(waves):
        near = number / (waves - 1)
        shift, length = rng.uniform(0, math.tau), 1.2 - 0.55 * near
        foot, swing = 0.4 + 0.44 * near**1.15, 0.025 + 0.05 * near
        crest = [
            foot + swing * math.sin(shift + x / 400 * math.tau / length) * (0.7 + 0.3 * x / 400) for x in range(401)
        ]
        lit, shadow = _between("#eebf86", "#d98a4a", near), _between("#cf9a6c", "#8a4a2c", near)
        mask = _mask(picture.size, crest)
        slope = _gradient(picture.size, (max(0.0, foot - swing), lit), (min(1.0, foot + 0.3), shadow))
        picture.paste(slope, mask=mask)
        peak = min(range(60, 341), key=crest.__getitem__)
        _lee(picture, crest, peak, shadow, mask)
    return picture


SCENES: Final[dict[str, Callable[[Size, Random], Image.Image]]] = {
    "sunset": _sunset,
    "mountains": _mountains,
    "aurora": _aurora,
    "shapes": _shapes,
    "dunes": _dunes,
}
"""What can be painted."""


# --- brushes: places and lengths are fractions of width or height, y grows downwards -------------------------------


def _rgb(color: str | Color) -> Color:
    return (int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)) if isinstance(color, str) else color


def _between(one: str, other: str, part: float) -> Color:
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(_rgb(one), _rgb(other), strict=True))
    return red, green, blue


def _gradient(size: Size, *stops: tuple[float, str | Color]) -> Image.Image:
    """Colours from top to bottom; each stop says where, 0-1."""
    column = bytearray()
    for y in range(size[1]):
        at = y / max(1, size[1] - 1)
        before = max((stop for stop in stops if stop[0] <= at), default=stops[0], key=lambda stop: stop[0])
        after = min((stop for stop in stops if stop[0] >= at), default=stops[-1], key=lambda stop: stop[0])
        part = (at - before[0]) / (after[0] - before[0]) if after[0] > before[0] else 0.0
        part = part * part * (3 - 2 * part)
        column += bytes(round(a + (b - a) * part) for a, b in zip(_rgb(before[1]), _rgb(after[1]), strict=True))
    return Image.frombytes("RGB", (1, size[1]), bytes(column)).resize(size, Image.Resampling.NEAREST)


def _round_mask(size: Size, centre: Place, radius: float, shape: Callable[[float], float]) -> Image.Image:
    """How strong something round is: ``shape`` of the distance, 0-1, from its centre."""
    side = max(2, round(2 * radius * size[0]))
    distance = Image.radial_gradient("L").resize((side, side), Image.Resampling.BICUBIC)
    spot = distance.point([round(255 * min(1.0, max(0.0, shape(min(1.0, each / 180))))) for each in range(256)])
    mask = Image.new("L", size)
    mask.paste(spot, (round(centre[0] * size[0] - side / 2), round(centre[1] * size[1] - side / 2)))
    return mask


def _glow(picture: Image.Image, centre: Place, radius: float, color: str, strength: float) -> None:
    mask = _round_mask(picture.size, centre, radius, lambda far: strength * (1 - far) ** 2)
    light = ImageChops.screen(picture, Image.new("RGB", picture.size, color))
    picture.paste(light, mask=mask)


def _disc(picture: Image.Image, centre: Place, radius: float, color: str) -> None:
    mask = _round_mask(picture.size, centre, radius * 1.4, lambda far: (0.74 - far) * 40)
    picture.paste(Image.new("RGB", picture.size, color), mask=mask)


def _noise(size: Size, rng: Random, cells: Size) -> Image.Image:
    """Soft spots of grey, in octaves: ``cells`` across and down in the coarsest."""
    result = Image.new("L", size, 128)
    for octave in range(5):
        across, down = cells[0] << octave, cells[1] << octave
        spots = Image.frombytes("L", (across, down), rng.randbytes(across * down))
        result = Image.blend(result, spots.resize(size, Image.Resampling.BICUBIC), 0.5 if octave == 0 else 0.55**octave)
    return result


def _clouds(size: Size, rng: Random) -> Image.Image:
    under = _gradient(size, (0, "#3a2a63"), (0.5, "#c65b78"), (0.8, "#ff9f73"), (1, "#ffd9a0"))
    lit = _noise(size, rng, (2, 6))
    return Image.composite(under, ImageChops.multiply(under, Image.new("RGB", size, "#b98aa0")), lit)


def _cloud_mask(size: Size, rng: Random, *, stretch: int) -> Image.Image:
    spots = _noise(size, rng, (2, 2 * stretch))
    dense = spots.point([round(min(255, max(0, (each - 122) * 5))) for each in range(256)])
    fading = _gradient(size, (0, "#404040"), (0.4, "#b0b0b0"), (0.85, "#808080"), (1, "#000000")).convert("L")
    return ImageChops.multiply(dense, fading).filter(ImageFilter.GaussianBlur(size[0] / 500))


def _ridge(rng: Random, foot: float, rise: float, *, rough: float) -> list[float]:
    """A skyline, left to right, by halving: heights between ``foot`` and about ``rise`` above it."""
    line = [rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.8)]
    swing = 0.5
    for _ in range(9):
        finer = [line[0]]
        for before, after in pairwise(line):
            finer += [(before + after) / 2 + rng.uniform(-swing, swing), after]
        line, swing = finer, swing * rough
    low, high = min(line), max(line)
    return [foot - rise * (each - low) / (high - low) for each in line]


def _from_side(ridge: Sequence[float], *, left: bool) -> list[float]:
    """A headland: the ridge falls to its foot before it has crossed the picture."""
    foot, last = max(ridge) + 0.01, len(ridge) - 1
    result = []
    for number, y in enumerate(ridge):
        left_over = 1 - (number if left else last - number) / last / _HEADLAND
        result.append(foot - (foot - y) * left_over**0.7 if left_over > 0 else _OUTSIDE)
    return result


def _mask(size: Size, line: Sequence[float]) -> Image.Image:
    """Everything below a line across the picture."""
    width, height = size[0] * _FINE, size[1] * _FINE
    mask = Image.new("L", (width, height))
    points = [(number / (len(line) - 1) * width, y * height) for number, y in enumerate(line)]
    ImageDraw.Draw(mask).polygon([(0, 2 * height), *points, (width, 2 * height)], fill=255)
    return mask.resize(size, Image.Resampling.BOX)


def _silhouette(picture: Image.Image, line: Sequence[float], color: str | Color) -> None:
    picture.paste(Image.new("RGB", picture.size, color), mask=_mask(picture.size, line))


def _mist(picture: Image.Image, middle: float, spread: float, color: Color, strength: float) -> None:
    level = round(255 * strength)
    stops = ((0, 0), (max(0.0, middle - spread), 0), (middle, level), (min(1.0, middle + spread), 0), (1, 0))
    mask = _gradient(picture.size, *((at, (each, each, each)) for at, each in stops)).convert("L")
    picture.paste(Image.new("RGB", picture.size, color), mask=mask)


def _glitter(picture: Image.Image, rng: Random, line: int, middle: float) -> None:
    """Light on waves: thin strokes, long and many below the sun, few beside it, larger towards the front."""
    width, height = picture.size
    strokes = Image.new("L", (width * _FINE, height * _FINE))
    draw = ImageDraw.Draw(strokes)
    for _ in range(2_600):
        near = rng.random() ** 1.4
        y = line + near * (height - line)
        x = width * (middle + rng.gauss(0, 0.05 + 0.13 * near))
        reach, thick = width * (0.006 + 0.035 * near) * rng.uniform(0.4, 1.4), 1 + 3.5 * near
        box = (x - reach, y - thick / 2, x + reach, y + thick / 2)
        draw.ellipse([each * _FINE for each in box], fill=round(rng.uniform(60, 235) * (1 - 0.62 * near)))
    mask = strokes.resize(picture.size, Image.Resampling.BOX)
    picture.paste(Image.new("RGB", picture.size, "#ffe0a0"), mask=mask)


def _wood(picture: Image.Image, rng: Random, color: str) -> None:
    """Firs along the bottom, in two rows."""
    width, height = picture.size
    mask = Image.new("L", (width * _FINE, height * _FINE))
    draw = ImageDraw.Draw(mask)
    for _ in range(70):
        x, foot = rng.uniform(-0.02, 1.02), rng.uniform(0.97, 1.04)
        tall = rng.uniform(0.05, 0.13) * (0.75 + 0.8 * abs(x - 0.5))
        _fir(draw, (x * width * _FINE, foot * height * _FINE), tall * height * _FINE, rng)
    draw.rectangle((0, 0.975 * height * _FINE, width * _FINE, height * _FINE), fill=255)
    picture.paste(Image.new("RGB", picture.size, color), mask=mask.resize(picture.size, Image.Resampling.BOX))


def _fir(draw: ImageDraw.ImageDraw, foot: Place, tall: float, rng: Random) -> None:
    x, y = foot
    tiers = 9
    for tier in range(tiers):
        top, reach = y - tall * (1 - tier / tiers), tall * 0.03 + tall * 0.19 * (tier + 1) / tiers
        sag = tall * 1.9 / tiers
        left, right = reach * rng.uniform(0.8, 1.1), reach * rng.uniform(0.8, 1.1)
        draw.polygon([(x, top), (x + right, top + sag), (x, top + 0.75 * sag), (x - left, top + sag)], fill=255)


def _birds(picture: Image.Image, rng: Random, color: str) -> None:
    width, height = picture.size
    mask = Image.new("L", (width * _FINE, height * _FINE))
    draw = ImageDraw.Draw(mask)
    middle = (rng.uniform(0.24, 0.4), rng.uniform(0.2, 0.27))
    for _ in range(7):
        x, y = (middle[0] + rng.gauss(0, 0.08)) * width * _FINE, (middle[1] + rng.gauss(0, 0.022)) * height * _FINE
        wing = width * _FINE * rng.uniform(0.012, 0.022)
        for side in (-1, 1):
            points = [
                (x + side * wing * t, y - wing * 0.55 * math.sin(math.pi * t * 0.8)) for t in (0, 0.2, 0.45, 0.7, 1)
            ]
            draw.line(points, fill=255, width=max(2, round(wing / 7)), joint="curve")
    picture.paste(Image.new("RGB", picture.size, color), mask=mask.resize(picture.size, Image.Resampling.BOX))


def _stars(picture: Image.Image, rng: Random) -> None:
    width, height = picture.size
    mask = Image.new("L", (width * _FINE, height * _FINE))
    draw = ImageDraw.Draw(mask)
    for _ in range(520):
        x, y = rng.uniform(0, width) * _FINE, rng.random() ** 1.5 * height * _FINE
        radius = 0.6 + 2.6 * rng.random() ** 6
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=round(rng.uniform(70, 255)))
    picture.paste(Image.new("RGB", picture.size, "#eaf2ff"), mask=mask.resize(picture.size, Image.Resampling.BOX))


def _curtain(size: Size, rng: Random, color: str, foot: float, strength: float) -> Image.Image:
    """A curtain of light: a wavy lower edge, rays that fade upwards."""
    across, down = 270, 240
    shifts = [rng.uniform(0, math.tau) for _ in range(6)]
    rays = _noise((across, 1), rng, (9, 1)).tobytes()
    veil = bytearray(across * down)
    for x in range(across):
        turn = x / across * math.tau
        edge = foot + 0.09 * math.sin(turn * 0.8 + shifts[0]) + 0.05 * math.sin(turn * 2.3 + shifts[1])
        tall = 0.3 + 0.1 * math.sin(turn * 1.7 + shifts[2]) + 0.12 * rays[x] / 255
        bright = strength * (0.45 + 0.55 * math.sin(turn * 0.6 + shifts[3]) ** 2) * (0.35 + 0.9 * rays[x] / 255)
        for y in range(down):
            above = edge - y / down
            fade = max(0.0, 1 + above / 0.035) if above < 0 else max(0.0, 1 - above / tall) ** 1.6
            veil[y * across + x] = round(min(255.0, 235 * bright * fade))
    mask = Image.frombytes("L", (across, down), bytes(veil)).resize(size, Image.Resampling.BICUBIC)
    mask = mask.filter(ImageFilter.GaussianBlur(size[0] / 220))
    return Image.composite(Image.new("RGB", size, color), Image.new("RGB", size), mask)


def _rippled(picture: Image.Image, rng: Random) -> Image.Image:
    """Every line of a reflection a little to the side, more towards the front."""
    width, height = picture.size
    rippled, shift = picture.copy(), 0.0
    for y in range(height):
        shift = 0.8 * shift + rng.gauss(0, 1) * width * (0.0006 + 0.003 * y / height)
        rippled.paste(picture.crop((0, y, width, y + 1)), (round(shift), y))
    return rippled


def _tile(draw: ImageDraw.ImageDraw, corner: Place, side: float, colors: tuple[str, str], rng: Random) -> None:
    x, y = corner
    box = (x, y, x + side, y + side)
    match rng.randrange(5):
        case 0:
            quarter = rng.randrange(4)
            turned = (x - side * (quarter in {1, 2}), y - side * (quarter in {2, 3}))
            draw.pieslice(
                (*turned, turned[0] + 2 * side, turned[1] + 2 * side),
                180 + quarter * 90,
                270 + quarter * 90,
                fill=colors[0],
            )
        case 1:
            for number, color in enumerate((colors[0], colors[1], colors[0])):
                inset = side * (0.08 + 0.15 * number)
                draw.ellipse((x + inset, y + inset, x + side - inset, y + side - inset), fill=color)
        case 2:
            for number in range(0, 6, 2):
                draw.rectangle((x, y + side * number / 6, x + side, y + side * (number + 1) / 6), fill=colors[0])
        case 3:
            start = rng.choice([0, 90, 180, 270])
            draw.pieslice(box, start, start + 180, fill=colors[0])
            draw.pieslice(box, start + 180, start + 360, fill=colors[1])
        case _:
            corners = [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]
            corners.pop(rng.randrange(4))
            draw.polygon(corners, fill=colors[0])


def _lee(picture: Image.Image, crest: Sequence[float], peak: int, color: Color, mask: Image.Image) -> None:
    """The side of a dune that the sun does not reach: behind its peak, down along a soft edge."""
    width, height = picture.size[0] * _FINE, picture.size[1] * _FINE
    last = len(crest) - 1
    behind = [(number / last * width, y * height) for number, y in enumerate(crest) if number >= peak]
    top = behind[0]
    edge = [(top[0] + t * (0.28 * width) * math.sin(t * 2), top[1] + t * 0.2 * height) for t in (1, 0.75, 0.5, 0.25)]
    shade = Image.new("L", (width, height))
    ImageDraw.Draw(shade).polygon([*behind, (width, top[1] + 0.2 * height), *edge], fill=150)
    soft = shade.resize(picture.size, Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(width / 700))
    picture.paste(Image.new("RGB", picture.size, color), mask=ImageChops.multiply(soft, mask))


def _with_grain(picture: Image.Image, rng: Random) -> Image.Image:
    across, down = picture.size
    grain = Image.frombytes("L", picture.size, rng.randbytes(across * down))
    light = grain.point([round(each / 255 * GRAIN) for each in range(256)])
    return ImageChops.add(picture, Image.merge("RGB", (light,) * 3), 1, -GRAIN // 2)

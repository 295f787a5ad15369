"""What renditions cost against the plain tool: ``make bench-media``. Ends with 1 if a promise is not kept.

A photo of 12 Mpx against a plain Pillow that opens, scales and saves it as the same kind of file; a clip of 15 s at
1920x1080 against a plain PyAV that decodes, scales and encodes it with the same encoder. The plain tool runs in a
process that is warm, and its start is not counted; of the service everything is counted: its own process, the fork
server from its start on, and the children.
"""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import av
from PIL import Image, ImageChops

from infrastructure.media.glass_box import GlassBox
from infrastructure.media.renditions import SCREEN, fit
from infrastructure.media.videos import PRESET, RATE_FACTOR
from tests.contract.media.films import film
from tests.contract.media.pictures import exif

ROUNDS: Final = 5
RENDITIONS: Final = 20
"""Pictures in a row; the first of them pays for the start of the fork server."""

PLAIN: Final = 5
"""Pictures in a row, after one that loads what is needed."""

PICTURE_RATIO: Final = 0.6
"""Processor time against the plain tool: the promise."""
PICTURE_MEGABYTES: Final = 100
"""Memory of a child at its peak: the promise."""
VIDEO_SECONDS: Final = 15
VIDEO_RATIO: Final = 1.0
"""Processor time against the length of the clip: the promise."""


def photo() -> Image.Image:
    """12 Mpx of noise over gradients, about 4 MB as a JPEG, as telephones write them."""
    size = (4032, 3024)
    slope, grain = Image.linear_gradient("L").resize(size), Image.effect_noise(size, 12)
    blots = Image.effect_noise((1008, 756), 40).resize(size, Image.Resampling.BICUBIC)
    bands = (ImageChops.add(blots, grain, 2), ImageChops.add(slope, grain, 2), ImageChops.blend(slope, blots, 0.3))
    return Image.merge("RGB", bands)


def clip() -> bytes:
    """A clip of noise over gradients, about 10 Mb/s."""
    size, rate = (1920, 1080), 30
    slope, grain = Image.linear_gradient("L").resize(size), Image.effect_noise((2400, 1400), 24)

    def pictures() -> Iterator[Image.Image]:
        for number in range(VIDEO_SECONDS * rate):
            left, top = 7 * number % 480, 5 * number % 320
            moving = grain.crop((left, top, left + size[0], top + size[1]))
            yield Image.merge("RGB", (ImageChops.add(slope, moving, 2), moving, slope))

    return film(size=size, seconds=VIDEO_SECONDS, rate=rate, pictures=pictures(), quality={"crf": "24"})


# --- the contenders, each in a process of its own ---------------------------------------------------------------------


def plain_picture(source: Path, folder: Path) -> None:
    """Open, scale and save, as anybody would: with what Pillow takes when nothing is said."""
    picture = Image.open(source)
    picture.resize(fit(picture.size, SCREEN[::-1])).save(folder / "plain.webp")


def _plain_pictures(source: Path, folder: Path) -> None:
    for _ in range(PLAIN):
        plain_picture(source, folder)


def plain_video(source: Path, folder: Path) -> None:
    """Decode, scale and encode, with the encoder of the service and its effort."""
    with av.open(str(source)) as read, av.open(str(folder / "plain.mp4"), "w") as written:
        picture, sound = read.streams.video[0], read.streams.audio[0]
        picture.codec_context.thread_count = 1
        width, height = fit((picture.width, picture.height), SCREEN)
        options = {"preset": PRESET, "crf": RATE_FACTOR, "threads": "1"}
        film: Any = written.add_stream("libx264", rate=picture.average_rate, options=options)
        film.width, film.height, film.pix_fmt = width // 2 * 2, height // 2 * 2, "yuv420p"
        tone: Any = written.add_stream("aac", rate=48_000, layout="stereo")
        for packet in read.demux(picture, sound):
            for frame in packet.decode():
                if isinstance(frame, av.VideoFrame):
                    written.mux(film.encode(frame.reformat(film.width, film.height)))
                else:
                    written.mux(tone.encode(frame))
        for stream in (film, tone):
            written.mux(stream.encode(None))


async def served(mime_type: str, source: Path, folder: Path, times: int) -> None:
    """Make the renditions as a worker makes them."""

    async def unheard(part: float) -> None:
        """Take no notice of how far it is."""

    box = GlassBox()
    for _ in range(times):
        await box.render(source, mime_type, folder, unheard)
    await box.close()


def _cost(work: Callable[[], object], times: int) -> dict[str, float]:
    began = time.perf_counter()
    before = _processor_seconds()
    work()
    return {
        "cpu": (_processor_seconds() - before) / times,
        "wall": (time.perf_counter() - began) / times,
        "megabytes": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
    }


def _processor_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def contend(contender: str, source: Path, folder: Path) -> dict[str, float]:
    """Let one do its work, and tell what each of its renditions cost."""
    if contender == "plain-picture":
        plain_picture(source, folder)
        return _cost(lambda: _plain_pictures(source, folder), PLAIN)
    if contender == "plain-video":
        return _cost(lambda: plain_video(source, folder), 1)
    mime_type, times = ("image/jpeg", RENDITIONS) if contender == "picture" else ("video/mp4", 1)
    return _cost(lambda: asyncio.run(served(mime_type, source, folder, times)), times)


# --- the comparison ---------------------------------------------------------------------------------------------------


def compared(kind: str, source: Path, folder: Path, rounds: int) -> tuple[dict[str, float], dict[str, float]]:
    """Run the plain tool and the service by turns; answers the median of each."""
    plain, ours = [], []
    for _ in range(rounds):
        plain.append(_contended(f"plain-{kind}", source, folder))
        ours.append(_contended(kind, source, folder))
    return _median(plain), _median(ours)


def _contended(contender: str, source: Path, folder: Path) -> dict[str, float]:
    program = (sys.executable, "-m", "tests.bench.media", contender, str(source), str(folder))
    answer = subprocess.run(program, check=True, stdout=subprocess.PIPE, text=True).stdout
    told: dict[str, float] = json.loads(answer)
    return told


def _median(costs: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(cost[name] for cost in costs) for name in costs[0]}


def main() -> int:
    """Compare, print, and judge."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        picture, video = folder / "picture.jpg", folder / "video.mp4"
        photo().save(picture, quality=90, exif=exif(6))
        video.write_bytes(clip())
        plain, ours = compared("picture", picture, folder, ROUNDS)
        plain_film, our_film = compared("video", video, folder, 1)
    ratio, pace, against = (
        ours["cpu"] / plain["cpu"],
        our_film["cpu"] / VIDEO_SECONDS,
        our_film["cpu"] / plain_film["cpu"],
    )
    print(f"photo of 12 Mpx, {ROUNDS} rounds of {RENDITIONS}: rendition, thumbnail and placeholder")
    print(f"  plain Pillow, one file   {plain['cpu']:6.3f} s of processor")
    print(f"  the service              {ours['cpu']:6.3f} s of processor, {ours['megabytes']:.0f} MB")
    print(f"  ratio                    {ratio:6.2f}   promised: {PICTURE_RATIO} and {PICTURE_MEGABYTES} MB")
    print(f"clip of {VIDEO_SECONDS} s, 1920x1080: video, poster, thumbnail and placeholder")
    print(f"  plain PyAV, one file     {plain_film['cpu']:6.2f} s of processor")
    print(f"  the service              {our_film['cpu']:6.2f} s of processor, {our_film['megabytes']:.0f} MB")
    print(f"  against the plain tool   {against:6.2f}")
    print(f"  against the clip's time  {pace:6.2f}   promised: {VIDEO_RATIO}")
    kept = ratio <= PICTURE_RATIO and ours["megabytes"] <= PICTURE_MEGABYTES and pace <= VIDEO_RATIO
    return 0 if kept else 1


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(contend(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))))
    else:
        sys.exit(main())

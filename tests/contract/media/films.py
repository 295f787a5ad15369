"""Makes the videos, good and bad, that the media tests feed to the code."""

from __future__ import annotations

import io
import math
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import av
from av.container import InputContainer
from PIL import Image

from tests.contract.media.pictures import quarters

os.environ.setdefault("SVT_LOG", "0")  # the AV1 encoder is talkative

HERTZ = 48_000
FASTSTART = {"movflags": "faststart"}
"""Of a writer of MP4 or MOV: the index before the pictures."""
CODECS = {"h264": "libx264", "hevc": "libx265", "vp8": "libvpx", "vp9": "libvpx-vp9", "av1": "libsvtav1"}
OPTIONS = {
    "libx264": {"preset": "ultrafast", "crf": "18"},
    "libx265": {"preset": "ultrafast", "crf": "18", "x265-params": "log-level=none"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8", "crf": "10", "b": "4M"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "20", "b": "0"},
    "libsvtav1": {"preset": "12", "crf": "25", "svtav1-params": "lp=1"},
}


def film(
    container: str = "mp4",
    codec: str = "h264",
    *,
    size: tuple[int, int] = (320, 200),
    seconds: float = 1.0,
    rate: int = 10,
    sound: str | None = "aac",
    rotation: int = 0,
    metadata: dict[str, str] | None = None,
    pictures: Iterator[Image.Image] | None = None,
    options: dict[str, str] | None = None,
    quality: dict[str, str] | None = None,
    lasting: int = 1,
) -> bytes:
    """Make a film of four coloured quarters (see `quarters`), or of other pictures.

    Args:
        container: of ``mp4``, ``mov`` and ``webm``.
        codec: of `CODECS`.
        size: width and height of a frame.
        seconds: how long it plays.
        rate: frames a second.
        sound: the codec of a tone in stereo; None: silent.
        rotation: degrees that a player has to turn it counterclockwise, as telephones write it down.
        metadata: notes of the file.
        pictures: what it shows.
        options: of the container's writer.
        quality: options of the codec, besides those that make it quick.
        lasting: how many times as long as the rate says each picture is shown.
    """
    shown = pictures or (quarters(*size) for _ in range(round(seconds * rate)))
    with TemporaryDirectory() as folder:
        file = Path(folder, "film")
        # Notes such as a place are only kept by the writer of QuickTime files when it is told to.
        told = {"movflags": "use_metadata_tags"} if container == "mov" else {}
        with (
            at_ease(),
            av.open(str(file), "w", format=container, options={**told, **(options or {})}) as output,
        ):
            output.metadata.update(metadata or {})
            stream: Any = output.add_stream(
                CODECS[codec], rate=rate, options={**OPTIONS[CODECS[codec]], **(quality or {})}
            )
            stream.width, stream.height = size
            stream.pix_fmt = "yuv420p"
            if rotation:
                stream.set_display_rotation(rotation)
            tone: Any = output.add_stream(sound, rate=HERTZ, layout="stereo") if sound else None
            for number, picture in enumerate(shown):
                frame = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call] # annotated in part
                frame.pts, frame.time_base = number * lasting, Fraction(1, rate)
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
            if tone:
                for chunk in _tone(seconds):
                    output.mux(tone.encode(chunk))
                output.mux(tone.encode(None))
        return file.read_bytes()


@contextmanager
def at_ease() -> Iterator[None]:
    """Make a thread what it was before.

    The AV1 encoder makes one of root that calls it a real-time one. All that it starts later would be so, and on a few
    cores starve everything else.
    """
    if not hasattr(os, "sched_setscheduler"):
        yield
        return
    policy, priority = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, priority)


def opened(data: bytes, container: str = "mp4") -> InputContainer:
    """Open a film, to look into it."""
    return cast("InputContainer", av.open(io.BytesIO(data), format=container))


def frames(data: bytes, container: str = "mp4") -> list[Image.Image]:
    """All frames of a film, as a player that heeds its notes shows them."""
    with opened(data, container) as film:
        shown: Any = film.decode(video=0)
        return [frame.to_image().rotate(frame.rotation, expand=True) for frame in shown]


def _tone(seconds: float) -> Iterator[av.AudioFrame]:
    step = 960
    for start in range(0, round(seconds * HERTZ), step):
        samples = [int(8_000 * math.sin(2 * math.pi * 440 * at / HERTZ)) for at in range(start, start + step)]
        frame = av.AudioFrame(format="s16", layout="stereo", samples=step)
        frame.planes[0].update(struct.pack(f"<{2 * step}h", *(value for value in samples for _ in range(2))))
        frame.sample_rate, frame.pts, frame.time_base = HERTZ, start, Fraction(1, HERTZ)
        yield frame

"""The renditions that are made of videos: H.264 and AAC in an MP4 that begins to play while it loads, and a poster.

`render` decodes what strangers sent and belongs into a process of its own (`infrastructure.media.glass_box`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
from av import AudioFrame, AudioResampler, VideoFrame
from av.audio import AudioStream
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.video import VideoStream

from infrastructure.media.film_headers import MAX_FRAMES_PER_SECOND, MAX_PIXELS
from infrastructure.media.headers import PictureInvalidError, PictureTooLargeError
from infrastructure.media.renditions import SCREEN, Rendering, VideoTooLongError, encoded, rendering_of
from infrastructure.media.upright import Upright

MAX_SECONDS: Final = 60.0
"""Length of a story, in seconds; a frame more than that, which many a recorder adds, is forgiven."""

SPARE_SECONDS: Final = 0.5
"""By how much a recorder may miss a whole minute."""

SERVED_FRAMES_PER_SECOND: Final = 60
"""What a screen shows; the frames in between are left out."""

POSTER_AT: Final = 1 / 4
"""Where in a video its poster is taken: many begin with black."""

RATE_FACTOR: Final = "23"
"""Quality of the encoder (CRF): its own default."""

PRESET: Final = "veryfast"
"""Effort of the encoder. A clip of 15 s at 1920x1080 takes half its length of one core; `superfast` saves a tenth of
that and makes files three times as large (see `make bench-media`)."""

PEAK_BITS_PER_SECOND: Final = 8_000_000
"""The most of any stretch: what a telephone receives while it moves. Bounds a minute to 60 MB."""

SOUND_BITS_PER_SECOND: Final = 128_000
SOUND_HERTZ: Final = 48_000

_DEMUXERS: Final = {"video/mp4": "mov", "video/quicktime": "mov", "video/webm": "matroska"}
"""The one demuxer that may read each sniffed type: a playlist or a list of files dressed as a video is never asked."""

_DECODERS: Final = frozenset(
    {
        *("h264", "hevc", "vp8", "vp9", "libvpx", "libvpx-vp9", "av1", "libdav1d", "mpeg4", "mjpeg"),
        *("aac", "mp3", "mp3float", "opus", "libopus", "vorbis", "alac", "pcm_s16le", "pcm_s16be", "ac3"),
    }
)
"""What telephones, browsers and editors write; of the other hundreds some have not been looked at for years."""

_TIME_BASE: Final = Fraction(1, 90_000)
"""Fine enough for every frame rate there is (ISO/IEC 13818-1 uses it too)."""

_SOUND_TIME_BASE: Final = Fraction(1, SOUND_HERTZ)

_MEDIA: Final = "media.mp4"
_POSTER: Final = "poster.webp"
_WRITTEN: Final = {"movflags": "+faststart", "fflags": "+bitexact"}
"""The index before the pictures; and no word of who has written it."""

Report = Callable[[float], None]
"""Told how far the work is, 0-1, now and then; that it is told at all says that it goes on."""


def render(source: Path, mime_type: str, target: Path, report: Report) -> Rendering:
    """Make the video that is served, its poster and its thumbnail, in an existing folder.

    The video is upright, within `SCREEN`, never enlarged, in BT.709; it carries no note of where and by what it was
    made.

    Raises:
        VideoTooLongError: it plays longer than `MAX_SECONDS`.
        PictureTooLargeError: beyond `MAX_PIXELS` or `MAX_FRAMES_PER_SECOND`, or its frames change their size.
        PictureInvalidError: truncated, or not decodable, or of codecs nobody records in.
        MemoryError: more is needed than this process may have.
        OSError: the source cannot be read or the target not be written.
    """
    av.logging.set_level(None)
    with source.open("rb") as file, _opened(file, _DEMUXERS[mime_type]) as container:
        picture, sound = _streams(container)
        seconds = _judge(container, picture)
        with av.open(str(target / _MEDIA), "w", format="mp4", options=_WRITTEN) as output:
            film = _Film(output, picture, sound, seconds, report=report, folder=target)
            for packet in container.demux([stream for stream in (picture, sound) if stream]):
                with _decoding():
                    frames = list(packet.decode())
                for frame in frames:
                    film.take(frame)
            still = film.finish()
    (target / _POSTER).write_bytes(encoded(still))
    return rendering_of(
        still, target, media=_MEDIA, mime_type="video/mp4", poster=_POSTER, duration_seconds=film.seconds
    )


@contextlib.contextmanager
def _decoding() -> Iterator[None]:
    """Tell what the file is to blame for from what the machine is."""
    try:
        yield
    except (MemoryError, av.error.MemoryError):
        raise MemoryError from None
    except (FFmpegError, ValueError, IndexError) as error:
        raise PictureInvalidError(str(error)) from error


@contextlib.contextmanager
def _opened(file: Any, demuxer: str) -> Iterator[InputContainer]:
    with _decoding():
        container = av.open(
            file,
            format=demuxer,
            container_options={"format_whitelist": demuxer, "protocol_whitelist": "none"},
            io_open=_refuse_to_open,
            metadata_errors="replace",
        )
    with container:
        yield container


def _refuse_to_open(*_: Any) -> Any:
    """Open nothing that a file refers to: what was sent is all there is."""
    raise PictureInvalidError("it refers to something else")


def _streams(container: InputContainer) -> tuple[VideoStream, AudioStream | None]:
    pictures = [
        stream for stream in container.streams.video if not stream.disposition & av.stream.Disposition.attached_pic
    ]
    if not pictures:
        raise PictureInvalidError("no moving pictures")
    sounds = [stream for stream in container.streams.audio if _known(stream)]
    if not _known(pictures[0]):
        raise PictureInvalidError("a codec that is not accepted")
    return pictures[0], sounds[0] if sounds else None


def _known(stream: VideoStream | AudioStream) -> bool:
    # What no decoder at all knows has no context, whatever the types of the library say.
    context: Any = stream.codec_context
    return context is not None and context.name in _DECODERS


def _judge(container: InputContainer, picture: VideoStream) -> float | None:
    """Look at what the header says; its length in seconds, if it says."""
    context = picture.codec_context
    if context.width * context.height > MAX_PIXELS:
        raise PictureTooLargeError(f"{context.width}x{context.height} pixels")
    rate = picture.average_rate
    if rate and rate > MAX_FRAMES_PER_SECOND:
        raise PictureTooLargeError(f"{float(rate):.0f} frames a second")
    context.thread_count = 1
    seconds = container.duration / av.time_base if container.duration else None
    if seconds and seconds > MAX_SECONDS + SPARE_SECONDS:
        raise VideoTooLongError(f"{seconds:.1f} s")
    return seconds


class _Film:
    """The film being made.

    Attributes:
        seconds: how long it plays.
    """

    def __init__(
        self,
        output: OutputContainer,
        picture: VideoStream,
        sound: AudioStream | None,
        seconds: float | None,
        *,
        report: Report,
        folder: Path,
    ) -> None:
        self.seconds = 0.0
        self._output, self._announced, self._report, self._folder = output, seconds, report, folder
        self._start = min(_start(stream) for stream in (picture, sound) if stream)
        self._rate = min(picture.average_rate or Fraction(30), Fraction(SERVED_FRAMES_PER_SECOND))
        self._aspect = picture.sample_aspect_ratio or Fraction(1)
        self._size: tuple[int, int] | None = None
        self._taken = 0
        self._last = -1.0
        self._upright: Upright | None = None
        self._picture: VideoStream | None = None
        self._poster: VideoFrame | None = None
        self._sound = _sound_of(output) if sound else None
        self._resampler = AudioResampler(format="fltp", layout="stereo", rate=SOUND_HERTZ) if sound else None

    def take(self, frame: Any) -> None:
        """Take the next frame of picture or sound, in the order in which they come."""
        if isinstance(frame, VideoFrame):
            self._see(frame)
        elif isinstance(frame, AudioFrame):
            self._hear(frame)

    def finish(self) -> Any:
        """End the film; answers its poster."""
        if self._picture is None or self._poster is None:
            raise PictureInvalidError("not one frame")
        if self._announced and self.seconds < self._announced * 0.9 - 1:
            raise PictureInvalidError(f"ends after {self.seconds:.1f} s of {self._announced:.1f}")
        if self._resampler:
            self._encode_sound(None)
        self._mux(self._picture, None)
        if self._sound:
            self._mux(self._sound, None)
        return self._poster.to_image()  # type: ignore[no-untyped-call] # annotated in part

    def _see(self, frame: VideoFrame) -> None:
        size = (frame.width, frame.height)
        self._size = self._size or size
        if size != self._size:
            raise PictureTooLargeError("frames of several sizes")
        self._taken += 1
        if self._taken > MAX_FRAMES_PER_SECOND * (MAX_SECONDS + 1):
            raise PictureTooLargeError("too many frames")
        at = self._at(frame)
        if at > MAX_SECONDS + SPARE_SECONDS:
            raise VideoTooLongError(f"{at:.1f} s")
        self.seconds = max(self.seconds, round(at + 1 / float(self._rate), 3))
        if self._announced:
            self._report(at / self._announced)
        if at - self._last < 0.9 / SERVED_FRAMES_PER_SECOND:
            return
        self._last = at
        self._show(frame, at)

    def _show(self, frame: VideoFrame, at: float) -> None:
        if self._upright is None:
            self._upright = Upright(frame, self._aspect, SCREEN, self._folder)
            self._picture = _picture_of(self._output, self._upright.size, self._rate)
        shown = self._upright(frame)
        if self._poster is None or at <= (self._announced or 0.0) * POSTER_AT:
            self._poster = shown
        shown.pts, shown.time_base = round(at / _TIME_BASE), _TIME_BASE
        shown.pict_type = av.video.frame.PictureType.NONE
        self._mux(self._picture, shown)

    def _hear(self, frame: AudioFrame) -> None:
        at = self._at(frame)
        if at > MAX_SECONDS + SPARE_SECONDS:
            return
        frame.pts, frame.time_base = round(at * frame.sample_rate), Fraction(1, frame.sample_rate)
        self._encode_sound(frame)

    def _encode_sound(self, frame: AudioFrame | None) -> None:
        if self._resampler is None:
            return
        with _decoding():
            resampled = self._resampler.resample(frame)
        for each in resampled:
            self._mux(self._sound, each)

    def _at(self, frame: VideoFrame | AudioFrame) -> float:
        """When a frame is shown or heard, in seconds from the beginning."""
        if frame.pts is None or frame.time_base is None:
            return max(self._last, 0.0) + 1 / float(self._rate)
        return max(0.0, float(frame.pts * frame.time_base) - self._start)

    def _mux(self, stream: Any, frame: Any) -> None:
        for packet in stream.encode(frame):
            self._output.mux(packet)


def _start(stream: VideoStream | AudioStream) -> float:
    if stream.start_time is None or stream.time_base is None:
        return 0.0
    return float(stream.start_time * stream.time_base)


def _picture_of(output: OutputContainer, size: tuple[int, int], rate: Fraction) -> VideoStream:
    stream = output.add_stream("libx264", rate=rate)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    stream.time_base = stream.codec_context.time_base = _TIME_BASE
    stream.options = {
        "preset": PRESET,
        "crf": RATE_FACTOR,
        "maxrate": str(PEAK_BITS_PER_SECOND),
        "bufsize": str(2 * PEAK_BITS_PER_SECOND),
        "threads": "1",
    }
    context = stream.codec_context
    context.gop_size = max(1, round(2 * rate))
    context.color_primaries = context.color_trc = context.colorspace = 1  # BT.709, as ISO/IEC 23091-2 counts
    context.color_range = 1
    return stream


def _sound_of(output: OutputContainer) -> AudioStream:
    stream = output.add_stream("aac", rate=SOUND_HERTZ, layout="stereo")
    stream.bit_rate = SOUND_BITS_PER_SECOND
    stream.time_base = _SOUND_TIME_BASE
    return stream

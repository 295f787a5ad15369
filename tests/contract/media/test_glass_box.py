"""Rendering in a child process: whatever becomes of the child, its parent gets an answer and nothing is left behind."""

import asyncio
import os
import signal
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from PIL import Image

from application.ports.errors import RenderingFailedError
from application.ports.media import RenderedFile
from domain.story import FailureReason
from infrastructure.media.confinement import ADDRESS_SPACE, FILE_SIZE, OPEN_FILES
from infrastructure.media.glass_box import PROGRAM, GlassBox
from infrastructure.media.images import render
from infrastructure.media.render import PICTURE_CPU_SECONDS
from tests.contract.media.pictures import encoded, exif, gif, gif_frame, one_bit_png, png, quarters

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

Found = TypeVar("Found")

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def shell(script: str) -> tuple[str, ...]:
    """Make a program of a shell script; $0, $1 and $2 are type, source and target."""
    return ("/bin/sh", "-c", script)


def confined(limit: str) -> tuple[str, ...]:
    """Run the real program under a limit of the shell's."""
    return shell(f"ulimit {limit}; exec {' '.join(PROGRAM)} " + '"$0" "$@"')


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(encoded(quarters(80, 40), "JPEG", exif=exif(6)))
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


@pytest.fixture
def silence(tmp_path: Path) -> Path:
    """Make a source that never says a word: the child waits for it for ever."""
    path = tmp_path / "silence"
    os.mkfifo(path)
    return path


def feed(source: Path, data: bytes) -> None:
    """Put other bytes into the source."""
    source.write_bytes(data)


def processes_about(path: Path) -> list[int]:
    """List the ids of the running processes, other than ours, that were given a path."""
    return [
        int(each.name)
        for each in Path("/proc").iterdir()
        if each.name.isdigit() and int(each.name) != os.getpid() and str(path).encode() in _read(each / "cmdline")
    ]


def ready_about(path: Path) -> list[int]:
    """List those that have begun: before all else they ask to die with their parent, and then first of all."""
    return [pid for pid in processes_about(path) if _read(Path(f"/proc/{pid}/oom_score_adj")).strip() == b"1000"]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


async def seen(look: Callable[[], Found]) -> Found:
    """Look until there is something to be seen."""
    async with asyncio.timeout(10):
        while not (found := look()):  # noqa: ASYNC110 - other processes set none of our events
            await asyncio.sleep(0.01)
    return found


async def unheard(part: float) -> None:
    """Take no notice of how far it is."""


async def failure(box: GlassBox, source: Path, target: Path, mime_type: str = "image/jpeg") -> RenderingFailedError:
    with pytest.raises(RenderingFailedError) as failed:
        await box.render(source, mime_type, target, unheard)
    return failed.value


async def test_a_picture_is_rendered_as_it_is_in_process(source: Path, target: Path, tmp_path: Path) -> None:
    made = await GlassBox().render(source, "image/jpeg", target, unheard)

    here = render(source, "image/jpeg", tmp_path)
    assert made == RenderedFile(
        media=target / here.media,
        thumbnail=target / here.thumbnail,
        mime_type=here.mime_type,
        width=40,
        height=80,
        placeholder=here.placeholder,
        duration_seconds=None,
    )
    assert made.media.read_bytes() == (tmp_path / here.media).read_bytes()
    assert made.thumbnail.read_bytes() == (tmp_path / here.thumbnail).read_bytes()


async def test_a_truncated_picture_is_invalid(source: Path, target: Path) -> None:
    feed(source, encoded(quarters(80, 40), "JPEG")[:500])

    assert (await failure(GlassBox(), source, target)).reason is FailureReason.MEDIA_INVALID


async def test_a_bomb_is_beyond_the_limits(source: Path, target: Path) -> None:
    feed(source, one_bit_png(12_000, 12_000))

    assert (await failure(GlassBox(), source, target, "image/png")).reason is FailureReason.MEDIA_LIMITS


async def test_thousands_of_frames_are_beyond_the_limits(source: Path, target: Path) -> None:
    feed(source, gif(500, 500, *[gif_frame(500, 500)] * 3000))

    assert (await failure(GlassBox(), source, target, "image/gif")).reason is FailureReason.MEDIA_LIMITS


async def test_a_picture_that_needs_too_much_memory_is_beyond_the_limits(source: Path, target: Path) -> None:
    palette = (b"PLTE", bytes(6)), (b"tRNS", b"\x80\x80")
    feed(source, png(10_000, 10_000, 1, 3, bytes(1_251) * 10_000, *palette))

    failed = await failure(GlassBox(program=confined("-v 400000")), source, target, "image/png")

    assert failed.reason is FailureReason.MEDIA_LIMITS


async def test_a_child_that_uses_up_its_processor_time_is_beyond_the_limits(source: Path, target: Path) -> None:
    box = GlassBox(program=shell("ulimit -S -t 1; while :; do :; done"))

    assert (await failure(box, source, target)).reason is FailureReason.MEDIA_LIMITS


async def test_a_folder_that_is_not_there_is_no_fault_of_the_picture(source: Path, target: Path) -> None:
    failed = await failure(GlassBox(), source, target / "gone")

    assert failed.reason is FailureReason.PROCESSING_FAILED
    assert "FileNotFoundError" in "".join(failed.__notes__)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("kill -SEGV $$", id="crashed"),
        pytest.param("kill -KILL $$", id="killed"),
        pytest.param("exit 3", id="failed"),
        pytest.param("exit 0", id="said nothing"),
        pytest.param("echo '{}'", id="said nothing in JSON"),
        pytest.param('echo \'{"ok": {"width": "wide"}}\'', id="said something else"),
        pytest.param('echo \'{"failed": "whatever"}\'', id="failed by another name"),
        pytest.param("head -c 300000 /dev/zero", id="babbled"),
        pytest.param("exec python-that-is-not-there", id="could not start"),
    ],
)
async def test_a_child_that_does_not_answer_properly_has_failed(source: Path, target: Path, script: str) -> None:
    failed = await failure(GlassBox(program=shell(script)), source, target)

    assert failed.reason is FailureReason.PROCESSING_FAILED


async def test_a_crash_leaves_the_box_usable(source: Path, target: Path) -> None:
    box = GlassBox(children=1, program=shell('test -e "$2/again" && kill -SEGV $$; touch "$2/again"; echo "$0" >&2'))

    first, second = await failure(box, source, target), await failure(box, source, target)

    assert "image/jpeg" in "".join(first.__notes__)
    assert f"exit code {-signal.SIGSEGV}" in "".join(second.__notes__)


async def test_complaints_are_kept_in_part_and_never_stop_the_child(source: Path, target: Path) -> None:
    box = GlassBox(program=shell('head -c 1000000 /dev/zero | tr "\\0" x >&2; exit 1'))

    failed = await failure(box, source, target)

    assert 4_000 < len("".join(failed.__notes__)) < 5_000


@linux
async def test_a_child_that_takes_too_long_is_killed(silence: Path, target: Path) -> None:
    failed = await failure(GlassBox(timeout_seconds=0.5), silence, target)

    assert failed.reason is FailureReason.MEDIA_LIMITS
    assert not processes_about(silence)


@linux
async def test_a_child_that_falls_silent_is_killed(silence: Path, target: Path) -> None:
    failed = await failure(GlassBox(stalled_seconds=0.5), silence, target)

    assert failed.reason is FailureReason.MEDIA_LIMITS
    assert not processes_about(silence)


async def test_a_child_that_goes_on_speaking_is_given_its_time(source: Path, target: Path) -> None:
    speaking = "for part in 0.1 0.2 0.3 0.4; do echo '{\"reached\": '$part'}'; sleep 0.4; done"
    box = GlassBox(stalled_seconds=1.2, program=shell(f'{speaking}; echo \'{{"failed": "video_too_long"}}\''))
    heard: list[float] = []

    async def hear(part: float) -> None:
        heard.append(part)

    with pytest.raises(RenderingFailedError) as failed:
        await box.render(source, "video/mp4", target, hear)

    assert failed.value.reason is FailureReason.VIDEO_TOO_LONG
    assert heard == [0.1, 0.2, 0.3, 0.4]


@linux
async def test_the_child_reaches_no_network_and_starts_no_program(source: Path, target: Path) -> None:
    script = """
        import errno, socket, subprocess, sys
        from infrastructure.media.confinement import confine
        confine(cpu_seconds=60)
        for attempt in (socket.socket, lambda: subprocess.run(["true"])):
            try:
                attempt()
            except PermissionError:
                continue
            sys.exit("it could")
        sys.exit("it could not")
    """
    box = GlassBox(program=(sys.executable, "-c", textwrap.dedent(script)))

    assert "it could not" in "".join((await failure(box, source, target)).__notes__)


@linux
async def test_what_the_child_started_is_killed_with_it(silence: Path, target: Path) -> None:
    box = GlassBox(timeout_seconds=0.3, program=shell('/bin/sh -c "sleep 60; : $1" & wait'))

    failed = await failure(box, silence, target)

    assert failed.reason is FailureReason.MEDIA_LIMITS
    await seen(lambda: not processes_about(silence))


@linux
async def test_cancelling_kills_the_child(silence: Path, target: Path) -> None:
    rendering = asyncio.create_task(GlassBox().render(silence, "image/jpeg", target, unheard))
    await seen(lambda: ready_about(silence))

    rendering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await rendering

    assert not processes_about(silence)


@linux
async def test_the_child_is_confined_alone_and_knows_no_secret(
    silence: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORIES_JWT_SECRET", "CANARY_SECRET")
    rendering = asyncio.create_task(GlassBox().render(silence, "image/jpeg", target, unheard))
    (child,) = await seen(lambda: ready_about(silence))
    about = Path(f"/proc/{child}")
    await seen(lambda: f"Max cpu time              {PICTURE_CPU_SECONDS} ".encode() in _read(about / "limits"))
    limits = {line[:26].strip(): line[26:].split()[:2] for line in _read(about / "limits").decode().splitlines()}
    environment = {each.partition(b"=")[0] for each in _read(about / "environ").split(b"\0") if each}
    session, stdin = os.getsid(child), (about / "fd/0").readlink()
    rendering.cancel()
    await asyncio.gather(rendering, return_exceptions=True)

    assert limits["Max cpu time"] == [str(PICTURE_CPU_SECONDS), str(PICTURE_CPU_SECONDS + 1)]
    assert limits["Max address space"] == [str(ADDRESS_SPACE)] * 2
    assert limits["Max file size"] == [str(FILE_SIZE)] * 2
    assert limits["Max open files"] == [str(OPEN_FILES)] * 2
    assert limits["Max core file size"] == ["0", "0"]
    assert environment <= {b"PATH", b"PYTHONPATH", b"LC_CTYPE"}
    assert session == child != os.getsid(0)
    assert stdin == Path(os.devnull)


@linux
async def test_the_child_dies_with_a_parent_that_is_killed(silence: Path, target: Path) -> None:
    script = """
        import asyncio, sys
        from pathlib import Path
        from infrastructure.media.glass_box import GlassBox
        asyncio.run(GlassBox().render(Path(sys.argv[1]), "image/jpeg", Path(sys.argv[2]), None))
    """
    sources = os.pathsep.join(sys.path)
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", textwrap.dedent(script), str(silence), str(target)),
        env={**os.environ, "PYTHONPATH": sources},
    )
    await seen(lambda: [pid for pid in ready_about(silence) if pid != parent.pid])

    parent.kill()
    await parent.wait()

    await seen(lambda: not processes_about(silence))


async def test_no_more_children_run_at_a_time_than_allowed(source: Path, target: Path) -> None:
    alone = 'mkdir "$2/in" || exit 3; sleep 0.05; rmdir "$2/in"; echo \'{"failed": "media_invalid"}\''
    box = GlassBox(children=1, program=shell(alone))

    failures = await asyncio.gather(*(failure(box, source, target) for _ in range(4)))

    assert {failed.reason for failed in failures} == {FailureReason.MEDIA_INVALID}


async def test_waiting_for_a_turn_is_not_counted_as_time(source: Path, target: Path) -> None:
    box = GlassBox(children=1, timeout_seconds=1, program=shell('sleep 0.4; echo \'{"failed": "media_invalid"}\''))

    failures = await asyncio.gather(*(failure(box, source, target) for _ in range(4)))

    assert {failed.reason for failed in failures} == {FailureReason.MEDIA_INVALID}


async def test_two_children_render_at_the_same_time(tmp_path: Path) -> None:
    box, folders = GlassBox(), [tmp_path / str(number) for number in range(4)]
    for number, folder in enumerate(folders):
        folder.mkdir()
        (folder / "source").write_bytes(encoded(Image.new("RGB", (10 + number, 20)), "PNG"))

    made = await asyncio.gather(*(box.render(folder / "source", "image/png", folder, unheard) for folder in folders))

    assert [each.width for each in made] == [10, 11, 12, 13]
    assert [each.media.parent for each in made] == folders

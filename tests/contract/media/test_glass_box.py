"""Rendering in a child process: whatever becomes of the child, its parent gets an answer and nothing is left behind."""

import asyncio
import contextlib
import os
import signal
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from PIL import Image

from application.ports.errors import RenderingFailedError
from application.ports.media import RenderedFile
from domain.story import FailureReason
from infrastructure.media.children import PROGRAM, SERVER, Children, Forked, Spawned
from infrastructure.media.confinement import ADDRESS_SPACE, FILE_SIZE, OPEN_FILES
from infrastructure.media.glass_box import GlassBox
from infrastructure.media.images import render
from infrastructure.media.render import PICTURE_CPU_SECONDS
from tests.contract.media.bright_films import BT2020, HLG, bright_film, difference, patches_of
from tests.contract.media.films import frames
from tests.contract.media.pictures import encoded, exif, gif, gif_frame, one_bit_png, png, quarters
from tests.patience import PATIENCE_SECONDS

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

Found = TypeVar("Found")

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def shell(script: str) -> Children:
    """Have children that run a shell script; $0, $1 and $2 are type, source and target."""
    return Spawned(("/bin/sh", "-c", script))


def confined(limit: str) -> Children:
    """Run the real program under a limit of the shell's."""
    return shell(f"ulimit {limit}; exec {' '.join(PROGRAM)} " + '"$0" "$@"')


WAYS = [pytest.param(Forked, id="forked", marks=linux), pytest.param(lambda: Spawned(PROGRAM), id="spawned")]


@pytest.fixture(params=WAYS)
async def family(request: pytest.FixtureRequest) -> AsyncIterator[Children]:
    """Start children in each of the ways there are."""
    way: Children = request.param()
    yield way
    await way.close()


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
    """List the ids of the running processes, other than ours, that were given a path, or forked here by a server."""
    numbers = [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()]
    return [each for each in numbers if each != os.getpid() and (_given(each, path) or _forked(each))]


def _given(process: int, path: Path) -> bool:
    return str(path).encode() in _read(Path(f"/proc/{process}/cmdline"))


def _forked(process: int) -> bool:
    server = _parent(process)
    return _serves(process) and _serves(server) and os.getpid() in {_parent(server), _parent(_parent(server))}


def _serves(process: int) -> bool:
    return SERVER[-1].encode() in _read(Path(f"/proc/{process}/cmdline"))


def _parent(process: int) -> int:
    return int((_read(Path(f"/proc/{process}/stat")).rpartition(b")")[2].split() or [b"", b"0"])[1])


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
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (found := look()):  # noqa: ASYNC110 - other processes set none of our events
            await asyncio.sleep(0.01)
    return found


async def unheard(part: float) -> None:
    """Take no notice of how far it is."""


async def failure(box: GlassBox, source: Path, target: Path, mime_type: str = "image/jpeg") -> RenderingFailedError:
    with pytest.raises(RenderingFailedError) as failed:
        await box.render(source, mime_type, target, unheard)
    return failed.value


async def test_a_picture_is_rendered_as_it_is_in_process(
    family: Children, source: Path, target: Path, tmp_path: Path
) -> None:
    made = await GlassBox(family=family).render(source, "image/jpeg", target, unheard)

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


async def test_a_truncated_picture_is_invalid(family: Children, source: Path, target: Path) -> None:
    feed(source, encoded(quarters(80, 40), "JPEG")[:500])

    assert (await failure(GlassBox(family=family), source, target)).reason is FailureReason.MEDIA_INVALID


async def test_a_bomb_is_beyond_the_limits(family: Children, source: Path, target: Path) -> None:
    feed(source, one_bit_png(12_000, 12_000))

    assert (await failure(GlassBox(family=family), source, target, "image/png")).reason is FailureReason.MEDIA_LIMITS


async def test_thousands_of_frames_are_beyond_the_limits(family: Children, source: Path, target: Path) -> None:
    feed(source, gif(500, 500, *[gif_frame(500, 500)] * 3000))

    assert (await failure(GlassBox(family=family), source, target, "image/gif")).reason is FailureReason.MEDIA_LIMITS


async def test_hands_that_are_tied_can_still_look_colours_up_in_a_table(
    family: Children, source: Path, target: Path
) -> None:
    feed(source, bright_film("mp4", "hevc", BT2020, HLG, [((128, 128, 128), 1.0), ((200, 150, 120), 1.0)]))

    made = await GlassBox(family=family).render(source, "video/mp4", target, unheard)

    grey, skin = patches_of(frames(made.media.read_bytes())[0], 2)
    assert difference(grey, (128, 128, 128)) <= 3
    assert difference(skin, (200, 150, 120)) <= 3


async def test_a_picture_that_needs_too_much_memory_is_beyond_the_limits(source: Path, target: Path) -> None:
    palette = (b"PLTE", bytes(6)), (b"tRNS", b"\x80\x80")
    feed(source, png(10_000, 10_000, 1, 3, bytes(1_251) * 10_000, *palette))

    failed = await failure(GlassBox(family=confined("-v 400000")), source, target, "image/png")

    assert failed.reason is FailureReason.MEDIA_LIMITS


async def test_a_child_that_uses_up_its_processor_time_is_beyond_the_limits(source: Path, target: Path) -> None:
    box = GlassBox(family=shell("ulimit -S -t 1; while :; do :; done"))

    assert (await failure(box, source, target)).reason is FailureReason.MEDIA_LIMITS


async def test_a_folder_that_is_not_there_is_no_fault_of_the_picture(
    family: Children, source: Path, target: Path
) -> None:
    failed = await failure(GlassBox(family=family), source, target / "gone")

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
    failed = await failure(GlassBox(family=shell(script)), source, target)

    assert failed.reason is FailureReason.PROCESSING_FAILED


async def test_a_crash_leaves_the_box_usable(source: Path, target: Path) -> None:
    box = GlassBox(children=1, family=shell('test -e "$2/again" && kill -SEGV $$; touch "$2/again"; echo "$0" >&2'))

    first, second = await failure(box, source, target), await failure(box, source, target)

    assert "image/jpeg" in "".join(first.__notes__)
    assert f"exit code {-signal.SIGSEGV}" in "".join(second.__notes__)


async def test_complaints_are_kept_in_part_and_never_stop_the_child(source: Path, target: Path) -> None:
    box = GlassBox(family=shell('head -c 1000000 /dev/zero | tr "\\0" x >&2; exit 1'))

    failed = await failure(box, source, target)

    assert 4_000 < len("".join(failed.__notes__)) < 5_000


@linux
async def test_a_child_that_takes_too_long_is_killed(family: Children, silence: Path, target: Path) -> None:
    failed = await failure(GlassBox(family=family, timeout_seconds=0.5), silence, target)

    assert failed.reason is FailureReason.MEDIA_LIMITS
    assert not processes_about(silence)


@linux
async def test_a_child_that_falls_silent_is_killed(family: Children, silence: Path, target: Path) -> None:
    failed = await failure(GlassBox(family=family, stalled_seconds=0.5), silence, target)

    assert failed.reason is FailureReason.MEDIA_LIMITS
    assert not processes_about(silence)


async def test_a_child_that_goes_on_speaking_is_given_its_time(source: Path, target: Path) -> None:
    speaking = "for part in 0.1 0.2 0.3 0.4 0.5 0.6 0.7; do echo '{\"reached\": '$part'}'; sleep 0.4; done"
    box = GlassBox(stalled_seconds=2.5, family=shell(f'{speaking}; echo \'{{"failed": "video_too_long"}}\''))
    heard: list[float] = []

    async def hear(part: float) -> None:
        heard.append(part)

    with pytest.raises(RenderingFailedError) as failed:
        await box.render(source, "video/mp4", target, hear)

    assert failed.value.reason is FailureReason.VIDEO_TOO_LONG
    assert heard == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]


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
    box = GlassBox(family=Spawned((sys.executable, "-c", textwrap.dedent(script))))

    assert "it could not" in "".join((await failure(box, source, target)).__notes__)


@linux
async def test_what_the_child_started_is_killed_with_it(silence: Path, target: Path) -> None:
    box = GlassBox(timeout_seconds=0.3, family=shell('/bin/sh -c "sleep 60; : $1" & wait'))

    failed = await failure(box, silence, target)

    assert failed.reason is FailureReason.MEDIA_LIMITS
    await seen(lambda: not processes_about(silence))


@linux
async def test_cancelling_kills_the_child(family: Children, silence: Path, target: Path) -> None:
    rendering = asyncio.create_task(GlassBox(family=family).render(silence, "image/jpeg", target, unheard))
    await seen(lambda: ready_about(silence))

    rendering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await rendering

    assert not processes_about(silence)


@linux
async def test_the_child_is_confined_alone_and_knows_no_secret(
    family: Children, silence: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORIES_JWT_SECRET", "CANARY_SECRET")
    rendering = asyncio.create_task(GlassBox(family=family).render(silence, "image/jpeg", target, unheard))
    (child,) = await seen(lambda: ready_about(silence))
    about = Path(f"/proc/{child}")
    await seen(lambda: f"Max cpu time              {PICTURE_CPU_SECONDS} ".encode() in _read(about / "limits"))
    await seen(lambda: _has_its_streams_alone(about))  # when all is loaded
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
    assert environment <= {b"PATH", b"PYTHONPATH", b"LC_CTYPE", b"GLIBC_TUNABLES"}
    assert session == child != os.getsid(0)
    assert stdin == Path(os.devnull)


def _has_its_streams_alone(process: Path) -> bool:
    """Whether a process has nothing else open; under uvloop it may have these twice."""
    with contextlib.suppress(FileNotFoundError):  # closed meanwhile
        held = {each.name: each.readlink() for each in (process / "fd").iterdir()}
        return {*held.values()} == {held[name] for name in "012"}
    return False


@linux
@pytest.mark.parametrize("way", ["Forked()", "Spawned(PROGRAM)"])
async def test_the_child_dies_with_a_parent_that_is_killed(silence: Path, target: Path, way: str) -> None:
    script = f"""
        import asyncio, sys
        from pathlib import Path
        from infrastructure.media.children import *
        from infrastructure.media.glass_box import GlassBox
        asyncio.run(GlassBox(family={way}).render(Path(sys.argv[1]), "image/jpeg", Path(sys.argv[2]), None))
    """
    sources = os.pathsep.join(sys.path)
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", textwrap.dedent(script), str(silence), str(target)),
        env={**os.environ, "PYTHONPATH": sources},
    )
    (child,) = await seen(lambda: [pid for pid in ready_about(silence) if pid != parent.pid])
    started = {child, _parent(child)} - {parent.pid}

    parent.kill()
    await parent.wait()

    await seen(lambda: not any(_serves(pid) or _given(pid, silence) for pid in started))


async def test_no_more_children_run_at_a_time_than_allowed(source: Path, target: Path) -> None:
    alone = 'mkdir "$2/in" || exit 3; sleep 0.05; rmdir "$2/in"; echo \'{"failed": "media_invalid"}\''
    box = GlassBox(children=1, family=shell(alone))

    failures = await asyncio.gather(*(failure(box, source, target) for _ in range(4)))

    assert {failed.reason for failed in failures} == {FailureReason.MEDIA_INVALID}


async def test_waiting_for_a_turn_is_not_counted_as_time(source: Path, target: Path) -> None:
    box = GlassBox(children=1, timeout_seconds=2, family=shell('sleep 0.6; echo \'{"failed": "media_invalid"}\''))

    failures = await asyncio.gather(*(failure(box, source, target) for _ in range(4)))

    assert {failed.reason for failed in failures} == {FailureReason.MEDIA_INVALID}


async def test_two_children_render_at_the_same_time(family: Children, tmp_path: Path) -> None:
    box, folders = GlassBox(family=family), [tmp_path / str(number) for number in range(4)]
    for number, folder in enumerate(folders):
        folder.mkdir()
        (folder / "source").write_bytes(encoded(Image.new("RGB", (10 + number, 20)), "PNG"))

    made = await asyncio.gather(*(box.render(folder / "source", "image/png", folder, unheard) for folder in folders))

    assert [each.width for each in made] == [10, 11, 12, 13]
    assert [each.media.parent for each in made] == folders


def serving(perform: str) -> Forked:
    """Have children that do something else; they are given ``arguments``."""
    script = f"""
import os, signal, socket, sys, time
from infrastructure.media import fork_server
from infrastructure.media.confinement import confine
def perform(arguments):
{textwrap.indent(textwrap.dedent(perform), "    ")}
fork_server.main(sys.argv[1:], perform)
"""
    return Forked((sys.executable, "-c", f"# {SERVER[-1]}\n{script}"))


@linux
async def test_a_forked_child_reaches_no_network_starts_no_program_and_kills_nobody(source: Path, target: Path) -> None:
    family = serving("""
        confine(cpu_seconds=60)
        could = []
        for attempt in (
            socket.socket,
            lambda: os.execv("/bin/true", ["true"]),
            lambda: os.kill(os.getppid(), signal.SIGKILL),
            lambda: os.killpg(0, signal.SIGKILL),
            os.setsid,
        ):
            try:
                attempt()
            except PermissionError:
                continue
            could.append(attempt)
        sys.exit(f"it could {could}")
    """)

    failed = await failure(GlassBox(family=family), source, target)
    await family.close()

    assert "it could []" in "".join(failed.__notes__)


@linux
async def test_what_a_forked_child_forks_is_killed_with_it(source: Path, target: Path) -> None:
    family = serving("""
        confine(cpu_seconds=60)
        if os.fork():
            print('{"failed": "media_invalid"}', flush=True)
        else:
            time.sleep(60)
    """)

    async with asyncio.timeout(30):
        failed = await failure(GlassBox(family=family), source, target)

    assert failed.reason is FailureReason.MEDIA_INVALID
    assert not processes_about(source)
    await family.close()


@linux
async def test_a_server_that_is_killed_takes_its_child_along_and_another_goes_on(
    source: Path, silence: Path, target: Path
) -> None:
    family = Forked()
    box = GlassBox(family=family)
    rendering = asyncio.create_task(failure(box, silence, target))
    (child,) = await seen(lambda: ready_about(silence))

    os.kill(_parent(child), signal.SIGKILL)

    assert (await rendering).reason is FailureReason.PROCESSING_FAILED
    await seen(lambda: not processes_about(silence))
    assert (await box.render(source, "image/jpeg", target, unheard)).width == 40
    await family.close()


@linux
async def test_an_idle_server_that_is_killed_is_replaced(source: Path, target: Path) -> None:
    family = serving("os.kill(os.getppid(), signal.SIGKILL)")
    killed = await failure(GlassBox(family=family), source, target)
    again = await failure(GlassBox(family=family), source, target)

    assert killed.reason is again.reason is FailureReason.PROCESSING_FAILED
    await family.close()


@linux
async def test_a_server_that_stands_still_is_killed_and_another_goes_on(
    source: Path, silence: Path, target: Path
) -> None:
    family = Forked(patience_seconds=1)
    rendering = asyncio.create_task(failure(GlassBox(family=family, timeout_seconds=3), silence, target))
    (child,) = await seen(lambda: ready_about(silence))

    os.kill(_parent(child), signal.SIGSTOP)

    assert (await rendering).reason is FailureReason.MEDIA_LIMITS
    await seen(lambda: not processes_about(silence))
    assert (await GlassBox(family=family).render(source, "image/jpeg", target, unheard)).width == 40
    await family.close()


@linux
async def test_after_a_crash_children_are_forked_by_another_server(silence: Path, target: Path) -> None:
    family, servers = Forked(), []
    for _ in range(3):
        rendering = asyncio.create_task(failure(GlassBox(family=family), silence, target))
        (child,) = await seen(lambda: ready_about(silence))
        servers.append(_parent(child))
        os.kill(child, signal.SIGSEGV)
        assert f"exit code {-signal.SIGSEGV}" in "".join((await rendering).__notes__)
    await family.close()

    assert len(set(servers)) == 3


@linux
async def test_a_server_that_cannot_start_is_no_fault_of_the_picture(source: Path, target: Path) -> None:
    for program in (("/bin/false",), ("/bin/sh", "-c", "sleep 0.2")):
        family = Forked(program)
        failed = await failure(GlassBox(family=family), source, target)
        await family.close()

        assert failed.reason is FailureReason.PROCESSING_FAILED

"""How a child that renders is started, heard and ended; what it does is `infrastructure.media.render`.

On Linux a fork server has loaded what children need, and each begins at once (`Forked`). Elsewhere each is a Python of
its own (`Spawned`): other systems' libraries are not made to be forked.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec

PROGRAM: Final = (sys.executable, "-P", "-m", "infrastructure.media.render")
"""The child. `-P`: a module in the working directory is not taken for one of the library."""

SERVER: Final = (sys.executable, "-P", "-m", "infrastructure.media.fork_server")
"""The fork server."""

LINE_BYTES: Final = 65_536
"""Of one line on standard output; an answer is a few hundred bytes."""

PATIENCE_SECONDS: Final = 5.0
"""Wall-clock seconds a fork server may take to kill a child; a process that is stopped would take for ever."""

_MEMORY: Final = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
"""Memory by large pages, where glibc and the kernel know them: a child asks for all it needs at once, and page by page
that takes a tenth of its time."""

_SOURCE_ROOT: Final = str(Path(__file__).resolve().parents[2])

_CRASHES: Final = frozenset(
    {signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGABRT, signal.SIGFPE, signal.SIGSYS}
)


class Child(Protocol):
    """One process and what it may have started.

    Attributes:
        words: its standard output.
        complaints: its standard error.
    """

    words: asyncio.StreamReader
    complaints: asyncio.StreamReader

    async def ended(self) -> int:
        """Wait until it ends by itself; answers its exit code, or the negative number of a signal."""
        ...

    async def end(self) -> None:
        """Kill what is left of it; when this returns, nothing is."""
        ...


class Children(Protocol):
    """Starts children."""

    async def start(self, mime_type: str, source: Path, target: Path) -> Child:
        """Start one, in a session of its own, without secrets in its environment.

        Raises:
            OSError: it cannot be started.
        """
        ...

    async def close(self) -> None:
        """Keep nothing."""
        ...


def ready_children() -> Children:
    """The quickest way there is on this system."""
    return Forked() if sys.platform == "linux" else Spawned(PROGRAM)


class Spawned:
    """Starts a program for each child.

    Args:
        program: it is given type, source and target, and speaks as `infrastructure.media.render` does.
    """

    def __init__(self, program: Sequence[str]) -> None:
        self._program = tuple(program)

    async def start(self, mime_type: str, source: Path, target: Path) -> Child:
        """As `Children`."""
        process = await asyncio.create_subprocess_exec(
            *self._program,
            mime_type,
            str(source),
            str(target),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(),
            start_new_session=True,
            limit=LINE_BYTES,
        )
        return _Program(process)

    async def close(self) -> None:
        """As `Children`."""


class _Program:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.words, self.complaints = _there(process.stdout), _there(process.stderr)

    async def ended(self) -> int:
        return await self._process.wait()

    async def end(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()


class Forked:
    """Has children forked by a server that is started with the first of them, and anew whenever it has died.

    A child that crashed may have been made to, by somebody who would like to know where in memory things are, and who
    would find them at the same places in the next child: no other child is forked by its server.

    Args:
        program: the server; it is given the number of a descriptor.
        patience_seconds: how long a server may take to kill a child; then it is killed itself.
    """

    def __init__(self, program: Sequence[str] = SERVER, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._program = tuple(program)
        self.patience_seconds = patience_seconds
        self._server: _Server | None = None
        self._retired: set[_Server] = set()

    async def start(self, mime_type: str, source: Path, target: Path) -> Child:
        """As `Children`."""
        request = msgspec.json.encode([mime_type, str(source), str(target)])
        self._retired = {each for each in self._retired if each.running()}
        ends = await _Ends.open()
        try:
            return _Fork(ends, self, self._asked(request, ends))
        except BaseException:
            ends.close()
            raise
        finally:
            ends.close_theirs()

    def _asked(self, request: bytes, ends: _Ends) -> _Server:
        """Ask the server, or a new one, for a child; answers who was asked."""
        if self._server is not None:
            if self._server.sent(request, ends):
                return self._server
            self._retire()
        # Not in a thread of a pool: the server dies with the thread that starts it.
        self._server = _Server(self._program)
        if not self._server.sent(request, ends):
            raise ChildProcessError("the fork server ended at once")
        return self._server

    async def close(self) -> None:
        """As `Children`; what is still running is killed."""
        self._retire()
        while self._retired:
            await self._retired.pop().end()

    def retire(self, server: _Server) -> None:
        """Let a server end with the last child it has; the next child is another's."""
        if server is self._server:
            self._retire()

    def _retire(self) -> None:
        if self._server is not None:
            self._server.let_go()
            self._retired.add(self._server)
            self._server = None


class _Server:
    """A fork server that runs."""

    def __init__(self, program: Sequence[str]) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.setblocking(False)  # noqa: FBT003 - the name of a method of sockets
        with theirs:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - our own program
                    (*program, str(theirs.fileno())),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env=_environment(),
                    start_new_session=True,
                    pass_fds=[theirs.fileno()],
                )
            except BaseException:
                self._control.close()
                raise

    def sent(self, request: bytes, ends: _Ends) -> bool:
        """Ask for a child; False if there is nobody to ask."""
        try:
            socket.send_fds(self._control, [request], ends.theirs)
        except OSError:
            return False
        return True

    def let_go(self) -> None:
        """Ask no more; the server ends when its last child has."""
        self._control.close()

    def running(self) -> bool:
        """Tell whether it has not ended yet."""
        return self._process.poll() is None

    def kill(self) -> None:
        """Kill it, and thereby its children."""
        self._process.kill()

    async def end(self) -> None:
        """End it now."""
        self.kill()
        await asyncio.to_thread(self._process.wait)


class _Ends:
    """Both ends of what a child and its parent are connected by: two pipes, and the leash.

    Attributes:
        theirs: descriptors, in the order in which a fork server takes them.
        words, complaints: what the pipes bring.
        leash: see `infrastructure.media.fork_server`.
    """

    def __init__(self) -> None:
        self.leash, self._collar = socket.socketpair()
        self.leash.setblocking(False)  # noqa: FBT003 - the name of a method of sockets
        self.words, self.complaints = asyncio.StreamReader(LINE_BYTES), asyncio.StreamReader(LINE_BYTES)
        self.theirs: list[int] = []
        self._transports: list[asyncio.ReadTransport] = []

    @classmethod
    async def open(cls) -> _Ends:
        """Make them."""
        ends = cls()
        try:
            for stream in (ends.words, ends.complaints):
                await ends._pipe(stream)
        except BaseException:
            ends.close_theirs()
            ends.close()
            raise
        ends.theirs.append(ends._collar.fileno())
        return ends

    async def _pipe(self, stream: asyncio.StreamReader) -> None:
        ours, theirs = os.pipe()
        self.theirs.append(theirs)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: _ToItsEnd(stream), os.fdopen(ours, "rb", 0)
        )
        self._transports.append(transport)

    def close_theirs(self) -> None:
        """Keep ours alone, so that each ends when the child does."""
        self._collar.close()
        for each in self.theirs[:2]:
            os.close(each)
        self.theirs.clear()

    def close(self) -> None:
        """Let go of ours."""
        self.leash.close()
        for each in self._transports:
            each.close()


class _ToItsEnd(asyncio.StreamReaderProtocol):
    def eof_received(self) -> bool:
        """Have the pipe closed; uvloop asks, asyncio would have done so anyway."""
        super().eof_received()
        return False


class _Fork:
    def __init__(self, ends: _Ends, family: Forked, server: _Server) -> None:
        self.words, self.complaints = ends.words, ends.complaints
        self._ends, self._family, self._server = ends, family, server
        self._code: int | None = None

    async def ended(self) -> int:
        if self._code is None:
            status = await asyncio.get_running_loop().sock_recv(self._ends.leash, 64)
            # Without a word it was killed with its server.
            self._code = os.waitstatus_to_exitcode(int(status)) if status else -signal.SIGKILL
            if not status or -self._code in _CRASHES:
                self._family.retire(self._server)
        return self._code

    async def end(self) -> None:
        try:
            with contextlib.suppress(OSError):
                self._ends.leash.shutdown(socket.SHUT_WR)
            async with asyncio.timeout(self._family.patience_seconds):
                await self.ended()
        except TimeoutError:
            self._server.kill()
            self._family.retire(self._server)
        finally:
            self._ends.leash.close()


def _there(stream: asyncio.StreamReader | None) -> asyncio.StreamReader:
    if stream is None:
        raise ValueError("asked for, and there")
    return stream


def _environment() -> dict[str, str]:
    """Collect what Python needs to find itself and this package, and nothing else of ours."""
    python_path = os.pathsep.join(filter(None, (_SOURCE_ROOT, os.environ.get("PYTHONPATH"))))
    return {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": python_path, **_MEMORY}

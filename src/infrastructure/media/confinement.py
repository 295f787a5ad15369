"""How a process that decodes what strangers sent ties its own hands: what it may use, and what it may ask for.

All of it is given up before the first byte is read, and cannot be taken back.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import resource
import signal
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

ADDRESS_SPACE: Final = 2 * 1024**3
"""Bytes of address space; see the table in `infrastructure.media.glass_box` for what is needed."""

FILE_SIZE: Final = 300_000_000
"""Bytes of the largest file that may be written: three times the largest upload."""

OPEN_FILES: Final = 64
"""File descriptors; a handful is in use at a time."""

# From <linux/prctl.h>, <linux/seccomp.h>, <linux/filter.h> and <linux/audit.h>.
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_SET_SECCOMP: Final = 22
_SECCOMP_MODE_FILTER: Final = 2
_LOAD: Final = 0x20
_JUMP_IF_EQUAL: Final = 0x15
_RETURN: Final = 0x06
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050000 | errno.EPERM
_KILL: Final = 0x80000000
_NUMBER_AT: Final = 0
_ARCHITECTURE_AT: Final = 4

_REFUSED: Final[Mapping[str, tuple[int, tuple[int, ...]]]] = {
    "x86_64": (
        0xC000003E,
        (41, 42, 49, 44, 46, 59, 322, 101, 425, 310, 311, 165, 112, 109, 62, 200, 234, 129, 297, 424),
    ),
    "aarch64": (
        0xC00000B7,
        (198, 203, 200, 206, 211, 221, 281, 117, 425, 270, 271, 40, 157, 154, 129, 130, 131, 138, 240, 424),
    ),
}
"""By machine: how the kernel calls it, and the numbers of the calls with which a process reaches the network, starts a
program, looks into others, leaves the group that is killed with it, or kills: socket, connect, bind, sendto, sendmsg,
execve, execveat, ptrace, io_uring_setup, process_vm_readv, process_vm_writev, mount, setsid, setpgid, kill, tkill,
tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo, pidfd_send_signal. No decoder needs one of them (what gives itself up by
`abort` is stopped by the instruction after it). The x32 calls of x86-64 have numbers of their own, from
2**30 on: none of those is made either."""
_X32: Final = 1 << 30
_JUMP_IF_AT_LEAST: Final = 0x35


def confine(*, cpu_seconds: int) -> None:
    """Die with the parent, keep within limits, reach no network and start no program."""
    die_with_parent()
    _die_first()
    _keep_within_limits(cpu_seconds)
    _refuse_calls()


def die_with_parent(parent: int | None = None) -> None:
    """Ask Linux to end this process with the thread that started it.

    Elsewhere, and if a parent that is not named was gone before this ran, the limits bound the orphan.

    Args:
        parent: who it was; if it is somebody else by now, this process ends.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def keep_few_files() -> None:
    """Have at most `OPEN_FILES` open from now on, also in all children to come."""
    _limit(resource.RLIMIT_NOFILE, OPEN_FILES, 0)


def _keep_within_limits(cpu_seconds: int) -> None:
    """Set the limits, or the stricter ones that were inherited; each with how much higher the hard one is."""
    limits = {
        resource.RLIMIT_AS: (ADDRESS_SPACE, 0),
        # The signal that tells why, SIGXCPU, is sent at the soft limit only if the hard one has not killed it already.
        resource.RLIMIT_CPU: (cpu_seconds, 1),
        resource.RLIMIT_FSIZE: (FILE_SIZE, 0),
        resource.RLIMIT_NOFILE: (OPEN_FILES, 0),
        # A crash is to be expected once in a while, and its dump would hold somebody's picture.
        resource.RLIMIT_CORE: (0, 0),
    }
    for limit, (wanted, grace) in limits.items():
        _limit(limit, wanted, grace)


def _limit(limit: int, wanted: int, grace: int) -> None:
    _, inherited = resource.getrlimit(limit)
    hard = wanted + grace
    if inherited != resource.RLIM_INFINITY:
        hard = min(hard, inherited)
    # Where the kernel does not know a limit (address space on macOS), the others still hold.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(limit, (max(hard - grace, 0), hard))


def _die_first() -> None:
    """Ask Linux to end this process before any other when memory runs out."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _refuse_calls() -> None:
    """Have Linux refuse the calls above to this process and all its threads (seccomp(2)).

    Where the machine is another, or the kernel was built without, the decoders still open nothing but their file.
    """
    known = _REFUSED.get(os.uname().machine)
    if sys.platform != "linux" or known is None:
        return
    code = _filter(*known)
    instructions = ctypes.create_string_buffer(code, len(code))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(instructions)))
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        library.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, program, 0, 0)


def _filter(architecture: int, refused: tuple[int, ...]) -> bytes:
    """The program that judges each call: eight bytes an instruction (bpf(4))."""

    def instruction(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
        return struct.pack("HBBI", code, then, otherwise, value)

    checks = [instruction(_JUMP_IF_EQUAL, number, then=len(refused) - place) for place, number in enumerate(refused)]
    return b"".join(
        [
            instruction(_LOAD, _ARCHITECTURE_AT),
            instruction(_JUMP_IF_EQUAL, architecture, then=1),
            instruction(_RETURN, _KILL),
            instruction(_LOAD, _NUMBER_AT),
            instruction(_JUMP_IF_AT_LEAST, _X32, then=len(refused) + 1),
            *checks,
            instruction(_RETURN, _ALLOW),
            instruction(_RETURN, _REFUSE),
        ]
    )

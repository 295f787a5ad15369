"""The process that is ready to render and never does: it forks the child that makes one rendition and ends.

``python -P -m infrastructure.media.fork_server <descriptor>``, where the descriptor is a Unix socket of whole messages.
Each message is a JSON list, type, source and folder, with three descriptors beside it: where the child speaks, where it
complains, and its *leash*, a socket. When the leash is let go, the child is killed, with all it may have started; when
it has ended, how is written there, as `os.waitpid` tells. When the socket of messages is closed, there will be no more
children; the server ends with the last of them.

What a child needs is loaded here, once. Nothing that strangers sent is read here, and nothing is started here that a
child would inherit: no thread, no connection, no secret.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Final, NamedTuple, NoReturn

from PIL import Image

from infrastructure.media import (
    images,  # noqa: F401 - what children need is loaded before there are any
    render,
)
from infrastructure.media.confinement import OPEN_FILES, die_with_parent, keep_few_files

MESSAGE_BYTES: Final = 32_768
"""Of a request: two paths and a few words."""

_DESCRIPTORS: Final = 3


Perform = Callable[[list[str]], None]


class _Child(NamedTuple):
    process: int
    leash: int


class _Request(NamedTuple):
    arguments: list[str]
    words: int
    complaints: int
    leash: int


def main(arguments: list[str], perform: Perform = render.main) -> None:
    """Fork children until nobody can ask for another.

    Args:
        arguments: the number of the descriptor.
        perform: what a child does with type, source and folder.
    """
    die_with_parent()
    keep_few_files()
    Image.preinit()
    # What is loaded by now stays: the collector shall not write into pages that all children share.
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=int(arguments[0])) as control:
        _serve(control, perform)


def _serve(control: socket.socket, perform: Perform) -> None:
    ended, bell = os.pipe()
    os.set_blocking(bell, False)  # as the interpreter demands; a full pipe rings as well
    signal.set_wakeup_fd(bell, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    asking = [control.fileno()]
    children: list[_Child] = []
    held: dict[int, _Child] = {}
    while asking or children:
        ready, _, _ = select.select([*asking, *held, ended], [], [])
        if ended in ready:
            os.read(ended, MESSAGE_BYTES)
        for leash in held.keys() & ready:
            _kill(held.pop(leash))
        for child in [child for child in children if _seen_off(child)]:
            children.remove(child)
            held.pop(child.leash, None)
        if asking and asking[0] in ready:
            request = _asked(control)
            if request is None:
                asking = []
            elif forked := _forked(request, perform):
                children.append(forked)
                held[forked.leash] = forked


def _asked(control: socket.socket) -> _Request | None:
    """The next request; None when nobody will ask any more."""
    message, descriptors, _, _ = socket.recv_fds(control, MESSAGE_BYTES, _DESCRIPTORS)
    return _Request(json.loads(message), *descriptors) if message else None


def _forked(request: _Request, perform: Perform) -> _Child | None:
    """Fork a child; None if the machine has no room for it, which the leash tells by its end."""
    server = os.getpid()
    try:
        process = os.fork()
    except OSError:
        os.close(request.leash)
        return None
    else:
        if not process:
            _become_child(server, request, perform)
        return _Child(process, request.leash)
    finally:
        os.close(request.words)
        os.close(request.complaints)


def _become_child(server: int, request: _Request, perform: Perform) -> NoReturn:
    """Be the child alone, keep nothing of the server's, render and end."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        die_with_parent(server)
        os.dup2(request.words, sys.stdout.fileno())
        os.dup2(request.complaints, sys.stderr.fileno())
        os.closerange(3, OPEN_FILES)
        perform(request.arguments)
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it is, a child never goes on as a server
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _kill(child: _Child) -> None:
    """Kill a child that nobody has seen off yet, so that its number is its own, and its process group."""
    for kill in (os.killpg, os.kill):  # it may not have come to have a group of its own
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(child.process, signal.SIGKILL)


def _seen_off(child: _Child) -> bool:
    """Tell whether a child has ended; if so, nothing is left of it, and whoever asked is told how."""
    if os.waitid(os.P_PID, child.process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        return False
    _kill(child)
    _, status = os.waitpid(child.process, 0)
    with contextlib.suppress(OSError):  # nobody may be there to hear it
        os.write(child.leash, str(status).encode())
    os.close(child.leash)
    return True


if __name__ == "__main__":
    main(sys.argv[1:])

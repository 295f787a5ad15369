"""What uploads at the same time cost the server and those who read meanwhile: ``make bench-uploads``.

Twenty files of 100 MB at once, within forms and to places of their own, and twenty texts as large, which are refused:
the server may grow by 256 MiB, and 99 of 100 reads take less than half a second. Ends with 1 if a promise is not kept.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import httpx

from tests.processes import Process, environment, processes, run
from tests.stage import jpeg

UPLOADS: Final = 20
MEGABYTES: Final = 100
GROWTH_MIB: Final = 256
"""What the server may grow by: the promise."""
READ_SECONDS: Final = 0.5
"""What 99 of 100 reads take at most: the promise."""

SHAPES: Final = {"a file in a form": 201, "a file to its own place": 200, "a text in a form": 413}
"""How bytes are sent, and how that is answered."""

_BLOCK: Final = bytes(1 << 20)
_EVERY_SECONDS: Final = 0.02


class Figures(NamedTuple):
    """What was seen.

    Attributes:
        statuses: of the uploads.
        seconds: how long they took in all.
        growth: of the server's memory at its peak, in MiB.
        reads: how long each read took, in seconds, the quickest first.
    """

    statuses: set[int]
    seconds: float
    growth: float
    reads: list[float]

    def percentile(self, part: float) -> float:
        """How long that part of the reads took at most, in seconds."""
        return self.reads[min(len(self.reads) - 1, int(len(self.reads) * part))]


class Site(NamedTuple):
    """A server, and a token for it."""

    server: Process
    token: str

    def ask(self, method: str, path: str, **request: object) -> httpx.Response:
        """Ask it as Alice."""
        return httpx.request(
            method,
            f"{self.server.url}{path}",
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=60,
            trust_env=False,
            **request,  # type: ignore[arg-type]
        )


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """The embedded server as a process of its own, warm."""
    env = environment(folder / "data", port="0", rate_limit_enabled="false")
    with processes(env, folder / "logs") as start:
        server = start("serve").ready()
        here = Site(server, run("token", "alice", env=env).stdout.strip())
        for number in range(3):
            files = {"media": (f"{number}.jpg", jpeg())}
            here.ask("POST", "/api/story/users/alice", files=files).raise_for_status()
            here.ask("GET", "/api/story/users/alice/active").raise_for_status()
        yield here


def measured(here: Site, shape: str, uploads: int, megabytes: int) -> Figures:
    """Send, read meanwhile, and watch the server's memory."""
    size = megabytes * 1_000_000
    sending = [_upload(here, shape, size) for _ in range(uploads)]
    before, peak, over = _resident(here.server.pid), [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(_EVERY_SECONDS):
            peak[0] = max(peak[0], _resident(here.server.pid))

    watching = threading.Thread(target=watch)
    watching.start()
    # The reader is a process of its own, so that it never waits for those who send.
    program = (sys.executable, "-m", "tests.bench.uploads", here.server.url, here.token)
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        reader.stdout.readline()  # it has begun
        began = time.perf_counter()
        with ThreadPoolExecutor(uploads) as pool:
            statuses = set(pool.map(lambda send: send(), sending))
        seconds = time.perf_counter() - began
        told, _ = reader.communicate()
    over.set()
    watching.join()
    return Figures(statuses, seconds, peak[0] - before, sorted(float(each) for each in told.split()))


def read(url: str, token: str) -> None:
    """Read again and again until nobody listens any more; tells how long each took."""
    told = list[float]()
    ended = threading.Thread(target=sys.stdin.read)
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=60, trust_env=False) as client:
        client.get(f"{url}/api/story/users/alice/active").raise_for_status()
        print("reading", flush=True)
        ended.start()
        while ended.is_alive():
            began = time.perf_counter()
            client.get(f"{url}/api/story/users/alice/active").raise_for_status()
            told.append(time.perf_counter() - began)
            time.sleep(_EVERY_SECONDS)
    print(*told)


def _upload(here: Site, shape: str, size: int) -> Callable[[], int]:
    """Prepare one upload; what comes back sends it, and answers the status."""
    if shape == "a file to its own place":
        announced = {"size": size, "mimeType": "image/jpeg"}
        begun = here.ask("POST", "/api/story/users/alice/uploads", json=announced)
        path = urlsplit(begun.raise_for_status().json()["data"]["uploadUrl"]).path
        return lambda: _sent(here, f"PUT {path}", "image/jpeg", (jpeg(), size - len(jpeg()), b""))
    named = 'name="media"; filename="a.jpg"' if shape == "a file in a form" else 'name="caption"'
    before = f"--b\r\nContent-Disposition: form-data; {named}\r\n\r\n".encode() + jpeg()
    form = "multipart/form-data; boundary=b"
    return lambda: _sent(here, "POST /api/story/users/alice", form, (before, size - len(jpeg()), b"\r\n--b--\r\n"))


def _sent(here: Site, target: str, kind: str, parts: tuple[bytes, int, bytes]) -> int:
    """Send beginning, filling and end over a connection of its own; the status, which may come before all is sent."""
    address, (before, middle, after) = urlsplit(here.server.url), parts
    head = (
        f"{target} HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\nContent-Type: {kind}\r\n"
        f"Authorization: Bearer {here.token}\r\nContent-Length: {len(before) + middle + len(after)}\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port), timeout=300) as connection:
        try:
            connection.sendall(head.encode() + before)
            for at in range(0, middle, len(_BLOCK)):
                connection.sendall(_BLOCK[: middle - at])
            connection.sendall(after)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all was sent
        answer = connection.recv(4096)
        return int(answer.split()[1])


def _resident(process: int) -> float:
    """Memory of a process, in MiB."""
    (kilobytes,) = re.findall(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(kilobytes) / 1024


def main() -> int:
    """Measure each shape, print, and judge."""
    kept = True
    print(f"{UPLOADS} times {MEGABYTES} MB at once; promised: {GROWTH_MIB} MiB, {READ_SECONDS * 1000:.0f} ms")
    for shape, status in SHAPES.items():
        folder = Path(tempfile.mkdtemp())
        try:
            with site(folder) as here:
                seen = measured(here, shape, UPLOADS, MEGABYTES)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        slowest = seen.percentile(0.99)
        kept = kept and seen.statuses == {status} and seen.growth <= GROWTH_MIB and slowest <= READ_SECONDS
        print(
            f"  {shape:24} {seen.statuses} in {seen.seconds:5.1f} s; the server grew by {seen.growth:4.0f} MiB;"
            f" {len(seen.reads)} reads: {seen.percentile(0.5) * 1000:.0f} ms, 99 %: {slowest * 1000:.0f} ms"
        )
    return 0 if kept else 1


if __name__ == "__main__":
    if len(sys.argv) > 1:
        read(sys.argv[1], sys.argv[2])
    else:
        sys.exit(main())

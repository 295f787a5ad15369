"""A folder and S3 keep the same promises."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import obstore
import pytest

from application.ports.errors import ObjectMissingError, UnavailableError
from application.ports.media import Blob, ObjectStore
from infrastructure.media.objects import StoredObjects, open_store
from tests.patience import PATIENCE_SECONDS
from tests.processes import eventually
from tests.s3 import S3, Bucket, serve_s3

pytestmark = pytest.mark.slow

MIB = 1 << 20
GIVEN_UP_SECONDS = 30
"""Within this long a store that does not answer has to be given up: it is tried for ten, and read from for ten."""
BYTES = random.Random(0).randbytes(12 * MIB)


@dataclass(frozen=True)
class Place:
    """Where a store keeps its objects, as its owner sees it."""

    folder: Path
    bucket: Bucket | None
    prefix: str

    @property
    def url(self) -> str | None:
        """What the service is told of it; None: the folder."""
        return f"s3://{self.bucket.name}/{self.prefix}" if self.bucket else None

    def open(self) -> ObjectStore:
        return StoredObjects(open_store(self.url, self.folder))

    def everything(self) -> list[str]:
        """The keys of whatever lies there or around there; in a folder unfinished files, too."""
        if self.bucket is None:
            return sorted(
                str(path.relative_to(self.folder.parent)) for path in self.folder.parent.rglob("*") if path.is_file()
            )
        listed = obstore.list(self.bucket.open()).collect()
        return sorted(each["path"] for each in listed)

    def weight(self) -> int:
        """Bytes of whatever lies there, finished or not."""
        if self.bucket is not None:
            return self.bucket.weight()
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def keys(self) -> list[str]:
        """What lies inside."""
        root = f"{self.prefix if self.bucket else self.folder.name}/"
        return [path.removeprefix(root) for path in self.everything() if path.startswith(root)]


@pytest.fixture(scope="session")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    with serve_s3(tmp_path_factory.mktemp("swift")) as bucket:
        yield bucket


@pytest.fixture(params=["folder", pytest.param("s3", marks=S3)])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    if request.param == "folder":
        return Place(folder=tmp_path / "media", bucket=None, prefix="")
    bucket: Bucket = request.getfixturevalue("bucket")
    introduce(bucket, monkeypatch)
    return Place(folder=tmp_path / "media", bucket=bucket, prefix=f"{uuid.uuid4().hex}/media")


@pytest.fixture
def store(place: Place) -> ObjectStore:
    return place.open()


def introduce(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)


async def send(*chunks: bytes, then: Exception | None = None) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    if then is not None:
        raise then


async def read(blob: Blob) -> bytes:
    return b"".join([chunk async for chunk in blob.chunks])


# --- what goes in comes out ---------------------------------------------------------------------------------------


@pytest.mark.says(
    "story:architecture media-storage-s3  ",
    "story:architecture media-storage-s3 ",
    "story:architecture media-storage-s3",
)
@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param([], id="no chunk at all"),
        pytest.param([0], id="an empty chunk"),
        pytest.param([1] * 300, id="single bytes"),
        pytest.param([3, 0, 4], id="an empty chunk in the middle"),
        pytest.param([0, 0, 70_001, 0], id="empty chunks at both ends"),
        pytest.param([5 * MIB], id="exactly one part"),
        pytest.param([5 * MIB - 1, 0, 1, 0, 1], id="one part and a byte, with empty chunks around the border"),
        pytest.param([1 << 16] * 192, id="12 MiB by 64 KiB"),
        pytest.param([12 * MIB], id="12 MiB at once"),
        pytest.param([6 * MIB, 0, 6 * MIB - 5], id="an empty chunk between large ones"),
    ],
)
async def test_the_bytes_that_were_put_are_read(store: ObjectStore, sizes: list[int]) -> None:
    ends = [sum(sizes[: index + 1]) for index in range(len(sizes))]
    chunks = [BYTES[end - size : end] for size, end in zip(sizes, ends, strict=True)]
    await store.put("org=acme/media/a", send(*chunks))
    blob = await store.get("org=acme/media/a")
    assert (blob.size, blob.start, blob.stop) == (sum(sizes), 0, sum(sizes))
    assert await read(blob) == BYTES[: sum(sizes)]


async def test_an_object_is_read_in_chunks_not_at_once(store: ObjectStore) -> None:
    await store.put("large", send(BYTES))
    assert max([len(chunk) async for chunk in (await store.get("large")).chunks]) < 3 * MIB


@pytest.mark.parametrize(
    ("start", "stop", "first", "last"),
    [
        (0, 1, 0, 1),
        (0, 100, 0, 100),
        (37, 42, 37, 42),
        (99, 100, 99, 100),
        (60, None, 60, 100),
        (60, 101, 60, 100),
        (0, 10**15, 0, 100),
        (99, None, 99, 100),
    ],
)
async def test_a_part_is_read_from_its_start_up_to_its_stop(
    store: ObjectStore, start: int, stop: int | None, first: int, last: int
) -> None:
    await store.put("key", send(BYTES[:100]))
    blob = await store.get("key", start=start, stop=stop)
    assert (blob.size, blob.start, blob.stop) == (100, first, last)
    assert await read(blob) == BYTES[first:last]


async def test_a_part_in_the_middle_of_a_large_object_is_read(store: ObjectStore) -> None:
    await store.put("large", send(BYTES))
    blob = await store.get("large", start=5 * MIB - 3, stop=5 * MIB + 3)
    assert blob.size == len(BYTES)
    assert await read(blob) == BYTES[5 * MIB - 3 : 5 * MIB + 3]


@pytest.mark.parametrize(
    ("start", "stop"), [(100, None), (100, 101), (250, None), (10**15, None), (5, 5), (0, 0), (7, 3)]
)
async def test_a_part_that_has_no_bytes_is_empty_and_tells_the_size(
    store: ObjectStore, start: int, stop: int | None
) -> None:
    await store.put("key", send(BYTES[:100]))
    blob = await store.get("key", start=start, stop=stop)
    assert (blob.size, blob.start, blob.stop) == (100, start, start)
    assert await read(blob) == b""


async def test_an_empty_object_has_only_empty_parts(store: ObjectStore) -> None:
    await store.put("empty", send())
    for start, stop in [(0, None), (0, 5), (1, None)]:
        blob = await store.get("empty", start=start, stop=stop)
        assert (blob.size, await read(blob)) == (0, b"")


@pytest.mark.parametrize(("start", "stop"), [(0, None), (0, 5), (3, None)])
async def test_an_object_that_is_not_there_is_missing(store: ObjectStore, start: int, stop: int | None) -> None:
    await store.put("org=acme/media/a", send(b"a"))
    for key in ("org=acme/media/b", "org=acme/media"):
        with pytest.raises(ObjectMissingError):
            await store.get(key, start=start, stop=stop)


async def test_a_second_object_under_a_key_replaces_the_first(store: ObjectStore) -> None:
    for data in (b"a longer first", b"second", BYTES[: 6 * MIB], b"fourth"):
        await store.put("key", send(data))
        assert await read(await store.get("key")) == data


async def test_many_objects_are_written_read_and_deleted_at_the_same_time(place: Place, store: ObjectStore) -> None:
    async def round_trip(number: int) -> None:
        key, data = f"org=acme/{number % 3}/{number}", BYTES[number : number + 1000 * number]
        await store.put(key, send(data[:10], data[10:]))
        assert await read(await store.get(key)) == data
        if number % 2:
            await store.delete([key])

    await asyncio.gather(*(round_trip(number) for number in range(40)))
    assert place.keys() == sorted(f"org=acme/{number % 3}/{number}" for number in range(0, 40, 2))


# --- what does not go in leaves nothing ---------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ConnectionResetError("reset"), FileNotFoundError("gone"), LookupError("mine")])
@pytest.mark.parametrize("before", [0, 3, 5 * MIB, 6 * MIB, 11 * MIB])
async def test_what_the_chunks_raise_is_raised_and_nothing_is_left(
    place: Place, store: ObjectStore, before: int, error: Exception
) -> None:
    weight = place.weight()
    with pytest.raises(type(error)) as raised:
        await store.put("org=acme/media/a", send(BYTES[:before], then=error))
    assert raised.value is error
    with pytest.raises(ObjectMissingError):
        await store.get("org=acme/media/a")
    assert (place.keys(), place.weight()) == ([], weight)


@pytest.mark.parametrize("before", [3, 6 * MIB])
async def test_a_replacement_that_fails_leaves_what_was_there(place: Place, store: ObjectStore, before: int) -> None:
    await store.put("key", send(b"first"))
    with pytest.raises(LookupError):
        await store.put("key", send(BYTES[:before], then=LookupError()))
    assert await read(await store.get("key")) == b"first"
    assert place.keys() == ["key"]


@pytest.mark.parametrize("before", [3, 6 * MIB, 11 * MIB])
async def test_a_put_that_is_cancelled_leaves_nothing(place: Place, store: ObjectStore, before: int) -> None:
    weight = place.weight()
    waiting = asyncio.Event()

    async def stuck() -> AsyncIterator[bytes]:
        yield BYTES[:before]
        waiting.set()
        await asyncio.Event().wait()

    putting = asyncio.create_task(store.put("key", stuck()))
    await waiting.wait()
    if before > 3:
        await asyncio.to_thread(eventually, lambda: place.weight() > weight, "a part lies there")
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    with pytest.raises(ObjectMissingError):
        await store.get("key")
    assert (place.keys(), place.weight()) == ([], weight)


async def test_deleted_objects_are_missing_and_the_others_stay(place: Place, store: ObjectStore) -> None:
    for key in ("a", "b/c", "b/d", "e"):
        await store.put(key, send(b"x"))
    await store.delete(iter(["never", "a", "b/never", "b/c", "a", "e"]))
    assert place.keys() == ["b/d"]
    with pytest.raises(ObjectMissingError):
        await store.get("a")


async def test_deleting_nothing_or_only_what_is_not_there_does_nothing(place: Place, store: ObjectStore) -> None:
    await store.delete([])
    await store.delete(["never", "org=acme/never"])
    assert place.keys() == []


async def test_a_copy_is_an_object_of_its_own(store: ObjectStore) -> None:
    await store.put("one", send(b"bytes"))
    await store.copy("one", "two")
    await store.delete(["one"])
    assert await read(await store.get("two")) == b"bytes"


async def test_of_an_object_that_is_not_there_no_copy_is_made(place: Place, store: ObjectStore) -> None:
    with pytest.raises(ObjectMissingError):
        await store.copy("none", "two")
    assert place.keys() == []


async def test_it_is_known_which_objects_there_are(store: ObjectStore) -> None:
    await store.put("org=a/one", send(b"1"))
    assert (await store.has("org=a/one"), await store.has("org=a/two")) == (True, False)


async def test_all_objects_are_listed_with_their_size_and_time(store: ObjectStore) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    for number in range(3):
        await store.put(f"org=a/media/{number}", send(bytes(number)))
    listed = [each async for batch in store.listed() for each in batch]
    assert sorted((each.key, each.size) for each in listed) == [(f"org=a/media/{size}", size) for size in range(3)]
    assert all(before <= each.written_at <= datetime.now(UTC) + timedelta(seconds=2) for each in listed)


async def test_a_folder_makes_no_links(tmp_path: Path) -> None:
    store = StoredObjects(open_store(None, tmp_path))
    assert await store.sign("GET", "one", seconds=60) is None


@pytest.mark.s3
@pytest.mark.xdist_group("s3")
async def test_a_link_gives_or_takes_one_object_and_no_other(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    introduce(bucket, monkeypatch)
    store = StoredObjects(open_store(f"s3://{bucket.name}/{uuid.uuid4().hex}", Path()))
    await store.put("picture", send(b"pixels"), "image/webp")
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as client:
        given = str(await store.sign("GET", "picture", seconds=60))
        answer = await client.get(given)
        assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"pixels", "image/webp")
        for spoiled in (given.replace("picture", "other"), f"{given}&response-content-type=text/html"):
            assert (await client.get(spoiled)).status_code == 403
        for method in ("PUT", "DELETE"):
            assert (await client.request(method, given, content=b"x")).status_code == 403
        taken = str(await store.sign("PUT", "upload", seconds=60))
        assert (await client.put(taken, content=b"sent", headers={"Content-Type": "image/png"})).status_code == 200
    assert await read(await store.get("upload")) == b"sent"


async def test_a_check_leaves_nothing(place: Place, store: ObjectStore) -> None:
    await store.check()
    assert place.keys() == []


# --- keys stay where they belong ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    [
        "org=acme/media/0f4e9c7ab1d84c1f9e0b5d6a3c2f7e81",
        "org=../x",
        "org=..\\..\\x",
        "org=%2e%2e%2f..%2f/x",
        "org=a b+c&d?e/x",
        "org=münchen/x",
        "org=~/x",
    ],
)
async def test_every_key_lies_inside_the_store(place: Place, store: ObjectStore, key: str) -> None:
    around = place.everything()
    await store.put(key, send(b"x"))
    assert await read(await store.get(key)) == b"x"
    assert place.keys() == [key]
    assert len(place.everything()) == len(around) + 1
    if place.bucket is None:
        assert (place.folder / key).resolve().is_relative_to(place.folder.resolve())
    await store.delete([key])
    assert place.everything() == around


@pytest.mark.parametrize("key", ["../x", "a/../../x", "..", "a/./b", "a//b"])
async def test_a_key_that_leads_elsewhere_is_refused(place: Place, store: ObjectStore, key: str) -> None:
    around = place.everything()
    for refused in (store.put(key, send(b"x")), store.get(key), store.delete([key])):
        with pytest.raises((ValueError, TypeError), match="path"):
            await refused
    assert place.everything() == around


@pytest.mark.s3
@pytest.mark.xdist_group("s3")
@pytest.mark.parametrize("prefix", ["", "/", "/one", "/one/", "/one/two=2"])
async def test_a_url_names_the_bucket_and_where_in_it(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, prefix: str
) -> None:
    introduce(bucket, monkeypatch)
    store = StoredObjects(open_store(f"s3://{bucket.name}{prefix}", tmp_path / "media"))
    key = uuid.uuid4().hex
    await store.put(key, send(b"x"))
    there = f"{prefix.strip('/')}/{key}".lstrip("/")
    assert obstore.head(bucket.open(), there)["size"] == 1
    await store.delete([key])
    assert not (tmp_path / "media").exists()


# --- a store that is away -----------------------------------------------------------------------------------------


async def assert_given_up(store: ObjectStore) -> None:
    """Whatever is asked of it, it is unavailable, and soon."""
    async with asyncio.timeout(GIVEN_UP_SECONDS):
        outcomes = await asyncio.gather(
            store.check(),
            store.put("key", send(b"x")),
            store.put("key", send(BYTES)),
            store.get("key"),
            store.get("key", start=1),
            store.delete(["key"]),
            return_exceptions=True,
        )
    assert [type(each) for each in outcomes] == [UnavailableError] * len(outcomes)


async def test_what_a_killed_writer_has_left_in_a_folder_goes_with_the_object(tmp_path: Path) -> None:
    store = Place(folder=tmp_path, bucket=None, prefix="").open()
    key = "org=acme/uploads/0123"
    folder = tmp_path / "org=acme" / "uploads"
    folder.mkdir(parents=True)
    for name in ("0123#1", "0123#2", "01234#1"):
        (folder / name).write_bytes(b"x")
    await store.delete([key])
    assert os.listdir(folder) == ["01234#1"]  # noqa: PTH208 - within a coroutine, and as quick


async def test_a_folder_that_vanishes_under_an_object_is_unavailable(tmp_path: Path) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield BYTES[: 6 * MIB]
        shutil.rmtree(tmp_path / "media")

    store = StoredObjects(open_store(None, tmp_path / "media"))
    with pytest.raises(UnavailableError):
        await store.put("key", chunks())


async def test_a_folder_that_is_none_any_more_is_unavailable(tmp_path: Path) -> None:
    store = StoredObjects(open_store(None, tmp_path / "media"))
    (tmp_path / "media").rmdir()
    (tmp_path / "media").write_bytes(b"")
    with pytest.raises(UnavailableError):
        await store.check()
    with pytest.raises(UnavailableError):
        await store.put("key", send(BYTES))


@pytest.mark.s3
@pytest.mark.xdist_group("s3")
async def test_a_wrong_secret_is_unavailable(bucket: Bucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    introduce(bucket, monkeypatch)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    await assert_given_up(StoredObjects(open_store(f"s3://{bucket.name}/x", tmp_path)))


async def test_an_endpoint_that_nobody_serves_is_unavailable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    introduce(Bucket(endpoint="http://127.0.0.1:1", disk=tmp_path), monkeypatch)
    await assert_given_up(StoredObjects(open_store("s3://stories/x", tmp_path)))


@pytest.mark.s3
@pytest.mark.slow
async def test_an_endpoint_that_never_answers_is_unavailable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with answering(None) as endpoint:
        introduce(Bucket(endpoint=endpoint, disk=tmp_path), monkeypatch)
        await assert_given_up(StoredObjects(open_store("s3://stories/x", tmp_path)))


async def test_an_endpoint_that_hangs_up_amid_the_bytes_is_unavailable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    head = 'HTTP/1.1 200 OK\r\nETag: "x"\r\nLast-Modified: Sun, 22 Nov 2026 08:00:00 GMT\r\nContent-Length: 9\r\n\r\n'
    async with answering(head.encode() + b"half") as endpoint:
        introduce(Bucket(endpoint=endpoint, disk=tmp_path), monkeypatch)
        blob = await StoredObjects(open_store("s3://stories/x", tmp_path)).get("key")
        async with asyncio.timeout(GIVEN_UP_SECONDS):
            with pytest.raises(UnavailableError):
                await read(blob)


@asynccontextmanager
async def answering(answer: bytes | None) -> AsyncIterator[str]:
    """An endpoint that answers every request with the same and hangs up; None: one that never says a word."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}"


# --- processes ----------------------------------------------------------------------------------------------------

STREAM = """
import asyncio, sys
from pathlib import Path
from infrastructure.media.objects import StoredObjects, open_store

async def chunks(number):
    for _ in range(number):
        yield bytes(1 << 16)

def peak():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024

async def main():
    store = StoredObjects(open_store(sys.argv[1] or None, Path(sys.argv[2])))
    await store.put("small", chunks(1))
    before = peak()
    await store.put("large", chunks(960))
    after_put = peak()
    async for chunk in (await store.get("large")).chunks:
        pass
    print(after_put - before, peak() - after_put)

asyncio.run(main())
"""

CHECK = """
import asyncio, sys
from pathlib import Path
from infrastructure.media.objects import StoredObjects, open_store

asyncio.run(StoredObjects(open_store(sys.argv[1] or None, Path(sys.argv[2]))).check())
"""


def command(script: str, place: Place) -> list[str]:
    return [sys.executable, "-c", script, place.url or "", str(place.folder)]


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux how much memory a process has had")
def test_sixty_megabytes_pass_through_far_less_memory(place: Place) -> None:
    ran = subprocess.run(command(STREAM, place), stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    while_putting, while_getting = map(int, ran.stdout.split())
    assert while_putting < 30
    assert while_getting < 20


def test_a_process_that_ends_at_once_ends_well(place: Place) -> None:
    running = [subprocess.Popen(command(CHECK, place), stderr=subprocess.PIPE, text=True) for _ in range(8)]
    said = [each.communicate(timeout=60)[1] for each in running]
    assert [each.returncode for each in running] == [0] * len(running), said

"""Receiving the bytes of an upload: streamed, counted, looked at, and taken once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from application.commands.begin_upload import UPLOAD_MAX_BYTES, BeginUpload
from application.commands.discard_upload import DiscardUpload
from application.commands.post_story import PostStory
from application.commands.receive_upload import (
    ENOUGH_BYTES,
    HEAD_BYTES,
    FileTooLargeError,
    ReceiveUpload,
    ReceiveUploadHandler,
)
from application.ports.errors import (
    ConcurrentChangeError,
    MediaInvalidError,
    MediaTooLargeError,
    UnavailableError,
    UnsupportedMediaError,
)
from application.ports.media import Upload
from domain.audience import Audience
from domain.content import Kind
from domain.errors import ConflictError, InvalidError, NotFoundError
from domain.values import Lifetime, MediaFileId
from tests.stage import Stage, chunks_of, jpeg
from tests.unit.application.doubles import CountingObjects, MemoryObjects, SayingInspector, Source
from tests.unit.application.scenes import let_upload_expire

MEGABYTE = bytes(1_048_576)


async def begin(stage: Stage, owner: str = "alice", size: int | None = None) -> Upload:
    return (await stage.container.begin_upload()(BeginUpload(caller=stage.caller(owner), size=size))).upload


async def receive(
    stage: Stage,
    media_file: MediaFileId,
    chunks: AsyncIterator[bytes],
    *,
    who: str = "alice",
    into: ReceiveUploadHandler | None = None,
) -> Upload:
    handler = into or stage.container.receive_upload()
    return await handler(ReceiveUpload(caller=stage.caller(who), media_file=media_file, chunks=chunks))


def handler_over(stage: Stage, store: MemoryObjects, inspector: SayingInspector | None = None) -> ReceiveUploadHandler:
    return ReceiveUploadHandler(stage.container.unit_of_work(), store, inspector or SayingInspector())


async def test_what_came_is_kept_counted_and_known_by_its_bytes(stage: Stage, objects: MemoryObjects) -> None:
    begun, picture = await begin(stage), jpeg()
    received = await receive(stage, begun.id, chunks_of(picture, 100))
    assert (received.size, received.kind, received.mime_type) == (len(picture), Kind.IMAGE, "image/jpeg")
    assert objects.held == {received.key: picture}
    assert str(received.key).startswith("org=test/uploads/")
    async with stage.container.unit_of_work().begin(stage.org) as tx:
        assert await tx.uploads.get(begun.id) == received


# --- size ---------------------------------------------------------------------------------------------------------


async def test_the_largest_file_is_taken_and_only_its_head_is_looked_at(stage: Stage) -> None:
    begun, store, inspector = await begin(stage), CountingObjects(), SayingInspector()
    source = Source(MEGABYTE, UPLOAD_MAX_BYTES // len(MEGABYTE))
    received = await receive(stage, begun.id, aiter(source), into=handler_over(stage, store, inspector))
    assert received.size == store.sizes[str(received.key)] == UPLOAD_MAX_BYTES
    assert inspector.shown == [(ENOUGH_BYTES, False), (HEAD_BYTES, False)]


async def test_a_head_that_comes_in_uneven_chunks_is_cut_at_its_end(stage: Stage) -> None:
    begun, inspector = await begin(stage), SayingInspector()
    source = Source(bytes(700_000), 2)
    await receive(stage, begun.id, aiter(source), into=handler_over(stage, CountingObjects(), inspector))
    assert inspector.shown == [(ENOUGH_BYTES, False), (HEAD_BYTES, False)]


async def test_of_a_small_file_all_is_looked_at(stage: Stage) -> None:
    begun, inspector = await begin(stage), SayingInspector()
    source = Source(bytes(HEAD_BYTES), 1)
    await receive(stage, begun.id, aiter(source), into=handler_over(stage, CountingObjects(), inspector))
    assert inspector.shown == [(ENOUGH_BYTES, False), (HEAD_BYTES, True)]


async def test_a_chunk_is_passed_on_before_the_next_is_taken(stage: Stage) -> None:
    source = Source(MEGABYTE, 5)

    class WatchingObjects(CountingObjects):
        async def put(self, key: str, chunks: AsyncIterator[bytes], mime_type: str | None = None) -> None:
            taken = 0
            async for _ in chunks:
                taken += 1
                assert source.sent == taken
            assert taken == 5

    begun = await begin(stage)
    await receive(stage, begun.id, aiter(source), into=handler_over(stage, WatchingObjects()))


async def test_one_byte_too_much_is_refused_as_soon_as_it_comes_and_nothing_is_kept(stage: Stage) -> None:
    begun, store = await begin(stage), CountingObjects()
    source = Source(MEGABYTE, 1_000, first=b"x")
    with pytest.raises(FileTooLargeError):
        await receive(stage, begun.id, aiter(source), into=handler_over(stage, store))
    assert source.sent == 1 + UPLOAD_MAX_BYTES // len(MEGABYTE)
    assert store.sizes == {}


async def test_a_file_of_the_announced_size_is_taken(stage: Stage) -> None:
    begun = await begin(stage, size=len(jpeg()))
    assert (await receive(stage, begun.id, chunks_of(jpeg()))).size == len(jpeg())


@pytest.mark.parametrize("more", [-1, 1])
async def test_a_file_of_another_than_the_announced_size_is_refused(stage: Stage, more: int) -> None:
    begun = await begin(stage, size=len(jpeg()) + more)
    with pytest.raises(InvalidError) as caught:
        await receive(stage, begun.id, chunks_of(jpeg()))
    assert caught.value.field == "size"


@pytest.mark.parametrize("size", [None, 5])
async def test_an_empty_file_is_refused(stage: Stage, size: int | None) -> None:
    begun = await begin(stage, size=size)
    with pytest.raises(InvalidError) as caught:
        await receive(stage, begun.id, chunks_of(b""))
    assert caught.value.field == "media"


# --- bytes --------------------------------------------------------------------------------------------------------


async def test_what_is_no_picture_is_not_supported(stage: Stage) -> None:
    begun = await begin(stage)
    with pytest.raises(UnsupportedMediaError):
        await receive(stage, begun.id, chunks_of(b"%PDF-1.7 and so on"))


async def test_a_film_is_received_for_what_it_is(stage: Stage) -> None:
    begun = await begin(stage)
    into = handler_over(stage, MemoryObjects(), SayingInspector(Kind.VIDEO, "video/mp4"))
    upload = await receive(stage, begun.id, chunks_of(b"a film"), into=into)
    assert (upload.kind, upload.mime_type) == (Kind.VIDEO, "video/mp4")


async def test_a_picture_cut_short_is_refused(stage: Stage) -> None:
    begun = await begin(stage)
    with pytest.raises(MediaInvalidError):
        await receive(stage, begun.id, chunks_of(jpeg()[:40]))


async def test_a_picture_of_too_many_pixels_is_refused_by_its_header(stage: Stage) -> None:
    header = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (20_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    begun = await begin(stage)
    with pytest.raises(MediaTooLargeError):
        await receive(stage, begun.id, chunks_of(header + bytes(2 * HEAD_BYTES), 65_536))


async def test_what_is_refused_is_not_kept_and_the_right_bytes_may_still_come(
    stage: Stage, objects: MemoryObjects
) -> None:
    begun = await begin(stage)
    with pytest.raises(UnsupportedMediaError):
        await receive(stage, begun.id, chunks_of(b"not a picture"))
    assert objects.held == {}
    received = await receive(stage, begun.id, chunks_of(jpeg()))
    assert objects.held == {received.key: jpeg()}


async def test_what_the_sender_breaks_off_with_is_raised_and_nothing_is_received(stage: Stage) -> None:
    begun = await begin(stage)

    async def broken() -> AsyncIterator[bytes]:
        yield jpeg()[:10]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await receive(stage, begun.id, broken())
    async with stage.container.unit_of_work().begin(stage.org) as tx:
        assert await tx.uploads.get(begun.id) == begun


async def test_without_a_store_nothing_is_received(stage: Stage, objects: MemoryObjects) -> None:
    begun = await begin(stage)
    objects.away = True
    with pytest.raises(UnavailableError):
        await receive(stage, begun.id, chunks_of(jpeg()))
    objects.away = False
    assert (await receive(stage, begun.id, chunks_of(jpeg()))).kind is Kind.IMAGE


# --- whose, and when ----------------------------------------------------------------------------------------------


async def test_an_upload_not_there_not_theirs_or_expired_takes_no_byte(stage: Stage, objects: MemoryObjects) -> None:
    foreign, expired = await begin(stage, "bob"), await begin(stage)
    await let_upload_expire(stage, expired.id)
    for media_file in (MediaFileId(uuid4()), foreign.id, expired.id):
        source = Source(b"x", 3)
        with pytest.raises(NotFoundError):
            await receive(stage, media_file, aiter(source))
        assert source.sent == 0
    assert objects.held == {}


async def test_bytes_come_once(stage: Stage, objects: MemoryObjects) -> None:
    upload = await stage.upload("alice")
    source = Source(b"others", 3)
    with pytest.raises(ConflictError):
        await receive(stage, upload.id, aiter(source))
    assert (source.sent, objects.held) == (0, {upload.key: jpeg()})


async def test_bytes_do_not_come_again_once_there_is_a_story(stage: Stage) -> None:
    upload = await stage.upload("alice")
    await stage.container.post_story()(
        PostStory(caller=stage.caller("alice"), media_file=upload.id, audience=Audience(), lifetime=Lifetime())
    )
    with pytest.raises(ConflictError):
        await receive(stage, upload.id, chunks_of(jpeg()))


async def test_an_upload_discarded_while_its_bytes_come_is_not_received_and_leaves_nothing(
    stage: Stage, objects: MemoryObjects
) -> None:
    begun = await begin(stage)
    discard = DiscardUpload(caller=stage.caller("alice"), media_file=begun.id)
    objects.while_writing = lambda: stage.container.discard_upload()(discard)
    with pytest.raises(ConcurrentChangeError):
        await receive(stage, begun.id, chunks_of(jpeg()))
    await stage.container.empty_bin()()
    assert objects.held == {}


async def test_of_two_who_send_at_once_one_is_told_that_the_other_was_first(
    stage: Stage, objects: MemoryObjects
) -> None:
    begun = await begin(stage)

    async def other() -> None:
        objects.while_writing = MemoryObjects().while_writing
        await receive(stage, begun.id, chunks_of(jpeg()))

    objects.while_writing = other
    with pytest.raises(ConcurrentChangeError):
        await receive(stage, begun.id, chunks_of(jpeg()))


# --- two at once --------------------------------------------------------------------------------------------------


async def test_of_two_who_send_the_same_upload_at_once_neither_touches_the_others_bytes(
    stage: Stage, objects: MemoryObjects
) -> None:
    begun, picture = await begin(stage), jpeg()

    async def overtaken() -> AsyncIterator[bytes]:
        yield b"<html>"
        received.append(await receive(stage, begun.id, chunks_of(picture)))
        yield b"</html>" * 1_000

    received: list[Upload] = []
    with pytest.raises(UnsupportedMediaError):
        await receive(stage, begun.id, overtaken())
    assert objects.held == {received[0].key: picture}


async def test_the_second_of_two_good_ones_is_refused_and_leaves_nothing(stage: Stage, objects: MemoryObjects) -> None:
    begun, picture = await begin(stage), jpeg()

    async def overtaken() -> AsyncIterator[bytes]:
        received.append(await receive(stage, begun.id, chunks_of(picture)))
        yield jpeg(color="red")

    received: list[Upload] = []
    with pytest.raises(ConcurrentChangeError):
        await receive(stage, begun.id, overtaken())
    assert objects.held == {received[0].key: picture}
    await stage.container.empty_bin()()
    assert objects.held == {received[0].key: picture}


async def test_what_is_clearly_not_accepted_need_not_come_to_its_end(stage: Stage) -> None:
    begun, source = await begin(stage), Source(b"<html>" * 1_000, 1_000)
    with pytest.raises(UnsupportedMediaError):
        await receive(stage, begun.id, aiter(source))
    assert source.sent == 1


async def test_more_than_was_announced_need_not_come_to_its_end(stage: Stage) -> None:
    begun, source = await begin(stage, size=10), Source(MEGABYTE, 50)
    with pytest.raises(InvalidError):
        await receive(stage, begun.id, aiter(source), into=handler_over(stage, CountingObjects()))
    assert source.sent == 1

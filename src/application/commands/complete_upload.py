"""Complete an upload that was sent to the object store itself: look at what has come, and put it beyond reach."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from msgspec import Struct, structs

from application.caller import Caller
from application.commands.begin_upload import UNUSED_UPLOAD_SECONDS, UPLOAD_MAX_BYTES
from application.commands.receive_upload import HEAD_BYTES, FileTooLargeError
from application.ports.errors import ConcurrentChangeError, ObjectMissingError, UnavailableError
from application.ports.media import Blob, Inspection, MediaInspector, ObjectStore, Upload
from application.ports.transactions import UnitOfWork
from domain.errors import InvalidError
from domain.values import MediaFileId


class CompleteUpload(Struct, frozen=True, kw_only=True):
    """The caller is about to make a story of an upload."""

    caller: Caller
    media_file: MediaFileId


@dataclass(frozen=True, slots=True)
class CompleteUploadHandler:
    """Takes what was sent to a signed place.

    Whoever holds the link may go on writing there until it ends. So the bytes are copied first, to a place that nobody
    has a link to, and the copy is what is looked at and kept. What is too large is not copied at all: a link says
    nothing of how much may be sent. The signed place is emptied at once, and stays in the bin until its link has ended.
    """

    unit_of_work: UnitOfWork
    store: ObjectStore
    inspector: MediaInspector

    async def __call__(self, command: CompleteUpload) -> None:
        """Complete it; an upload that the service has received itself, or that is not there, is left alone.

        Raises:
            ConcurrentChangeError: it was completed meanwhile, or is not there any more.
            InvalidError: nothing has come yet, or not as many bytes as were announced.
            FileTooLargeError: it is larger than accepted.
            UnsupportedMediaError, MediaInvalidError, MediaTooLargeError: as `MediaInspector`.
        """
        async with self.unit_of_work.begin(command.caller.org) as tx:
            upload = await tx.uploads.get(command.media_file)
            if upload is None or upload.kind or upload.key is None or upload.owner != command.caller.user:
                return
            copy = tx.bin.new_key("uploads")
            await tx.bin.expect([copy], seconds=UNUSED_UPLOAD_SECONDS)
        try:
            await self._take(command, upload, upload.key, copy)
        except BaseException:
            async with self.unit_of_work.begin(command.caller.org) as tx:
                await tx.bin.discard([copy])
            raise
        with suppress(UnavailableError):  # then the bin does it, later
            await self.store.delete([upload.key])

    async def _take(self, command: CompleteUpload, upload: Upload, place: str, copy: str) -> None:
        try:
            sent = await self.store.get(place, start=0, stop=0)
            _require_size(upload, sent.size)
            await self.store.copy(place, copy)
        except ObjectMissingError:
            if await self._is_over(command):
                raise ConcurrentChangeError from None
            raise InvalidError("mediaFileId", "The file has not been uploaded yet") from None
        blob = await self.store.get(copy, start=0, stop=HEAD_BYTES)
        inspection = await asyncio.to_thread(self._inspect, upload, blob, await _read(blob))
        received = structs.replace(
            upload, key=copy, size=blob.size, kind=inspection.kind, mime_type=inspection.mime_type
        )
        async with self.unit_of_work.begin(command.caller.org) as tx:
            await tx.uploads.received(received)

    async def _is_over(self, command: CompleteUpload) -> bool:
        async with self.unit_of_work.begin(command.caller.org) as tx:
            upload = await tx.uploads.get(command.media_file)
        return upload is None or upload.kind is not None

    def _inspect(self, upload: Upload, blob: Blob, head: bytes) -> Inspection:
        _require_size(upload, blob.size)  # it may have grown before it was copied
        return self.inspector.inspect(head, whole=blob.size == len(head))


def _require_size(upload: Upload, size: int) -> None:
    if size > UPLOAD_MAX_BYTES:
        raise FileTooLargeError
    if size == 0:
        raise InvalidError("media", "The file is empty")
    if upload.size is not None and upload.size != size:
        raise InvalidError("size", f"{upload.size:,} bytes were announced and {size:,} came")


async def _read(blob: Blob) -> bytes:
    return b"".join([chunk async for chunk in blob.chunks])

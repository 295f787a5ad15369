"""Receive the bytes of an upload, once, at constant memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from msgspec import Struct, structs

from application.caller import Caller
from application.commands.begin_upload import UNUSED_UPLOAD_SECONDS, UPLOAD_MAX_BYTES
from application.failpoints import Failpoint, failpoint
from application.ports.media import Inspection, MediaInspector, ObjectStore, Upload
from application.ports.transactions import UnitOfWork
from domain.errors import ConflictError, InvalidError, NotFoundError
from domain.values import MediaFileId

HEAD_BYTES: Final = 1_048_576
"""How much of a file is looked at before it is a story: enough for every header, and the whole of small files."""
ENOUGH_BYTES: Final = 4_096
"""After so many bytes it is known what a file is: a wrong one need not come to its end."""


class FileTooLargeError(Exception):
    """More bytes came than are accepted."""


class ReceiveUpload(Struct, frozen=True, kw_only=True):
    """The bytes of an upload, as they come."""

    caller: Caller
    media_file: MediaFileId
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class ReceiveUploadHandler:
    """Streams the bytes to the store, counts them, and looks at the first of them.

    Every attempt writes to a place of its own, so that two at once never touch each other's bytes; the place is written
    down before the bytes are, and what comes to nothing is deleted.
    """

    unit_of_work: UnitOfWork
    store: ObjectStore
    inspector: MediaInspector

    async def __call__(self, command: ReceiveUpload) -> Upload:
        """Receive it.

        Raises:
            NotFoundError: there is no such upload of the caller's (any more).
            ConflictError: its bytes have come before.
            FileTooLargeError: it is larger than accepted.
            InvalidError: it is empty, or not of the announced size.
            UnsupportedMediaError, MediaInvalidError, MediaTooLargeError: as `MediaInspector`.
        """
        upload, key = await self._expected(command)
        try:
            return await self._receive(command, upload, key)
        except BaseException:
            async with self.unit_of_work.begin(command.caller.org) as tx:
                await tx.bin.discard([key])
            await self.store.delete([key])
            raise

    async def _expected(self, command: ReceiveUpload) -> tuple[Upload, str]:
        async with self.unit_of_work.begin(command.caller.org) as tx:
            upload = await tx.uploads.get(command.media_file)
            if upload is None or upload.owner != command.caller.user:
                raise NotFoundError("There is no such upload.")
            if upload.kind is not None:
                raise ConflictError("The file has been uploaded already.")
            key = tx.bin.new_key("uploads")
            await tx.bin.expect([key], seconds=UNUSED_UPLOAD_SECONDS)
        return upload, key

    async def _receive(self, command: ReceiveUpload, upload: Upload, key: str) -> Upload:
        counted = _Counted(command.chunks, upload.size, self.inspector)
        await self.store.put(key, aiter(counted))
        failpoint(Failpoint.UPLOAD_AFTER_PUT)
        inspection = await asyncio.to_thread(self._inspect, counted, upload)
        received = structs.replace(
            upload, key=key, size=counted.size, kind=inspection.kind, mime_type=inspection.mime_type
        )
        failpoint(Failpoint.UPLOAD_BEFORE_ROW)
        async with self.unit_of_work.begin(command.caller.org) as tx:
            await tx.uploads.received(received)
        return received

    def _inspect(self, counted: _Counted, upload: Upload) -> Inspection:
        if counted.size == 0:
            raise InvalidError("media", "The file is empty")
        if upload.size is not None and upload.size != counted.size:
            raise InvalidError("size", f"{upload.size:,} bytes were announced and {counted.size:,} came")
        return self.inspector.inspect(bytes(counted.head), whole=counted.size == len(counted.head))


class _Counted:
    """Passes chunks on, counts them, remembers the first bytes, and refuses as soon as it is clear that it must."""

    def __init__(self, chunks: AsyncIterator[bytes], announced: int | None, inspector: MediaInspector) -> None:
        self.size = 0
        self.head = bytearray()
        self._chunks, self._announced, self._inspector = chunks, announced, inspector

    async def __aiter__(self) -> AsyncIterator[bytes]:
        looked = False
        async for chunk in self._chunks:
            self.size += len(chunk)
            if self.size > UPLOAD_MAX_BYTES:
                raise FileTooLargeError
            if self._announced is not None and self.size > self._announced:
                raise InvalidError("size", f"{self._announced:,} bytes were announced and more came")
            if (room := HEAD_BYTES - len(self.head)) > 0:
                self.head += chunk[:room]
            if not looked and self.size >= ENOUGH_BYTES:
                looked = True
                self._inspector.inspect(bytes(self.head[:ENOUGH_BYTES]), whole=False)
            yield chunk

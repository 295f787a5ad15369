"""Receive the bytes of an upload, once, at constant memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from msgspec import Struct, structs

from application.caller import Caller
from application.commands.begin_upload import UPLOAD_MAX_BYTES
from application.ports import Inspection, MediaInspector, ObjectStore, UnitOfWork, UnsupportedMediaError, Upload
from domain.content import Kind
from domain.errors import ConflictError, InvalidError, NotFoundError
from domain.values import MediaFileId

HEAD_BYTES: Final = 1_048_576
"""How much of a file is looked at before it is a story: enough for every header, and the whole of small files."""


class FileTooLargeError(Exception):
    """More bytes came than are accepted."""


class ReceiveUpload(Struct, frozen=True, kw_only=True):
    """The bytes of an upload, as they come."""

    caller: Caller
    media_file: MediaFileId
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class ReceiveUploadHandler:
    """Streams the bytes to the store, counts them, and looks at the first of them."""

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
        async with self.unit_of_work.begin(command.caller.org) as tx:
            upload = await tx.uploads.get(command.media_file)
        if upload is None or upload.owner != command.caller.user:
            raise NotFoundError("There is no such upload.")
        if upload.kind is not None:
            raise ConflictError("The file has been uploaded already.")
        counted = _Counted(command.chunks)
        await self.store.put(upload.key, aiter(counted))
        try:
            inspection = await asyncio.to_thread(self._inspect, counted, upload)
        except Exception:
            await self.store.delete([upload.key])
            raise
        async with self.unit_of_work.begin(command.caller.org) as tx:
            received = structs.replace(upload, size=counted.size, kind=inspection.kind, mime_type=inspection.mime_type)
            await tx.uploads.received(received)
        return received

    def _inspect(self, counted: _Counted, upload: Upload) -> Inspection:
        if counted.size == 0:
            raise InvalidError("media", "The file is empty")
        if upload.size is not None and upload.size != counted.size:
            raise InvalidError("size", f"{upload.size:,} bytes were announced and {counted.size:,} came")
        inspection = self.inspector.inspect(bytes(counted.head), whole=counted.size == len(counted.head))
        if inspection.kind is not Kind.IMAGE:
            raise UnsupportedMediaError("Videos are not accepted yet; images are: JPEG, PNG, GIF, WebP.")
        return inspection


class _Counted:
    """Passes chunks on, counts them, and remembers the first bytes."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self.size = 0
        self.head = bytearray()
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            self.size += len(chunk)
            if self.size > UPLOAD_MAX_BYTES:
                raise FileTooLargeError
            if (room := HEAD_BYTES - len(self.head)) > 0:
                self.head += chunk[:room]
            yield chunk

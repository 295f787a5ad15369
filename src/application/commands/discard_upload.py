"""Discard an upload that will not become a story, bytes and all."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from application.caller import Caller
from application.ports.media import ObjectStore
from application.ports.transactions import UnitOfWork
from domain.values import MediaFileId


class DiscardUpload(Struct, frozen=True, kw_only=True):
    """Forget an upload of the caller's."""

    caller: Caller
    media_file: MediaFileId


@dataclass(frozen=True, slots=True)
class DiscardUploadHandler:
    """Deletes the bytes at once; safe to repeat, and on an upload of others or already a story nothing happens."""

    unit_of_work: UnitOfWork
    store: ObjectStore

    async def __call__(self, command: DiscardUpload) -> None:
        """Discard it."""
        async with self.unit_of_work.begin(command.caller.org) as tx:
            upload = await tx.uploads.get(command.media_file)
            if upload is None or upload.owner != command.caller.user or upload.story is not None:
                return
            keys = [upload.key] if upload.key else []
            await tx.bin.discard(keys)
            await tx.uploads.remove(upload.id)
        await self.store.delete(keys)

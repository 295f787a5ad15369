"""Begin an upload: a place for a file, before its bytes come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from msgspec import Struct

from application.caller import Caller
from application.ports.media import ObjectStore, Upload
from application.ports.transactions import NewIds, UnitOfWork
from application.quotas import Quotas
from domain.errors import InvalidError
from domain.values import MediaFileId

UPLOAD_MAX_BYTES: Final = 104_857_600
"""Largest media file: 100 MB as people say it, 100 x 1,048,576 bytes."""
UNUSED_UPLOAD_SECONDS: Final = 86_400.0
"""How long an upload waits to become a story before it is dropped: a day."""

_LATE_SECONDS: Final = 3_600.0
"""How long the last bytes that a link let in may take to come."""


class BeginUpload(Struct, frozen=True, kw_only=True):
    """Announce a file.

    Attributes:
        size: bytes, if known.
        at_least: bytes that will come, and perhaps some more; None, and no size: no quota is looked at yet.
        direct: whether the bytes may go to the object store itself, where it makes links for that.
    """

    caller: Caller
    size: int | None = None
    at_least: int | None = None
    direct: bool = False


class BegunUpload(Struct, frozen=True):
    """A place for a file.

    Attributes:
        link: where the object store takes the bytes; None: the service takes them itself.
    """

    upload: Upload
    link: str | None


@dataclass(frozen=True, slots=True)
class BeginUploadHandler:
    """Makes a place for a file; it is dropped if no story is made of it.

    Attributes:
        direct: whether clients can reach the object store.
    """

    unit_of_work: UnitOfWork
    new_id: NewIds
    quotas: Quotas
    store: ObjectStore
    direct: bool

    async def __call__(self, command: BeginUpload) -> BegunUpload:
        """Begin it.

        Raises:
            InvalidError: it is empty or larger than is accepted.
            QuotaExceededError: a story of it would be too much today.
        """
        if command.size is not None and not 0 < command.size <= UPLOAD_MAX_BYTES:
            raise InvalidError("size", f"A file has 1 to {UPLOAD_MAX_BYTES:,} bytes")
        async with self.unit_of_work.begin(command.caller.org) as tx:
            coming = command.at_least if command.size is None else command.size
            if coming is not None:
                await self.quotas.check(tx, command.caller.user, size=coming)
            key = tx.bin.new_key("uploads")
            direct = self.direct and command.direct
            link = await self.store.sign("PUT", key, seconds=UNUSED_UPLOAD_SECONDS) if direct else None
            upload = Upload(
                id=MediaFileId(self.new_id()),
                owner=command.caller.user,
                key=key if link else None,
                size=command.size,
                expires_at=await tx.clock() + timedelta(seconds=UNUSED_UPLOAD_SECONDS),
            )
            if link:
                await tx.bin.expect([key], seconds=UNUSED_UPLOAD_SECONDS + _LATE_SECONDS)
            await tx.uploads.add(upload)
        return BegunUpload(upload, link)

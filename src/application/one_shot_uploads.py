"""A file that comes within the request that makes a story of it: nothing of it is left if none is made."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from application.caller import Caller
from application.commands.begin_upload import BeginUpload, BeginUploadHandler
from application.commands.discard_upload import DiscardUpload, DiscardUploadHandler
from application.commands.receive_upload import ReceiveUpload, ReceiveUploadHandler
from application.ports.media import Upload

Receive = Callable[[AsyncIterator[bytes]], Awaitable[Upload]]


@dataclass(frozen=True, slots=True)
class OneShotUploads:
    """Begins, receives and, if need be, discards uploads in one go."""

    begin: BeginUploadHandler
    receive: ReceiveUploadHandler
    discard: DiscardUploadHandler

    @asynccontextmanager
    async def receiving(self, caller: Caller, *, at_least: int | None = None) -> AsyncIterator[Receive]:
        """A receiver of files; if anything is raised meanwhile, none of them is left.

        Args:
            caller: whose they are.
            at_least: as `BeginUpload` has it.
        """
        begun: list[Upload] = []

        async def receive(chunks: AsyncIterator[bytes]) -> Upload:
            upload = (await self.begin(BeginUpload(caller=caller, at_least=at_least))).upload
            begun.append(upload)
            return await self.receive(ReceiveUpload(caller=caller, media_file=upload.id, chunks=chunks))

        try:
            yield receive
        except BaseException:
            for upload in begun:
                await self.discard(DiscardUpload(caller=caller, media_file=upload.id))
            raise

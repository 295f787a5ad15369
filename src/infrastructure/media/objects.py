"""Bytes in an object store: a folder by default, S3 by URL."""

from __future__ import annotations

import asyncio
import atexit
import glob
import time
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from application.ports.errors import ObjectMissingError, UnavailableError
from application.ports.media import Blob, StoredObject

if TYPE_CHECKING:
    from obstore import Attributes

_PART_BYTES: Final = 5 << 20
"""Size of the parts in which larger objects travel: the least that S3 takes."""
_PARTS_AT_ONCE: Final = 2
"""Parts of one object on their way at the same time; each is in memory meanwhile."""
_LISTED: Final = 1_000
"""Objects in a batch of a list: what S3 tells in one answer."""
_READ_BYTES: Final = 1 << 18
_LINGER_SECONDS: Final = 0.05

Store = LocalStore | S3Store


def open_store(url: str | None, folder: Path) -> Store:
    """The store at ``s3://bucket/prefix``, or the folder if there is no URL. Nothing is connected yet.

    Endpoint and keys of S3 come from the usual ``AWS_*`` variables.
    """
    _linger_at_exit()
    if url is None:
        return LocalStore(prefix=folder, mkdir=True, automatic_cleanup=True)
    parts = urlsplit(url)
    return S3Store(
        parts.netloc,
        prefix=parts.path.strip("/") or None,
        # A store that falls silent is given up, not one that somebody reads slowly: `timeout` counts a whole answer.
        client_options={
            "allow_http": True,
            "connect_timeout": timedelta(seconds=3),
            "read_timeout": timedelta(seconds=10),
            "timeout": timedelta(hours=1),
        },
        retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=10)},
    )


@cache
def _linger_at_exit() -> None:
    """Let the threads of obstore let go of what Python gave them: one that does so after the end aborts the process.

    See https://github.com/PyO3/pyo3-async-runtimes/issues/40.
    """
    atexit.register(time.sleep, _LINGER_SECONDS)


class StoredObjects:
    """As `ObjectStore`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def put(self, key: str, chunks: AsyncIterator[bytes], mime_type: str | None = None) -> None:
        """As `ObjectStore`."""
        source = _Source(chunks)
        attributes = self._attributes(mime_type)
        small = await source.read_ahead()
        try:
            if small is not None:
                await obstore.put_async(self._store, key, small, attributes=attributes)
            else:
                await self._put_in_parts(key, source, attributes)
        except (BaseError, OSError) as error:
            if source.error is not None:
                raise source.error from None
            raise UnavailableError("The object store does not take the bytes.") from error

    def _attributes(self, mime_type: str | None) -> Attributes | None:
        """What S3 is told of an object; a folder keeps nothing but bytes."""
        return {"Content-Type": mime_type} if mime_type and isinstance(self._store, S3Store) else None

    async def _put_in_parts(self, key: str, source: _Source, attributes: Attributes | None) -> None:
        putting = asyncio.ensure_future(
            obstore.put_async(
                self._store,
                key,
                source,
                attributes=attributes,
                chunk_size=_PART_BYTES,
                max_concurrency=_PARTS_AT_ONCE,
            )
        )
        try:
            await asyncio.shield(putting)
        except asyncio.CancelledError:
            source.stop()  # what obstore cleans up after an error of its source, it leaves when it is cancelled itself
            await asyncio.gather(putting, return_exceptions=True)
            raise

    async def get(self, key: str, *, start: int = 0, stop: int | None = None) -> Blob:
        """As `ObjectStore`."""
        try:
            if start == 0 and stop is None:
                result = await obstore.get_async(self._store, key)
            else:
                size = (await obstore.head_async(self._store, key))["size"]
                end = size if stop is None else min(stop, size)
                if start >= end:
                    return Blob(size=size, start=start, stop=start, chunks=_chunks())
                result = await obstore.get_async(self._store, key, options={"range": (start, end)})
        except FileNotFoundError:
            raise ObjectMissingError(key) from None
        except (BaseError, OSError) as error:
            raise UnavailableError("The object store does not answer.") from error
        first, last = result.range
        return Blob(size=result.meta["size"], start=first, stop=last, chunks=_read(result))

    async def delete(self, keys: Iterable[str]) -> None:
        """As `ObjectStore`."""
        try:
            if isinstance(self._store, S3Store):
                await obstore.delete_async(self._store, list(keys))
                return
            for key in keys:
                with suppress(FileNotFoundError):
                    await obstore.delete_async(self._store, key)
                await asyncio.to_thread(_delete_staged, self._store, key)
        except (BaseError, OSError) as error:
            raise UnavailableError("The object store does not delete.") from error

    async def copy(self, source: str, target: str) -> None:
        """As `ObjectStore`."""
        try:
            await obstore.copy_async(self._store, source, target)
        except FileNotFoundError:
            raise ObjectMissingError(source) from None
        except (BaseError, OSError) as error:
            raise UnavailableError("The object store does not copy.") from error

    async def sign(self, method: Literal["GET", "PUT"], key: str, *, seconds: float) -> str | None:
        """As `ObjectStore`: S3 signs by what it was opened with, without asking anybody."""
        if not isinstance(self._store, S3Store):
            return None
        return await obstore.sign_async(self._store, method, key, timedelta(seconds=seconds))

    async def has(self, key: str) -> bool:
        """As `ObjectStore`."""
        try:
            await obstore.head_async(self._store, key)
        except FileNotFoundError:
            return False
        except (BaseError, OSError) as error:
            raise UnavailableError("The object store does not answer.") from error
        return True

    async def listed(self) -> AsyncIterator[Sequence[StoredObject]]:
        """As `ObjectStore`."""
        try:
            async for batch in obstore.list(self._store, chunk_size=_LISTED):
                yield [StoredObject(each["path"], each["size"], each["last_modified"]) for each in batch]
        except (BaseError, OSError) as error:
            raise UnavailableError("The object store does not list.") from error

    async def check(self) -> None:
        """As `ObjectStore`."""
        key = f"check/{uuid.uuid4().hex}"
        await self.put(key, _chunks(b"ok"))
        try:
            await self.get(key)
        except ObjectMissingError:
            raise UnavailableError("The object store loses what it takes.") from None
        finally:
            await self.delete([key])


class _Source:
    """Chunks on their way into the store.

    Attributes:
        error: what they raised, which could be taken for an error of the store's.
    """

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self.error: Exception | None = None
        self._chunks = chunks
        self._head = bytearray()
        self._asking: asyncio.Task[object] | None = None
        self._stopped = False

    async def read_ahead(self) -> bytes | None:
        """All the bytes, if they are fewer than a part. S3 takes them in one request then, instead of three."""
        async for chunk in self._chunks:
            self._head += chunk
            if len(self._head) >= _PART_BYTES:
                return None
        return bytes(self._head)

    def stop(self) -> None:
        """Raise `asyncio.CancelledError` to whoever asks, or is asking, for the next chunk."""
        self._stopped = True
        if self._asking is not None:
            self._asking.cancel()

    def __aiter__(self) -> _Source:
        return self

    async def __anext__(self) -> bytes:
        self._asking = asyncio.current_task()  # obstore makes a task of each question
        if self._stopped:
            raise asyncio.CancelledError
        try:
            return await self._next()
        except StopAsyncIteration:
            raise
        except Exception as error:
            self.error = error
            raise

    async def _next(self) -> bytes:
        if self._head:
            head, self._head = bytes(self._head), bytearray()
            return head
        return await anext(self._chunks)


async def _read(result: obstore.GetResult) -> AsyncIterator[bytes]:
    try:
        async for chunk in result.stream(min_chunk_size=_READ_BYTES):
            yield bytes(chunk)
    except (BaseError, OSError) as error:
        raise UnavailableError("The object store broke off.") from error


async def _chunks(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def _delete_staged(store: LocalStore, key: str) -> None:
    """Delete what a process killed in the middle of writing has left beside the place of an object: ``key#1``."""
    place = Path(store.prefix or "", key)
    for staged in place.parent.glob(f"{glob.escape(place.name)}#*"):
        staged.unlink(missing_ok=True)

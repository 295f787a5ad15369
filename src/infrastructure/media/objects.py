"""Bytes in an object store: a folder by default, S3 by URL."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from application.ports import Blob, ObjectMissingError, UnavailableError

_PART_BYTES: Final = 5 << 20
"""Size of the parts in which larger objects travel: the least that S3 takes."""
_READ_BYTES: Final = 1 << 18
_TIMEOUT: Final = timedelta(seconds=30)

Store = LocalStore | S3Store


def open_store(url: str | None, folder: Path) -> Store:
    """The store at ``s3://bucket/prefix``, or the folder if there is no URL. Nothing is connected yet.

    Endpoint and keys of S3 come from the usual ``AWS_*`` variables.
    """
    if url is None:
        return LocalStore(prefix=folder, mkdir=True, automatic_cleanup=True)
    parts = urlsplit(url)
    return S3Store(
        parts.netloc,
        prefix=parts.path.strip("/") or None,
        client_options={"timeout": _TIMEOUT, "allow_http": True},
        retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=10)},
    )


class StoredObjects:
    """As `ObjectStore`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> None:
        """As `ObjectStore`."""
        source = _Source(chunks)
        try:
            await obstore.put_async(self._store, key, source, chunk_size=_PART_BYTES)
        except (BaseError, OSError) as error:
            if source.error is not None:
                raise source.error from None
            raise UnavailableError("The object store does not take the bytes.") from error

    async def get(self, key: str, *, start: int = 0, stop: int | None = None) -> Blob:
        """As `ObjectStore`."""
        try:
            if start == 0 and stop is None:
                result = await obstore.get_async(self._store, key)
            else:
                size = (await obstore.head_async(self._store, key))["size"]
                if start >= size:
                    return Blob(size=size, start=start, stop=start, chunks=_once(b""))
                end = size if stop is None else min(stop, size)
                result = await obstore.get_async(self._store, key, options={"range": (start, max(start, end))})
        except FileNotFoundError:
            raise ObjectMissingError(key) from None
        except (BaseError, OSError) as error:
            raise UnavailableError("The object store does not answer.") from error
        first, last = result.range
        return Blob(size=result.meta["size"], start=first, stop=last, chunks=_read(result))

    async def delete(self, keys: Iterable[str]) -> None:
        """As `ObjectStore`."""
        for key in keys:
            try:
                await obstore.delete_async(self._store, key)
            except FileNotFoundError:
                continue
            except (BaseError, OSError) as error:
                raise UnavailableError("The object store does not delete.") from error

    async def check(self) -> None:
        """As `ObjectStore`."""
        key = f"check/{uuid.uuid4().hex}"
        await self.put(key, _once(b"ok"))
        await self.delete([key])


class _Source:
    """Chunks on their way into the store; keeps what they raise, which the store would wrap."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self.error: BaseException | None = None
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._chunks:
                if chunk:
                    yield chunk
        except BaseException as error:
            self.error = error
            raise


async def _read(result: obstore.GetResult) -> AsyncIterator[bytes]:
    try:
        async for chunk in result.stream(min_chunk_size=_READ_BYTES):
            yield bytes(chunk)
    except (BaseError, OSError) as error:
        raise UnavailableError("The object store broke off.") from error


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data

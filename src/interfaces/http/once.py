"""The header ``Idempotency-Key``: a request that creates something may come again, and gets its first answer."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, TypeVar

import msgspec
from litestar.datastructures import MutableScopeHeaders
from litestar.di import NamedDependency
from litestar.types import Message, Scope

from application.once import Handler, KeyReusedError, PerformOnce
from application.ports.requests import RequestInProgressError, RequestKey
from interfaces.http.problems import REFUSALS, REPLAYED_HEADER, handle, invalid
from interfaces.http.requests import StoriesRequest

KEY_HEADER: Final = "Idempotency-Key"
_KEY: Final = re.compile(r"[\x20-\x7e]{1,255}", re.ASCII)
_REPLAYED: Final = "replayed"
"""Where a request's scope says that its answer is an earlier one's."""

C = TypeVar("C")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request whose body was read: performs its command, or finds what came of it before."""

    request: StoriesRequest
    perform_once: PerformOnce
    known: RequestKey | None

    async def __call__(self, handler: Handler[C, R], command: C) -> R:
        """The command's result.

        Raises:
            RequestInProgressError, KeyReusedError, RefusedBeforeError: as `PerformOnce`.
        """
        if self.known is None:
            return await handler(command)
        performed = await self.perform_once(self.known, handler, command)
        if performed.before:
            self.request.scope[_REPLAYED] = True  # type: ignore[typeddict-unknown-key] # a key of our own
        return performed.result

    async def refuse(self, error: Exception) -> None:
        """Keep a refusal as the first answer. A request that came too soon, or is one too many, was not answered."""
        problem = handle(self.request, error).content
        if self.known and problem.status != 429:
            await self.perform_once.refuse(self.known, msgspec.json.encode(problem))


class Once:
    """A request that creates something. Without the header it is a new one each time."""

    def __init__(self, request: StoriesRequest, perform_once: PerformOnce) -> None:
        self._request, self._perform_once = request, perform_once
        self._key = _key_of(request)
        self._media = sha256()

    async def passing(self, media: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The bytes of a file, passed on: they are a part of what is asked."""
        async for chunk in media:
            if self._key is not None:
                self._media.update(chunk)
            yield chunk

    @asynccontextmanager
    async def __call__(self, body: object) -> AsyncIterator[Attempt]:
        """What performs the command that ``body`` asks for; if anything refuses it, that is the first answer."""
        attempt = Attempt(self._request, self._perform_once, self._known(body))
        try:
            yield attempt
        except (RequestInProgressError, KeyReusedError):
            raise
        except REFUSALS as error:
            await attempt.refuse(error)
            raise

    def _known(self, body: object) -> RequestKey | None:
        if self._key is None:
            return None
        asked = msgspec.json.encode((body, self._media.hexdigest()), order="deterministic")
        return RequestKey(
            org=self._request.user.org,
            user=self._request.user.user,
            route=f"{self._request.method} {self._request.scope['path']}",
            key=self._key,
            fingerprint=sha256(asked).hexdigest(),
        )


async def once_of(request: StoriesRequest, perform_once: NamedDependency[PerformOnce]) -> Once:
    """The request at hand, for routes that create something.

    Raises:
        RequestError: 400: the key is none.
    """
    return Once(request, perform_once)


async def tell_replayed(message: Message, scope: Scope) -> None:
    """Say with an answer that it is an earlier request's."""
    if message["type"] == "http.response.start" and scope.get(_REPLAYED):
        MutableScopeHeaders.from_message(message)[REPLAYED_HEADER] = "true"


def _key_of(request: StoriesRequest) -> str | None:
    given = request.headers.getall(KEY_HEADER, [])
    if not given:
        return None
    if len(given) > 1 or not _KEY.fullmatch(given[0]) or given[0].isspace():
        raise invalid("invalid_request", KEY_HEADER, "One key of 1 to 255 printable characters of ASCII")
    return given[0]

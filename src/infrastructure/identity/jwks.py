"""The keys that an issuer publishes at a URL (RFC 7517, section 5): fetched when needed, and kept for a while."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import httpx
import msgspec
import structlog
from msgspec import Struct

from application.ports.errors import UnavailableError
from infrastructure.identity.keys import PUBLIC_ALGORITHMS, VerifyingKey, read_keys

FRESH_SECONDS: Final = 300
"""How old keys may grow before they are fetched anew: so long a key that was taken out may still be good."""
FLOOR_SECONDS: Final = 10
"""How long nobody asks again, whatever tokens name and whatever the answer was."""
KEPT_SECONDS: Final = 86_400
"""How long keys are good that cannot be fetched anew."""
_ANSWER_SECONDS: Final = 5
_ANSWER_MAX_BYTES: Final = 262_144
_KEYS_MAX: Final = 100

_log = structlog.get_logger(__name__)


class _Answer(Struct):
    keys: list[Any]


class PublishedKeys:
    """As `KeySource`: the public keys of an issuer. However many wait for them, they are fetched once.

    Args:
        url: where they are.
        clock: seconds that only grow.
        tls: what to check the issuer's certificate by, if not by what the machine trusts.
    """

    algorithms = PUBLIC_ALGORITHMS

    def __init__(
        self, url: str, *, clock: Callable[[], float] = time.monotonic, tls: ssl.SSLContext | None = None
    ) -> None:
        self._url, self._clock = url, clock
        self._http = httpx.AsyncClient(follow_redirects=False, timeout=_ANSWER_SECONDS, verify=tls or True)
        self._keys: frozenset[VerifyingKey] = frozenset()
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._fetching: asyncio.Task[None] | None = None
        self._failure = ""

    async def fitting(self, algorithm: str, name: str | None) -> Sequence[VerifyingKey]:
        """As `KeySource`. Waits for the keys if none are there yet, or none of that name: it may be a new one."""
        self._keep_fresh()
        found = self._found(algorithm, name)
        if not found:
            await self._fetch()
            found = self._found(algorithm, name)
        if self._fetched_at is None:
            raise UnavailableError(f"The keys of tokens cannot be fetched: {self._failure}")
        return found

    def holds(self, key: VerifyingKey) -> bool:
        """As `KeySource`; what has grown old is fetched meanwhile."""
        self._keep_fresh()
        return key in self._keys

    async def problem(self) -> str | None:
        """What is wrong with the keys; None: nothing."""
        self._keep_fresh()
        if self._fetched_at is None or self._failure:
            await self._fetch()
        if self._failure:
            return f"cannot be fetched: {self._failure}"
        return None if self._keys else "none is of a kind and for a use that is accepted"

    async def settled(self) -> None:
        """Wait for what is under way, if anything is."""
        if self._fetching is not None:
            await asyncio.shield(self._fetching)  # who goes away does not take the answer from the others

    async def close(self) -> None:
        """End what is under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            with suppress(asyncio.CancelledError):
                await self._fetching
        await self._http.aclose()

    def _found(self, algorithm: str, name: str | None) -> list[VerifyingKey]:
        return [key for key in self._keys if key.fits(algorithm, name)]

    def _keep_fresh(self) -> None:
        if self._fetched_at is None:
            return
        age = self._clock() - self._fetched_at
        if age > KEPT_SECONDS:
            self._keys, self._fetched_at = frozenset(), None
        elif age > FRESH_SECONDS:
            self._begin()

    async def _fetch(self) -> None:
        self._begin()
        await self.settled()

    def _begin(self) -> None:
        rested = self._tried_at is None or self._clock() - self._tried_at >= FLOOR_SECONDS
        if self._fetching is None and rested:
            self._fetching = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                answer = msgspec.json.decode(await self._body(), type=_Answer)
            self._keys, self._fetched_at, self._failure = read_keys(answer.keys[:_KEYS_MAX]), self._clock(), ""
        except (httpx.HTTPError, TimeoutError, ValueError, RecursionError) as error:
            self._failure = str(error) or type(error).__name__
            _log.warning("keys not fetched", reason=self._failure, kept=len(self._keys))
        finally:
            self._tried_at, self._fetching = self._clock(), None

    async def _body(self) -> bytes:
        # Uncompressed, so that what comes is as long as it is.
        headers = {"Accept": "application/jwk-set+json, application/json", "Accept-Encoding": "identity"}
        body = bytearray()
        async with self._http.stream("GET", self._url, headers=headers) as response:
            if response.status_code != httpx.codes.OK:
                raise ValueError(f"the answer was {response.status_code}")
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > _ANSWER_MAX_BYTES:
                    raise ValueError(f"the answer has more than {_ANSWER_MAX_BYTES:,} bytes")
        return bytes(body)

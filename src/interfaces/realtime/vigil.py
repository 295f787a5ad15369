"""The vigil: whoever is connected stays as long as their token is good, and no longer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from application.ports.errors import InvalidTokenError, UnavailableError
from application.ports.people import TokenClaims, TokenVerifier

_EVERY_SECONDS: Final = 2.0
"""Well below the five seconds within which a token's end has to be noticed."""
_AT_ONCE: Final = 500
"""Tokens looked at before others get a turn."""


class Vigil:
    """Looks at the tokens of all who are connected, again and again: at their time, and at the keys they are by."""

    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier
        self._kept: dict[object, tuple[str, TokenClaims, Callable[[], object]]] = {}
        self._running: asyncio.Task[None] | None = None

    @contextmanager
    def kept(self, token: str, claims: TokenClaims, over: Callable[[], object]) -> Iterator[None]:
        """Call ``over`` when a token is good no longer."""
        key = object()
        self._kept[key] = (token, claims, over)
        try:
            yield
        finally:
            del self._kept[key]

    async def start(self) -> None:
        """Begin."""
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop."""
        if self._running:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            for number, (token, claims, over) in enumerate(list(self._kept.values())):
                if not await self._good(token, claims):
                    over()
                if number % _AT_ONCE == 0:
                    await asyncio.sleep(0)

    async def _good(self, token: str, claims: TokenClaims) -> bool:
        try:
            require_time(claims)
            await self._verifier.verify(token)
        except InvalidTokenError:
            return False
        except UnavailableError:  # its key cannot be asked for now, and was good a moment ago
            return True
        return True


def require_time(claims: TokenClaims) -> None:
    """Refuse a token that has ended: who is to stay connected is not forgiven the minute between two clocks.

    Raises:
        InvalidTokenError: it has.
    """
    if claims.expires_at.timestamp() <= time.time():
        raise InvalidTokenError("The token has expired.")

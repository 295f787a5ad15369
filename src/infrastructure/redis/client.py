"""The connection to Redis."""

from __future__ import annotations

from typing import Final

from redis.asyncio import Redis

_TIMEOUT_SECONDS: Final = 0.5
"""Nothing that Redis does for a request is worth waiting longer for."""


def open_redis(url: str | None) -> Redis | None:
    """A client with a pool of its own, or None if there is no URL. Connects when first used."""
    if url is None:
        return None
    return Redis.from_url(url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS)

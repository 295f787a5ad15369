"""Which web pages may read our answers: those of the origins that are set, compared letter by letter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from interfaces.http.headers import Headers

ANY_ORIGIN: Final = "*"

_PREFLIGHT: Final = (
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE"),
    (
        b"access-control-allow-headers",
        b"Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Range, X-Acting-User, orgid",
    ),
    (b"access-control-max-age", b"600"),
)
_EXPOSED: Final = (
    b"access-control-expose-headers",
    b"Accept-Ranges, Content-Length, Content-Range, Deprecation, Idempotency-Replayed, Link, Location, Retry-After",
)


class Cors:
    """The rule. Never with credentials: tokens come in a header that scripts set, and there are no cookies."""

    def __init__(self, origins: Iterable[str] = ()) -> None:
        self._origins = frozenset(origin.encode("latin-1") for origin in origins)
        self._any = ANY_ORIGIN.encode() in self._origins

    def preflight(self, asked: Iterable[tuple[bytes, bytes]]) -> Headers | None:
        """What to tell a browser that asks whether a page may send a request. None: it may not, or it is no such."""
        wanted = any(name == b"access-control-request-method" for name, _ in asked)
        return [*_PREFLIGHT] if wanted and self._allowed(asked) else None

    def complete(self, asked: Iterable[tuple[bytes, bytes]], answer: Headers) -> None:
        """Add to an answer who may read it."""
        if not self._origins:
            return
        if not self._any:
            answer.append((b"vary", b"Origin"))
        if allowed := self._allowed(asked):
            answer += [allowed, _EXPOSED]

    def is_foreign(self, scope: Any) -> bool:
        """Whether a page asks that may not: browsers ask no leave for a WebSocket, and send no token of their own."""
        named: dict[bytes, bytes] = dict(scope["headers"])
        if b"origin" not in named or self._allowed(scope["headers"]):
            return False
        scheme = b"https" if scope["scheme"] == "wss" else b"http"
        return named[b"origin"] != b"%s://%s" % (scheme, named.get(b"host", b""))

    def _allowed(self, asked: Iterable[tuple[bytes, bytes]]) -> tuple[bytes, bytes] | None:
        origins = [value for name, value in asked if name == b"origin"]
        if len(origins) != 1 or not (self._any or origins[0] in self._origins):
            return None
        return (b"access-control-allow-origin", ANY_ORIGIN.encode() if self._any else origins[0])

"""JSON Web Tokens: verified by the rules of RFC 8725, and made for development."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jws import CompactSignature

from application.ports.errors import InvalidTokenError
from application.ports.people import TokenClaims
from infrastructure.identity.claims import ClaimRules, check_time
from infrastructure.identity.keys import HS256, Algorithms, KeySource, SharedSecret, VerifyingKey

_TOKEN_MAX_CHARS: Final = 8_192
_REMEMBERED_MAX: Final = 10_000
_KINDS: Final = frozenset({"jwt", "at+jwt"})
_REFUSED_HEADERS: Final = frozenset({"crit", "b64", "jku", "jwk", "x5u", "x5c"})
"""Extensions, of which we know none, and keys that a token brings along: neither is looked at."""


@dataclass(frozen=True, slots=True)
class _Verified:
    claims: TokenClaims
    source: KeySource
    key: VerifyingKey


class Tokens:
    """As `TokenVerifier`. Verified tokens are remembered; their time and their key are checked every time."""

    def __init__(self, sources: Sequence[KeySource], rules: ClaimRules | None = None) -> None:
        self._source_of = {algorithm: source for source in sources for algorithm in source.algorithms}
        self._rules = rules or ClaimRules()
        self._algorithms = Algorithms()
        self._remembered: OrderedDict[str, _Verified] = OrderedDict()

    async def verify(self, token: str) -> TokenClaims:
        """As `TokenVerifier`."""
        known = self._remembered.get(token)
        if known is not None and known.source.holds(known.key):
            check_time(known.claims)
            return known.claims
        self._remembered.pop(token, None)
        verified = await self._verify(token)
        self._remembered[token] = verified
        if len(self._remembered) > _REMEMBERED_MAX:
            self._remembered.popitem(last=False)
        return verified.claims

    async def _verify(self, token: str) -> _Verified:
        signed = self._taken_apart(token)
        header = signed.headers()
        source = self._source_of.get(header["alg"])
        if source is None:
            raise InvalidTokenError("The token is signed in a way that is not accepted.")
        for key in await source.fitting(header["alg"], header.get("kid")):
            if self._is_by(key, signed):
                return _Verified(self._rules.read(_claims(signed)), source, key)
        raise InvalidTokenError("The token is not one of ours.")

    def _taken_apart(self, token: str) -> CompactSignature:
        """The parts of a token, none of them proven; what it says of its key and itself is as it may be."""
        if len(token) > _TOKEN_MAX_CHARS:
            raise InvalidTokenError("The token is too long.")
        try:
            signed = jws.extract_compact(token.encode(), registry=self._algorithms)
            header = signed.headers()
            self._algorithms.check_header(header)
        except (JoseError, ValueError, TypeError, AttributeError, RecursionError):
            raise InvalidTokenError("The token is none.") from None
        if _REFUSED_HEADERS & header.keys():
            raise InvalidTokenError("The token has a header that is not accepted.")
        if header.get("typ", "JWT").lower().removeprefix("application/") not in _KINDS:
            raise InvalidTokenError("The token is of another kind.")
        return signed

    def _is_by(self, key: VerifyingKey, signed: CompactSignature) -> bool:
        try:
            return jws.validate_compact(signed, key.key, registry=self._algorithms)
        except (JoseError, ValueError):
            return False


def _claims(signed: CompactSignature) -> dict[str, Any]:
    try:
        claims = json.loads(signed.payload or b"")
    except (ValueError, RecursionError):
        raise InvalidTokenError("The token says nothing that can be read.") from None
    if not isinstance(claims, dict):
        raise InvalidTokenError("The token says nothing of anybody.")
    return claims


class TokenMaker:
    """Makes tokens with the shared secret, as the application that uses the service does."""

    def __init__(self, secret: bytes, *, issuer: str | None = None, audience: str | None = None) -> None:
        self._key, self._configured = SharedSecret(secret).key, ClaimRules(issuer, audience).configured()

    def make(self, user: str, *, ttl_seconds: int, **claims: object) -> str:
        """A token for ``user``, good for so long."""
        now = int(time.time())
        payload = {"sub": user, "iat": now, "exp": now + ttl_seconds, **self._configured, **claims}
        return jwt.encode({"alg": HS256, "typ": "JWT"}, payload, self._key, algorithms=[HS256])

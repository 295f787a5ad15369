"""JSON Web Tokens: verified by the rules of RFC 8725, and made for development."""

from __future__ import annotations

import time
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from application.ports.errors import InvalidTokenError
from application.ports.people import Profile, Role, TokenClaims
from domain.errors import InvalidError
from domain.values import OrgId, UserId, org_id, user_id

SECRET_MIN_BYTES: Final = 32
"""RFC 7518 section 3.2: an HS256 key is at least as long as its hash."""
_ALGORITHMS: Final = ["HS256"]
"""Explicit, never taken from the token."""
_LEEWAY_SECONDS: Final = 60
_TOKEN_MAX_CHARS: Final = 8_192
_REMEMBERED_MAX: Final = 10_000


class Hs256Tokens:
    """As `TokenVerifier`, with a shared secret. Verified tokens are remembered; their end is checked every time."""

    def __init__(
        self, secret: bytes, *, issuer: str | None = None, audience: str | None = None, require_org: bool = False
    ) -> None:
        if len(secret) < SECRET_MIN_BYTES:
            raise ValueError(f"The secret has at least {SECRET_MIN_BYTES} bytes")
        self._key = OctKey.import_key(secret)
        self._issuer, self._audience, self._require_org = issuer, audience, require_org
        self._remembered: OrderedDict[str, TokenClaims] = OrderedDict()

    async def verify(self, token: str) -> TokenClaims:
        """As `TokenVerifier`."""
        claims = self._remembered.get(token)
        if claims is None:
            claims = self._verify(token)
            self._remembered[token] = claims
            if len(self._remembered) > _REMEMBERED_MAX:
                self._remembered.popitem(last=False)
        if claims.expires_at.timestamp() <= time.time() - _LEEWAY_SECONDS:
            raise InvalidTokenError("The token has expired.")
        return claims

    def make(self, user: str, *, ttl_seconds: int, **claims: object) -> str:
        """A token for ``user``, good for so long."""
        now = int(time.time())
        payload = {"sub": user, "iat": now, "exp": now + ttl_seconds, **_configured(self._issuer, self._audience)}
        return jwt.encode({"alg": "HS256", "typ": "JWT"}, {**payload, **claims}, self._key, algorithms=_ALGORITHMS)

    def _verify(self, token: str) -> TokenClaims:
        if len(token) > _TOKEN_MAX_CHARS:
            raise InvalidTokenError("The token is too long.")
        try:
            decoded = jwt.decode(token, self._key, algorithms=_ALGORITHMS)
        except (JoseError, ValueError, TypeError, UnicodeError, RecursionError):
            raise InvalidTokenError("The token is not one of ours.") from None
        if decoded.header.get("typ", "JWT") not in {"JWT", "jwt", "at+jwt"}:
            raise InvalidTokenError("The token is of another kind.")
        return self._read(decoded.claims)

    def _read(self, claims: dict[str, Any]) -> TokenClaims:
        expires_at, issued_at = _instant(claims, "exp"), _instant(claims, "iat")
        not_before = _instant(claims, "nbf")
        latest = datetime.fromtimestamp(time.time() + _LEEWAY_SECONDS, UTC)
        if expires_at is None:
            raise InvalidTokenError("The token never expires.")
        if (not_before and not_before > latest) or (issued_at and issued_at > latest):
            raise InvalidTokenError("The token is not good yet.")
        if self._issuer is not None and claims.get("iss") != self._issuer:
            raise InvalidTokenError("The token is of another issuer.")
        if self._audience is not None and self._audience not in _listed(claims.get("aud")):
            raise InvalidTokenError("The token is for another audience.")
        return TokenClaims(
            user=_user(claims.get("sub")),
            org=self._org(claims.get("org")),
            roles=frozenset(role for role in Role if role in _listed(claims.get("roles"))),
            profile=_profile(claims),
            issued_at=issued_at or datetime.fromtimestamp(0, UTC),
            expires_at=expires_at,
        )

    def _org(self, claim: object) -> OrgId | None:
        if claim is None:
            if self._require_org:
                raise InvalidTokenError("The token names no organisation.")
            return None
        try:
            return org_id(claim if isinstance(claim, str) else "")
        except InvalidError:
            raise InvalidTokenError("The token names an organisation that cannot be.") from None


def _user(claim: object) -> UserId:
    try:
        return user_id(claim if isinstance(claim, str) else "")
    except InvalidError:
        raise InvalidTokenError("The token names no user.") from None


def _instant(claims: dict[str, Any], name: str) -> datetime | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidTokenError(f"The token's {name} is no time.")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        raise InvalidTokenError(f"The token's {name} is no time.") from None


def _listed(claim: object) -> list[str]:
    items = claim if isinstance(claim, list) else [claim]
    return [item for item in items if isinstance(item, str)]


def _profile(claims: dict[str, Any]) -> Profile:
    def told(name: str) -> str | None:
        value = claims.get(name)
        readable = isinstance(value, str) and value.isprintable() and 0 < len(value) <= _PROFILE_MAX
        return value if readable else None

    given, family = told("given_name"), told("family_name")
    return Profile(
        username=told("preferred_username"),
        full_name=told("name") or " ".join(filter(None, (given, family))) or None,
        given_name=given,
        family_name=family,
        avatar_url=told("picture"),
        email=told("email"),
        company=told("company"),
        job_title=told("job_title"),
    )


_PROFILE_MAX: Final = 2_000
"""Code points of one claim that is kept; longer ones are not names."""


def _configured(issuer: str | None, audience: str | None) -> dict[str, str]:
    return {name: value for name, value in (("iss", issuer), ("aud", audience)) if value is not None}

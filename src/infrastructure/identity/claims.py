"""What the claims of a token say, and whether they may be believed: the rules of RFC 8725 that need no key."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from application.ports.errors import InvalidTokenError
from application.ports.people import Profile, Role, TokenClaims
from domain.errors import InvalidError
from domain.values import OrgId, UserId, org_id, user_id

_LEEWAY_SECONDS: Final = 60
_CLAIM_MAX: Final = 2_000
"""Code points of one claim that is kept; longer ones are not names."""


@dataclass(frozen=True, slots=True)
class ClaimRules:
    """What is asked of claims.

    Attributes:
        issuer: required ``iss``, to the letter.
        audience: required among ``aud``.
        require_org: refuse tokens that name no organisation.
    """

    issuer: str | None = None
    audience: str | None = None
    require_org: bool = False

    def read(self, claims: dict[str, Any]) -> TokenClaims:
        """Read them.

        Raises:
            InvalidTokenError: they break a rule.
        """
        expires_at = _instant(claims, "exp")
        if expires_at is None:
            raise InvalidTokenError("The token never expires.")
        if self.issuer is not None and claims.get("iss") != self.issuer:
            raise InvalidTokenError("The token is of another issuer.")
        if self.audience is not None and self.audience not in _listed(claims.get("aud")):
            raise InvalidTokenError("The token is for another audience.")
        read = TokenClaims(
            user=_user(claims.get("sub")),
            org=self._org(claims.get("org")),
            roles=frozenset(role for role in Role if role in _listed(claims.get("roles"))),
            profile=_profile(claims),
            issued_at=_instant(claims, "iat") or datetime.fromtimestamp(0, UTC),
            expires_at=expires_at,
            not_before=_instant(claims, "nbf"),
        )
        check_time(read)
        return read

    def configured(self) -> dict[str, str]:
        """The claims that a token of our own has to carry."""
        asked = (("iss", self.issuer), ("aud", self.audience))
        return {name: value for name, value in asked if value is not None}

    def _org(self, claim: object) -> OrgId | None:
        if claim is None:
            if self.require_org:
                raise InvalidTokenError("The token names no organisation.")
            return None
        try:
            return org_id(claim if isinstance(claim, str) else "")
        except InvalidError:
            raise InvalidTokenError("The token names an organisation that cannot be.") from None


def check_time(claims: TokenClaims) -> None:
    """Whether a token is good now, a minute between two clocks forgiven.

    Raises:
        InvalidTokenError: it is over, or not good yet.
    """
    now = time.time()
    if claims.expires_at.timestamp() <= now - _LEEWAY_SECONDS:
        raise InvalidTokenError("The token has expired.")
    begins = max(claims.issued_at, claims.not_before or claims.issued_at)
    if begins.timestamp() > now + _LEEWAY_SECONDS:
        raise InvalidTokenError("The token is not good yet.")


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
        readable = isinstance(value, str) and value.isprintable() and 0 < len(value) <= _CLAIM_MAX
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

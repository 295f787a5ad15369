"""How often one may ask: of whose allowances a request takes, before a byte of its body is read."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Final

from msgspec import Struct

from application.commands.begin_upload import UPLOAD_MAX_BYTES
from application.ports.limits import Charge, Rate, RateLimiter
from domain.values import OrgId, UserId
from interfaces.http.problems import RequestError

_SECONDS: Final = 60
_SITE_PREFIX: Final = 64
"""An address of IPv6 is one of many of its owner's: the first half of it says whose."""


class Kind(StrEnum):
    """Kinds of requests, each with an allowance of its own."""

    READS = "reads"
    WRITES = "writes"
    POSTS = "posts"
    """What others get to see, or have to look at: stories, replies, reports."""
    UPLOADS = "uploads"
    """Posts that may bring a file, whose bytes are counted too."""
    NONE = "none"
    """What is asked by those who keep the service running."""


READS: Final = {"limit": Kind.READS}
"""For the options of a route that writes nothing though its method is POST."""
POSTS: Final = {"limit": Kind.POSTS}
"""For the options of a route by which people address others."""
UPLOADS: Final = {"limit": Kind.UPLOADS}
"""For the options of a route that takes files."""
UNLIMITED: Final = {"limit": Kind.NONE}
"""For the options of a route that anybody may call as often as they like."""


class Figures(Struct, frozen=True, kw_only=True):
    """What one user may do in a minute, and at once after a quiet one.

    Attributes:
        upload_bytes: of files.
        anonymous: requests without a token from one address, and fetches of one media link.
        org_factor: an organisation may do so many times as much, and so may a service on its own behalf.
    """

    reads: int
    writes: int
    posts: int
    upload_bytes: int
    anonymous: int
    org_factor: int


class Limits:
    """Takes from allowances, or refuses. A service acts for many: each of them has an allowance of their own."""

    def __init__(
        self,
        limiter: RateLimiter,
        figures: Figures | None,
        refused: Callable[[str, str], None],
        is_link: Callable[[str], bool],
    ) -> None:
        """Without figures nobody is refused.

        Args:
            limiter: keeps the allowances.
            figures: how large they are.
            refused: is told the kind of each refusal, and of whom it is.
            is_link: whether the token in the path of a media link is one that we have signed.
        """
        self._limiter, self._on, self._refused, self._is_link = limiter, figures is not None, refused, is_link
        if figures is None:
            return
        self._anonymous = _minutely(figures.anonymous)
        limited = {"reads": figures.reads, "writes": figures.writes, "posts": figures.posts}
        limited["bytes"] = figures.upload_bytes
        self._of_user = {name: _minutely(most) for name, most in limited.items()}
        self._of_org = {name: _minutely(most * figures.org_factor) for name, most in limited.items()}

    async def admit(self, scope: Any, org: OrgId, user: UserId | None, *, in_any: bool = False) -> None:
        """Take from what a user, and their organisation, may do; None: a service that acts for nobody.

        Args:
            scope: the request.
            org: which it names.
            user: whom it is carried out for.
            in_any: whether they may name any organisation: they do not get an allowance in each.

        Raises:
            RequestError: 429, nothing was taken.
        """
        kind = self._kind(scope)
        if kind is Kind.NONE:
            return
        names = {"posts": 1, "bytes": _length(scope)} if kind is Kind.UPLOADS else {kind.value: 1}
        of_org = [Charge(f"{org}/rate/{name}", self._of_org[name], cost) for name, cost in names.items()]
        where = "" if in_any else org
        of_user = [Charge(f"{where}/rate/{name}/{user}", self._of_user[name], cost) for name, cost in names.items()]
        refusal = await self._limiter.take(*of_org, *(of_user if user is not None else ()))
        if refusal is not None:
            by_org = refusal.charge in of_org
            self._refused(kind.value, "organisation" if by_org else "user")
            whose = "your organisation" if by_org else "you"
            raise _too_many(f"There are too many requests of {whose}.", refusal.seconds)

    async def admit_anybody(self, scope: Any) -> None:
        """Take from what may be done without a token: from one address, or with one link.

        Raises:
            RequestError: 429, nothing was taken.
        """
        if self._kind(scope) is Kind.NONE:
            return
        refusal = await self._limiter.take(Charge(self._somebody(scope), self._anonymous))
        if refusal is not None:
            self._refused(self._kind(scope).value, "address")
            raise _too_many("There are too many requests without a token from where you are.", refusal.seconds)

    def _somebody(self, scope: Any) -> str:
        link = scope["path_params"].get("token")
        # Fetched from anywhere, by the one it was made for. What somebody makes up is no reason for another allowance.
        if link is not None and self._is_link(link):
            return f"/link/{blake2b(link.encode(), digest_size=12).hexdigest()}"
        return f"/address/{_site((scope.get('client') or ('unknown',))[0])}"

    def _kind(self, scope: Any) -> Kind:
        if not self._on:
            return Kind.NONE
        by_method = Kind.READS if scope.get("method", "GET") in {"GET", "HEAD"} else Kind.WRITES
        kind: Kind = scope["route_handler"].opt.get("limit", by_method)
        return kind


def _minutely(most: int) -> Rate:
    return Rate(burst=most, per_second=most / _SECONDS)


def _too_many(detail: str, seconds: float) -> RequestError:
    return RequestError(429, "rate_limited", detail, Retry_After=str(math.ceil(seconds)))


def _length(scope: Any) -> int:
    """How many bytes are announced; a body of unknown length counts as the largest."""
    names = dict(scope["headers"])
    if b"transfer-encoding" in names:
        return UPLOAD_MAX_BYTES
    announced = names.get(b"content-length", b"0")
    return int(announced) if announced.isdigit() else 0


def _site(address: str) -> str:
    """Whose an address is: itself, or of IPv6 the half of it that says whose."""
    if ":" not in address:
        return address
    read = ip_address(address)
    if isinstance(read, IPv6Address) and read.ipv4_mapped is not None:
        return str(read.ipv4_mapped)
    return str(ip_network((address, _SITE_PREFIX), strict=False))

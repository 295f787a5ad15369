"""Who calls: proven by a token, in one organisation."""

from __future__ import annotations

from msgspec import Struct

from domain.values import OrgId, UserId


class Caller(Struct, frozen=True, kw_only=True):
    """The one a command or query is carried out for.

    Attributes:
        org: the organisation; nothing of another is ever seen or changed.
        user: the user, as the token proves it, or as a trusted service names it.
        origin: scheme and host at which the caller reached the service; links are made for it.
    """

    org: OrgId
    user: UserId
    origin: str = ""

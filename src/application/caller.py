"""Who calls: proven by a token, in one organisation."""

from __future__ import annotations

from msgspec import Struct

from application.ports.people import Role
from domain.errors import RoleRequiredError
from domain.values import OrgId, UserId

ANONYMOUS = UserId("")
"""An id that no user has: whoever asks without a token, and sees what is public."""


class Caller(Struct, frozen=True, kw_only=True):
    """The one a command or query is carried out for.

    Attributes:
        org: the organisation; nothing of another is ever seen or changed.
        user: the user, as the token proves it, or as a trusted service names it; `ANONYMOUS` without a token.
        roles: what the token's user is trusted with.
        origin: scheme and host at which the caller reached the service; links are made for it.
    """

    org: OrgId
    user: UserId
    roles: frozenset[Role] = frozenset()
    origin: str = ""

    def require_role(self, *roles: Role) -> None:
        """Let only those pass whose token gives one of the roles.

        Raises:
            RoleRequiredError: it gives none of them.
        """
        if not self.roles.intersection(roles):
            raise RoleRequiredError

"""Who asks: each actor of the table, the token they have, and the names they give. What they are to a story is data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

OWNER: Final = "{owner}"
"""Stands for the id of a story's owner: each story of the scene has one of its own."""


@dataclass(frozen=True)
class Actor:
    """Somebody who asks.

    Attributes:
        user: the user of their token; None: they have none.
        roles: what their token trusts them with.
        names: the user they name in the query, or a service acts for.
        elsewhere: they ask in another organisation than the story's.
        token_elsewhere: they ask in the story's, with a token of another.
    """

    name: str
    user: str | None
    roles: tuple[str, ...] = ()
    names: str | None = None
    elsewhere: bool = False
    token_elsewhere: bool = False

    @property
    def me(self) -> str:
        """The user they are taken for, if they are not refused."""
        return (self.names if "service" in self.roles else None) or self.user or ""


ACTORS: Final = {
    actor.name: actor
    for actor in (
        Actor("owner", OWNER),
        Actor("friend", "friend"),
        Actor("close friend", "close"),
        Actor("close, no friend", "close-only"),
        Actor("requested", "requested"),
        Actor("listed", "listed"),
        Actor("stranger", "stranger"),
        Actor("muter", "muter"),
        Actor("blocked", "blocked"),
        Actor("blocker", "blocker"),
        Actor("moderator", "moderator", roles=("moderator",)),
        Actor("admin", "admin", roles=("admin",)),
        Actor("service", "app", roles=("service",)),
        Actor("service for owner", "app", roles=("service",), names=OWNER),
        Actor("service for stranger", "app", roles=("service",), names="stranger"),
        Actor("owner elsewhere", OWNER, elsewhere=True),
        Actor("token elsewhere", "friend", token_elsewhere=True),
        Actor("impostor", "stranger", names=OWNER),
        Actor("anonymous", None),
    )
}

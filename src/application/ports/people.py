"""Who people are, to each other and to the service."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from domain.audience import Relation
from domain.friendship import Friendship
from domain.values import OrgId, UserId


class StandingBlock(Struct, frozen=True, kw_only=True):
    """That somebody has blocked somebody.

    Attributes:
        reason: the first that was given.
        at: since when (UTC); None: it was not written down then.
        before: whether it stood before it was asked for.
    """

    reason: str | None
    at: datetime | None
    before: bool


class Social(Protocol):
    """The copy of the social graph, of the transaction's organisation."""

    async def relation(self, owner: UserId, viewer: UserId) -> Relation:
        """What ``viewer`` is to ``owner`` now."""

    async def hold_pair(self, one: UserId, other: UserId) -> None:
        """Let nobody else change what two people are to each other until the transaction ends."""

    async def friendship(self, one: UserId, other: UserId) -> Friendship:
        """What two people are to each other; holds the pair."""

    async def save_friendship(self, friendship: Friendship) -> None:
        """Write it; one that nobody has put is removed."""

    async def add_close_friend(self, owner: UserId, friend: UserId) -> None:
        """Put somebody on a close-friends list; again, nothing happens."""

    async def remove_close_friend(self, owner: UserId, friend: UserId) -> None:
        """Take somebody off; not there, nothing happens."""

    async def mute(self, user: UserId, target: UserId) -> None:
        """Mute somebody; again, nothing happens."""

    async def unmute(self, user: UserId, target: UserId) -> None:
        """Unmute somebody; not muted, nothing happens."""

    async def block(self, user: UserId, target: UserId, reason: str | None = None) -> StandingBlock:
        """Block somebody; again, nothing happens, but for a reason where there was none. `hold_pair` first."""

    async def unblock(self, user: UserId, target: UserId) -> None:
        """Take a block back; not blocked, nothing happens."""


class Profile(Struct, frozen=True, kw_only=True):
    """What a token tells of a person, for others to see."""

    username: str | None = None
    full_name: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    avatar_url: str | None = None
    email: str | None = None
    company: str | None = None
    job_title: str | None = None


class Profiles(Protocol):
    """What is known of people, of the transaction's organisation."""

    async def put(self, user: UserId, profile: Profile, *, told_at: datetime, create: bool) -> None:
        """Keep what was told last (by ``told_at``, UTC). Somebody unknown is added only if ``create``."""


class Role(StrEnum):
    """What a token's user is trusted with, beyond being themselves."""

    SERVICE = "service"
    """The application that uses the service: acts for the user it names."""
    MODERATOR = "moderator"
    ADMIN = "admin"


class TokenClaims(Struct, frozen=True, kw_only=True):
    """What a good token says.

    Attributes:
        org: the only organisation it is good for; None: any.
        issued_at: when it was made (UTC); 1970 if it does not say.
        expires_at: when it ends (UTC).
        not_before: when it begins (UTC); None: it does not say.
    """

    user: UserId
    org: OrgId | None
    roles: frozenset[Role]
    profile: Profile
    issued_at: datetime
    expires_at: datetime
    not_before: datetime | None = None


class TokenVerifier(Protocol):
    """Tells good tokens from bad."""

    async def verify(self, token: str) -> TokenClaims:
        """Read a token.

        Raises:
            InvalidTokenError: it proves nothing.
            UnavailableError: what it is signed with cannot be had now.
        """

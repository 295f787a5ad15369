"""Check which of many users have active stories: the rings around their pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from msgspec import Struct

from application.caller import Caller
from domain.errors import InvalidError
from domain.values import UserId

USERS_MAX: Final = 1_000


class TooManyIdsError(InvalidError):
    """More users than one question may name."""


class CheckActive(Struct, frozen=True, kw_only=True):
    """Ask about users; duplicates fold."""

    caller: Caller
    users: Sequence[UserId]


class Rings(Struct, frozen=True, kw_only=True):
    """By user: whether they have something the caller may see, and whether the caller has not seen it all."""

    active: Mapping[UserId, bool]
    unseen: Mapping[UserId, bool]


class RingsReader(Protocol):
    """Reads rings."""

    async def unseen_by_owner(self, caller: Caller, owners: Sequence[UserId]) -> Mapping[UserId, bool]:
        """Of those with something visible: whether some of it is not viewed by the caller. Others are absent."""


@dataclass(frozen=True, slots=True)
class CheckActiveHandler:
    """Answers for up to 1,000 users at once; for strangers and nobody alike: no."""

    reader: RingsReader

    async def __call__(self, query: CheckActive) -> Rings:
        """Check them.

        Raises:
            TooManyIdsError: more than 1,000.
        """
        users = list(dict.fromkeys(query.users))
        if len(query.users) > USERS_MAX:
            raise TooManyIdsError("userIds", f"At most {USERS_MAX:,} ids")
        unseen = await self.reader.unseen_by_owner(query.caller, users) if users else {}
        return Rings(
            active={user: user in unseen for user in users},
            unseen={user: unseen.get(user, False) for user in users},
        )

"""Put somebody on the close-friends list."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from application.caller import Caller
from application.people import require_other
from application.ports.transactions import UnitOfWork
from domain.errors import NotFoundError
from domain.values import UserId


class AddCloseFriend(Struct, frozen=True, kw_only=True):
    """The caller counts somebody among their close friends."""

    caller: Caller
    friend: UserId


@dataclass(frozen=True, slots=True)
class AddCloseFriendHandler:
    """The list is the caller's alone: nobody is told, and nobody needs to agree."""

    unit_of_work: UnitOfWork

    async def __call__(self, command: AddCloseFriend) -> None:
        """Add them.

        Raises:
            InvalidError: they name themselves.
            NotFoundError: either blocks the other.
        """
        require_other(command.caller.user, command.friend, "friendId")
        async with self.unit_of_work.begin(command.caller.org) as tx:
            await tx.social.hold_pair(command.caller.user, command.friend)
            if (await tx.social.relation(command.caller.user, command.friend)).blocked:
                raise NotFoundError("There is no such user.")
            await tx.social.add_close_friend(command.caller.user, command.friend)

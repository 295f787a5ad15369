"""Say that somebody is a friend."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from application.caller import Caller
from application.ports.transactions import UnitOfWork
from domain.errors import NotFoundError
from domain.values import UserId


class Befriend(Struct, frozen=True, kw_only=True):
    """The caller names a friend.

    Attributes:
        confirmed: the application that owns the graph says so for both.
    """

    caller: Caller
    friend: UserId
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class BefriendHandler:
    """A request, confirmed when both have put it; at once if the application says so."""

    unit_of_work: UnitOfWork

    async def __call__(self, command: Befriend) -> None:
        """Put it.

        Raises:
            InvalidError: they name themselves.
            NotFoundError: either blocks the other.
        """
        user = command.caller.user
        async with self.unit_of_work.begin(command.caller.org) as tx:
            friendship = await tx.social.friendship(user, command.friend)
            if (await tx.social.relation(user, command.friend)).blocked:
                raise NotFoundError("There is no such user.")
            await tx.social.save_friendship(friendship.confirm() if command.confirmed else friendship.put(user))

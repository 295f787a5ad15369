"""End a friendship, or take back or turn down a request."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from application.caller import Caller
from application.ports.transactions import UnitOfWork
from domain.values import UserId


class Unfriend(Struct, frozen=True, kw_only=True):
    """The caller ends it, for both."""

    caller: Caller
    friend: UserId


@dataclass(frozen=True, slots=True)
class UnfriendHandler:
    """Ends what there is; where there is nothing, nothing happens."""

    unit_of_work: UnitOfWork

    async def __call__(self, command: Unfriend) -> None:
        """End it.

        Raises:
            InvalidError: they name themselves.
        """
        async with self.unit_of_work.begin(command.caller.org) as tx:
            friendship = await tx.social.friendship(command.caller.user, command.friend)
            await tx.social.save_friendship(friendship.end())

"""Block somebody: neither sees the other's stories."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from application.caller import Caller
from application.people import require_other
from application.ports.transactions import UnitOfWork
from domain.values import UserId


class BlockUser(Struct, frozen=True, kw_only=True):
    """The caller wants nothing to do with somebody."""

    caller: Caller
    target: UserId


@dataclass(frozen=True, slots=True)
class BlockUserHandler:
    """Ends friendship, requests and close-friend marks, both ways."""

    unit_of_work: UnitOfWork

    async def __call__(self, command: BlockUser) -> None:
        """Block them.

        Raises:
            InvalidError: they name themselves.
        """
        require_other(command.caller.user, command.target, "targetId")
        async with self.unit_of_work.begin(command.caller.org) as tx:
            friendship = await tx.social.friendship(command.caller.user, command.target)
            await tx.social.save_friendship(friendship.end())
            await tx.social.remove_close_friend(command.caller.user, command.target)
            await tx.social.remove_close_friend(command.target, command.caller.user)
            await tx.social.block(command.caller.user, command.target)

"""Take somebody off the close-friends list."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from application.caller import Caller
from application.ports.transactions import UnitOfWork
from domain.values import UserId


class RemoveCloseFriend(Struct, frozen=True, kw_only=True):
    """The caller no longer counts somebody among their close friends."""

    caller: Caller
    friend: UserId


@dataclass(frozen=True, slots=True)
class RemoveCloseFriendHandler:
    """Who is not on the list is no error."""

    unit_of_work: UnitOfWork

    async def __call__(self, command: RemoveCloseFriend) -> None:
        """Remove them."""
        async with self.unit_of_work.begin(command.caller.org) as tx:
            await tx.social.remove_close_friend(command.caller.user, command.friend)

"""Unmute somebody."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from application.caller import Caller
from application.ports.transactions import UnitOfWork
from domain.values import UserId


class UnmuteUser(Struct, frozen=True, kw_only=True):
    """The caller wants to see somebody's stories again."""

    caller: Caller
    target: UserId


@dataclass(frozen=True, slots=True)
class UnmuteUserHandler:
    """Who is not muted is no error."""

    unit_of_work: UnitOfWork

    async def __call__(self, command: UnmuteUser) -> None:
        """Unmute them."""
        async with self.unit_of_work.begin(command.caller.org) as tx:
            await tx.social.unmute(command.caller.user, command.target)

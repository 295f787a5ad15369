"""Unblock somebody."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from application.caller import Caller
from application.ports.transactions import UnitOfWork
from domain.values import UserId


class UnblockUser(Struct, frozen=True, kw_only=True):
    """The caller takes their own block back."""

    caller: Caller
    target: UserId


@dataclass(frozen=True, slots=True)
class UnblockUserHandler:
    """Restores nothing that the block has ended; who is not blocked is no error."""

    unit_of_work: UnitOfWork

    async def __call__(self, command: UnblockUser) -> None:
        """Unblock them."""
        async with self.unit_of_work.begin(command.caller.org) as tx:
            await tx.social.unblock(command.caller.user, command.target)

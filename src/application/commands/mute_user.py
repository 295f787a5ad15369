"""Mute somebody: no stories of theirs in feeds."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from application.caller import Caller
from application.people import require_other
from application.ports.transactions import UnitOfWork
from domain.values import UserId


class MuteUser(Struct, frozen=True, kw_only=True):
    """The caller wants to see less of somebody."""

    caller: Caller
    target: UserId


@dataclass(frozen=True, slots=True)
class MuteUserHandler:
    """Their stories leave the caller's feeds; by profile, ring and id they stay to be seen."""

    unit_of_work: UnitOfWork

    async def __call__(self, command: MuteUser) -> None:
        """Mute them.

        Raises:
            InvalidError: they name themselves.
        """
        require_other(command.caller.user, command.target, "targetId")
        async with self.unit_of_work.begin(command.caller.org) as tx:
            await tx.social.mute(command.caller.user, command.target)

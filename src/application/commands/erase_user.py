"""Erase a person: asked for now, done soon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from msgspec import Struct

from application.caller import Caller
from application.ports.transactions import UnitOfWork
from domain.audience import Audience, Visibility

TAKEN_BACK_MAX: Final = 100
"""Stories that are taken back one by one, so that who looks at them is told; any others are just hidden."""


class EraseUser(Struct, frozen=True, kw_only=True):
    """Leave nothing of the caller."""

    caller: Caller


@dataclass(frozen=True, slots=True)
class EraseUserHandler:
    """Writes down that they are to be erased, and hides them; `EraseUsers` does the rest. Safe to repeat."""

    unit_of_work: UnitOfWork

    async def __call__(self, command: EraseUser) -> None:
        """Ask for it."""
        user, nobody = command.caller.user, Audience(Visibility.ONLY_ME)
        async with self.unit_of_work.begin(command.caller.org) as tx:
            if not await tx.erasures.request(user):
                return
            at = await tx.clock()  # before the stories are read: what is shown then is not over at that time
            for story in await tx.erasures.shown(user, limit=TAKEN_BACK_MAX):
                await tx.stories.save(story.edit(by=user, at=at, audience=nobody))
            await tx.erasures.hide(user)

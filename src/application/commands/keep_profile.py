"""Keep what a token tells of its user."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from msgspec import Struct

from application.caller import Caller
from application.ports.people import Profile
from application.ports.transactions import UnitOfWork


class KeepProfile(Struct, frozen=True, kw_only=True):
    """What was told of the caller.

    Attributes:
        told_at: when the token was made (UTC): what was told last is kept.
        create: whether somebody unknown is added; asking alone adds nobody.
    """

    caller: Caller
    profile: Profile
    told_at: datetime
    create: bool


@dataclass(frozen=True, slots=True)
class KeepProfileHandler:
    """Keeps the caller's profile up to date."""

    unit_of_work: UnitOfWork

    async def __call__(self, command: KeepProfile) -> None:
        """Keep it; a token that tells nothing of its user takes nothing away of what is known."""
        if command.profile == Profile():
            return
        async with self.unit_of_work.begin(command.caller.org) as tx:
            await tx.profiles.put(command.caller.user, command.profile, told_at=command.told_at, create=command.create)

"""Block somebody: neither sees the other's stories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from msgspec import Struct

from application.caller import Caller
from application.people import require_other
from application.ports.transactions import UnitOfWork
from application.queries.times import Timestamp, timestamp
from domain.values import UserId, plain_text

BLOCK_REASON_MAX: Final = 200


class BlockUser(Struct, frozen=True, kw_only=True):
    """The caller wants nothing to do with somebody.

    Attributes:
        reason: a note of the caller's, for nobody else; at most 200 code points.
    """

    caller: Caller
    target: UserId
    reason: str | None = None


class Blocked(Struct, frozen=True, kw_only=True):
    """A block that stands.

    Attributes:
        reason: the first that was given.
        at: since when; None where it was not written down yet.
        before: whether it stood already.
    """

    target: UserId
    reason: str | None
    at: Timestamp | None
    before: bool


@dataclass(frozen=True, slots=True)
class BlockUserHandler:
    """Ends friendship, requests and close-friend marks, both ways."""

    unit_of_work: UnitOfWork

    async def __call__(self, command: BlockUser) -> Blocked:
        """Block them; again, nothing happens.

        Raises:
            InvalidError: they name themselves, or the reason is no text, or too long.
        """
        require_other(command.caller.user, command.target, "targetId")
        plain_text(command.reason or "", "reason", longest=BLOCK_REASON_MAX)
        async with self.unit_of_work.begin(command.caller.org) as tx:
            friendship = await tx.social.friendship(command.caller.user, command.target)
            await tx.social.save_friendship(friendship.end())
            await tx.social.remove_close_friend(command.caller.user, command.target)
            await tx.social.remove_close_friend(command.target, command.caller.user)
            block = await tx.social.block(command.caller.user, command.target, command.reason)
        return Blocked(
            target=command.target,
            reason=block.reason,
            at=None if block.at is None else timestamp(block.at),
            before=block.before,
        )

"""Take a reaction back."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from application.access import require_active, require_visible
from application.caller import Caller
from application.ports.transactions import UnitOfWork
from domain.engagement import Reaction
from domain.events import StoryReactionRemoved
from domain.values import StoryId


class RemoveReaction(Struct, frozen=True, kw_only=True):
    """The caller takes back one reaction, or all of theirs if None."""

    caller: Caller
    story_id: StoryId
    reaction: Reaction | None = None


@dataclass(frozen=True, slots=True)
class RemoveReactionHandler:
    """Takes back what was said; where nothing was, nothing happens."""

    unit_of_work: UnitOfWork

    async def __call__(self, command: RemoveReaction) -> None:
        """Take it back.

        Raises:
            StoryNotFoundError, StoryExpiredError: the caller does not see the story (any more).
            NotActiveError: it is the caller's own, and not active.
        """
        user = command.caller.user
        async with self.unit_of_work.begin(command.caller.org) as tx:
            require_visible(await tx.stories.access(command.story_id, user))
            before = await tx.reactions.get(command.story_id, user)
            known = require_active(await tx.stories.access(command.story_id, user))
            after = before.remove(command.reaction)
            await tx.reactions.save(command.story_id, user, before, after)
            at = await tx.clock()
            for reaction in sorted(before.said() - after.said()):
                await tx.publish(
                    StoryReactionRemoved(
                        org=command.caller.org,
                        story=command.story_id,
                        owner=known.owner,
                        at=at,
                        user=user,
                        reaction=reaction,
                    )
                )

"""React to a story."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from application.access import require_active, require_visible
from application.caller import Caller
from application.ports.transactions import UnitOfWork
from domain.engagement import Reaction
from domain.events import StoryReacted
from domain.values import StoryId


class ReactToStory(Struct, frozen=True, kw_only=True):
    """The caller reacts."""

    caller: Caller
    story_id: StoryId
    reaction: Reaction


@dataclass(frozen=True, slots=True)
class ReactToStoryHandler:
    """At most one feeling per user, and beside it one `share`; the same again changes nothing."""

    unit_of_work: UnitOfWork

    async def __call__(self, command: ReactToStory) -> None:
        """React.

        Raises:
            StoryNotFoundError, StoryExpiredError: the caller does not see the story (any more).
            NotActiveError: it is the caller's own, and not active.
        """
        user = command.caller.user
        async with self.unit_of_work.begin(command.caller.org) as tx:
            require_visible(await tx.stories.access(command.story_id, user))
            before = await tx.reactions.get(command.story_id, user)
            known = require_active(await tx.stories.access(command.story_id, user))
            after = before.add(command.reaction)
            if after == before:
                return
            await tx.reactions.save(command.story_id, user, before, after)
            await tx.publish(
                StoryReacted(
                    org=command.caller.org,
                    story=command.story_id,
                    owner=known.owner,
                    at=await tx.clock(),
                    user=user,
                    reaction=command.reaction,
                )
            )

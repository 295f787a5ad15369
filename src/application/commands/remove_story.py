"""Remove a story that should not be shown, without a report of it."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from application.caller import Caller
from application.oversight import MODERATORS
from application.ports.transactions import NewIds, UnitOfWork
from application.removal import remove_story
from domain.moderation import Outcome
from domain.values import StoryId


class RemoveStory(Struct, frozen=True, kw_only=True):
    """A moderator takes a story down."""

    caller: Caller
    story_id: StoryId


@dataclass(frozen=True, slots=True)
class RemoveStoryHandler:
    """Archives a story for everybody; its owner keeps it in the archive, and may delete it."""

    unit_of_work: UnitOfWork
    new_id: NewIds

    async def __call__(self, command: RemoveStory) -> Outcome:
        """Remove it; what that came to.

        Raises:
            RoleRequiredError: the caller is no moderator.
            StoryNotFoundError: there is none.
        """
        command.caller.require_role(*MODERATORS)
        async with self.unit_of_work.begin(command.caller.org) as tx:
            return await remove_story(tx, self.new_id, command.caller, command.story_id)

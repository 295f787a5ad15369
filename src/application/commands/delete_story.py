"""Delete a story for good."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from application.access import known_story
from application.caller import Caller
from application.failpoints import Failpoint, failpoint
from application.ports.transactions import UnitOfWork
from domain.values import StoryId


class DeleteStory(Struct, frozen=True, kw_only=True):
    """Remove a story of the caller's, and all that hangs on it."""

    caller: Caller
    story_id: StoryId


@dataclass(frozen=True, slots=True)
class DeleteStoryHandler:
    """Removes the rows now; the bytes follow by the bin."""

    unit_of_work: UnitOfWork

    async def __call__(self, command: DeleteStory) -> None:
        """Delete it.

        Raises:
            StoryNotFoundError: there is none (any more), or it is hidden from the caller.
            NotTheOwnerError: the caller did not post it.
        """
        async with self.unit_of_work.begin(command.caller.org) as tx:
            story = await known_story(tx, command.caller, command.story_id)
            await tx.stories.delete(story.delete(by=command.caller.user, at=await tx.clock()))
        failpoint(Failpoint.DELETE_AFTER_COMMIT)

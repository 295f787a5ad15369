"""Archive a story before its time is over."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from application.access import known_story
from application.caller import Caller
from application.ports.transactions import UnitOfWork
from domain.values import StoryId


class ArchiveStory(Struct, frozen=True, kw_only=True):
    """Take a story of the caller's out of every feed."""

    caller: Caller
    story_id: StoryId


@dataclass(frozen=True, slots=True)
class ArchiveStoryHandler:
    """Archives once; again, nothing happens."""

    unit_of_work: UnitOfWork

    async def __call__(self, command: ArchiveStory) -> None:
        """Archive it.

        Raises:
            StoryNotFoundError: there is none, or it is hidden from the caller.
            NotTheOwnerError: the caller did not post it.
        """
        async with self.unit_of_work.begin(command.caller.org) as tx:
            story = await known_story(tx, command.caller, command.story_id)
            await tx.stories.save(story.archive(by=command.caller.user, at=await tx.clock()))

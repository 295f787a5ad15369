"""Get one story by its id, as a record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct

from application.access import require_visible
from application.caller import Caller
from application.oversight import oversees
from application.ports.stories import StoryAccess
from application.queries.community_records import CommunityStory
from domain.errors import StoryNotFoundError
from domain.values import StoryId


class GetCommunityStory(Struct, frozen=True, kw_only=True):
    """Ask for a story."""

    caller: Caller
    story_id: StoryId


class KnownRecord(Struct, frozen=True, kw_only=True):
    """A story, with what the caller may know of it.

    Attributes:
        reported: whether a report of it is open.
    """

    known: StoryAccess
    reported: bool
    record: CommunityStory


class RecordReader(Protocol):
    """Reads one record."""

    async def record(self, caller: Caller, story_id: StoryId) -> KnownRecord | None:
        """The story, in one statement. None: there is none."""


@dataclass(frozen=True, slots=True)
class GetCommunityStoryHandler:
    """Shows a story to its author and to admins for as long as it exists, to others while they may see it.

    Moderators see it also while a report of it waits for them.
    """

    reader: RecordReader

    async def __call__(self, query: GetCommunityStory) -> CommunityStory:
        """Get it.

        Raises:
            StoryNotFoundError, StoryExpiredError: the caller does not see it (any more).
        """
        found = await self.reader.record(query.caller, query.story_id)
        if found is None:
            raise StoryNotFoundError
        if not oversees(query.caller.roles, reported=found.reported):
            require_visible(found.known)
        return found.record

"""Get one story by its id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct

from application.access import require_visible
from application.caller import Caller
from application.ports.stories import StoryAccess
from application.queries.cards import OwnerStoryCard, StoryCard
from domain.errors import StoryNotFoundError
from domain.values import StoryId


class GetStory(Struct, frozen=True, kw_only=True):
    """Ask for a story."""

    caller: Caller
    story_id: StoryId


class StoryReader(Protocol):
    """Reads one story."""

    async def story(self, caller: Caller, story_id: StoryId) -> tuple[StoryAccess, StoryCard | OwnerStoryCard] | None:
        """The story with what the caller may know of it, in one statement. None: there is none."""


@dataclass(frozen=True, slots=True)
class GetStoryHandler:
    """Shows a story to its owner always, to others while they may see it."""

    reader: StoryReader

    async def __call__(self, query: GetStory) -> StoryCard | OwnerStoryCard:
        """Get it.

        Raises:
            StoryNotFoundError, StoryExpiredError: the caller does not see it (any more).
        """
        found = await self.reader.story(query.caller, query.story_id)
        if found is None:
            raise StoryNotFoundError
        known, card = found
        require_visible(known)
        return card

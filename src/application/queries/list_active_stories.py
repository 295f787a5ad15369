"""List the active stories of one user, in playing order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct

from application.caller import Caller
from application.queries.cards import OwnerStoryCard, StoryCard
from domain.values import UserId


class ListActiveStories(Struct, frozen=True, kw_only=True):
    """Ask for the stories of ``owner`` that the caller may see now."""

    caller: Caller
    owner: UserId


class ActiveStoriesReader(Protocol):
    """Reads the active stories of one user."""

    async def active(self, caller: Caller, owner: UserId) -> Sequence[StoryCard | OwnerStoryCard]:
        """What the caller may see now, oldest first; an unknown user has none."""


@dataclass(frozen=True, slots=True)
class ListActiveStoriesHandler:
    """Lists them, oldest first; nobody learns that there is more than they see."""

    reader: ActiveStoriesReader

    async def __call__(self, query: ListActiveStories) -> Sequence[StoryCard | OwnerStoryCard]:
        """List them."""
        return await self.reader.active(query.caller, query.owner)

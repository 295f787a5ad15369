"""What may have to be done after something happened, and how workers hear of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from domain.values import OrgId, StoryId


class Policy(StrEnum):
    """What may have to be done after something happened; the names travel in messages."""

    PROCESS_MEDIA = "process_media"
    EMPTY_BIN = "empty_bin"
    CLEAN_ARCHIVES = "clean_archives"


class Wakeups(Protocol):
    """Tells workers that there is something to do; may be lost, doubled or late, so the truth is elsewhere."""

    async def wake(self, policy: Policy, org: OrgId, story_id: StoryId) -> None:
        """Have the policy run soon, for the story.

        Raises:
            UnavailableError: the workers cannot be reached.
        """

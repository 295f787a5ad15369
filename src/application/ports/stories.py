"""Stories and what viewers do with them, as a transaction sees them."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from msgspec import Struct

from domain.engagement import Reactions, Reply
from domain.story import Access, Story
from domain.values import StoryId, UserId


class Stories(Protocol):
    """Stories of the transaction's organisation."""

    async def get(self, story_id: StoryId) -> Story | None:
        """Load a story and keep others from changing it until the transaction ends. None: there is none."""

    async def add(self, story: Story) -> None:
        """Write a new story and its events."""

    async def save(self, story: Story) -> None:
        """Write a changed story and its events; a story without events is left alone.

        Raises:
            ConcurrentChangeError: the stored version is not the one that was loaded.
        """

    async def delete(self, story: Story) -> None:
        """Remove the story with its views, reactions and replies, give its bytes to the bin, and write its events."""

    async def access(self, story_id: StoryId, viewer: UserId) -> StoryAccess | None:
        """What ``viewer`` may know of the story now, decided within one statement. None: there is none."""


class StoryAccess(Struct, frozen=True):
    """What one person may know of one story, and the little that engagement needs of it."""

    access: Access
    owner: UserId
    active: bool


class FirstView(Struct, frozen=True):
    """That somebody saw a story of ``owner`` for the first time, at ``at`` (UTC)."""

    owner: UserId
    at: datetime


class Views(Protocol):
    """Who saw what: one record per story and viewer."""

    async def record(self, story_id: StoryId, viewer: UserId, duration_seconds: float) -> FirstView | None:
        """Record and count a first view, if the story is visible to the viewer, decided within the statement.

        None: nothing was recorded. The story is not visible to them, is their own, or was viewed before.
        """

    async def extend(self, story_id: StoryId, viewer: UserId, duration_seconds: float) -> None:
        """Keep the longer duration of a view that is there; exact under concurrency."""


class ReactionBook(Protocol):
    """Who reacted how."""

    async def get(self, story_id: StoryId, user: UserId) -> Reactions:
        """What the user said of the story, and keep others from changing it until the transaction ends.

        Raises:
            StoryNotFoundError: there is no such story (any more).
        """

    async def save(self, story_id: StoryId, user: UserId, before: Reactions, after: Reactions) -> None:
        """Write the change and count it."""


class Replies(Protocol):
    """Private messages about stories."""

    async def add(self, reply: Reply) -> None:
        """Write a reply and count it.

        Raises:
            StoryNotFoundError: there is no such story (any more).
        """

    async def thread_exists(self, story_id: StoryId, thread: UserId) -> bool:
        """Whether the person has written about the story."""

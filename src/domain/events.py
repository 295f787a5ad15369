"""What happened, in the past tense, for other services: ids, kinds, reasons and times only."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from domain.values import OrgId, ReplyId, StoryId, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(ABC):
    """Something that happened in an organisation.

    Attributes:
        type: the name on the wire.
        at: when (UTC).
    """

    type: ClassVar[str]

    org: OrgId
    at: datetime

    @property
    @abstractmethod
    def subject(self) -> str:
        """The id of what it happened to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryEvent(Event):
    """Something that happened to one story.

    Attributes:
        owner: who posted the story.
    """

    story: StoryId
    owner: UserId

    @property
    def subject(self) -> str:
        """The story's id."""
        return str(self.story)


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleEvent(StoryEvent):
    """A change of the story itself; ``version`` rises by one with each, from 1, without a gap."""

    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryCreated(LifecycleEvent):
    """A story was posted; if it holds media, it is being processed."""

    type = "story.created"
    kind: str
    visibility: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryPublished(LifecycleEvent):
    """A story became visible to its audience."""

    type = "story.published"
    kind: str
    visibility: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryProcessingFailed(LifecycleEvent):
    """The uploaded file could not be made into a story."""

    type = "story.processing_failed"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryUpdated(LifecycleEvent):
    """The owner changed caption, overlays or audience."""

    type = "story.updated"
    changed: tuple[str, ...]
    visibility: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryArchived(LifecycleEvent):
    """A story left every feed; its owner still finds it in the archive."""

    type = "story.archived"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryDeleted(LifecycleEvent):
    """A story is gone for good."""

    type = "story.deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryViewed(StoryEvent):
    """Somebody saw the story for the first time."""

    type = "story.viewed"
    viewer: UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryReacted(StoryEvent):
    """Somebody's reaction to the story is new or another than before."""

    type = "story.reacted"
    user: UserId
    reaction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryReactionRemoved(StoryEvent):
    """Somebody took a reaction back."""

    type = "story.reaction_removed"
    user: UserId
    reaction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryReplied(StoryEvent):
    """Somebody wrote to the owner about the story, or the owner answered; the words are not told."""

    type = "story.replied"
    reply: ReplyId
    sender: UserId
    recipient: UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class UserErased(Event):
    """Nothing is left of a person; who keeps something about them forgets it now."""

    type = "user.erased"
    user: UserId

    @property
    def subject(self) -> str:
        """The person's id."""
        return self.user


ALL: tuple[type[Event], ...] = (
    StoryCreated,
    StoryPublished,
    StoryProcessingFailed,
    StoryUpdated,
    StoryArchived,
    StoryDeleted,
    StoryViewed,
    StoryReacted,
    StoryReactionRemoved,
    StoryReplied,
    UserErased,
)
"""Every event there is, by the order of a story's life."""

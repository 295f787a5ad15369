"""What viewers do with a story: views, reactions, replies. Small facts of their own, never lists inside the story."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

from domain.errors import InvalidError, OwnStoryError
from domain.values import ReplyId, StoryId, UserId, written_text

VIEW_MAX_SECONDS: Final = 3_600.0
REPLY_MAX: Final = 1_000


class ViewQuality(StrEnum):
    """How much of a story was seen."""

    LOW = "Low"
    MEDIUM = "Medium"
    HIGH = "High"

    @classmethod
    def of(cls, duration_seconds: float, length_seconds: float) -> Self:
        """Grade the watched part of a story: below a quarter ``Low``, from three quarters on ``High``."""
        watched = duration_seconds / length_seconds
        if watched < LOW_BELOW:
            return cls(cls.LOW)
        return cls(cls.MEDIUM) if watched < HIGH_FROM else cls(cls.HIGH)


LOW_BELOW: Final = 0.25
HIGH_FROM: Final = 0.75
"""Watched fraction from which on a view counts as ``High``, and its viewer as engaged."""


def view_duration(seconds: float) -> float:
    """Check how long somebody watched: 0-3,600 seconds.

    Raises:
        InvalidError: it is outside.
    """
    if not 0 <= seconds <= VIEW_MAX_SECONDS:
        raise InvalidError("viewDurationSeconds", "A view lasts 0 to 3,600 seconds")
    return seconds


@dataclass(frozen=True, slots=True)
class View:
    """That somebody saw a story: one record per viewer.

    Attributes:
        at: when they saw it first (UTC).
        duration_seconds: the longest they watched.
    """

    viewer: UserId
    at: datetime
    duration_seconds: float

    def again(self, duration_seconds: float) -> Self:
        """The same viewer watches again: the first time is kept, and the longest duration."""
        return replace(self, duration_seconds=max(self.duration_seconds, duration_seconds))


class Reaction(StrEnum):
    """What a user may say of a story with one tap; `SHARE` says that they passed it on."""

    LIKE = "like"
    LOVE = "love"
    HAHA = "haha"
    DISLIKE = "dislike"
    SHARE = "share"

    @classmethod
    def parse(cls, text: str, field: str = "reaction") -> Self:
        """Read a reaction in any letter case.

        Raises:
            InvalidError: there is none of that name.
        """
        try:
            return cls(text.lower())
        except ValueError:
            raise InvalidError(field, f"One of {', '.join(cls)}") from None


@dataclass(frozen=True, slots=True)
class Reactions:
    """What one user has said of one story: at most one feeling, and beside it whether they passed it on."""

    feeling: Reaction | None = None
    shared: bool = False

    def __contains__(self, reaction: Reaction) -> bool:
        """Whether this has been said."""
        return self.shared if reaction is Reaction.SHARE else self.feeling is reaction

    def add(self, reaction: Reaction) -> Self:
        """Say it: another feeling takes the place of the one before; the same again changes nothing."""
        return replace(self, shared=True) if reaction is Reaction.SHARE else replace(self, feeling=reaction)

    def remove(self, reaction: Reaction | None) -> Self:
        """Take it back, or everything if None; what was not said cannot be taken back, and nothing happens."""
        if reaction is None:
            return type(self)()
        if reaction not in self:
            return self
        return replace(self, shared=False) if reaction is Reaction.SHARE else replace(self, feeling=None)

    def said(self) -> frozenset[Reaction]:
        """All that is said now."""
        feelings = {self.feeling} if self.feeling else set()
        return frozenset(feelings | ({Reaction.SHARE} if self.shared else set()))


def reply_content(text: str) -> str:
    """Check the words of a reply: 1-1,000 code points, not blank.

    Raises:
        InvalidError: they break that rule.
    """
    return written_text(text, "content", longest=REPLY_MAX)


@dataclass(frozen=True, slots=True)
class Reply:
    """A private message about a story, between its owner and one other: the thread.

    Attributes:
        thread: the one who is not the owner.
        at: when it was sent (UTC).
        content: 1-1,000 code points.
    """

    id: ReplyId
    story: StoryId
    thread: UserId
    sender: UserId
    recipient: UserId
    content: str
    at: datetime

    @classmethod
    def write(
        cls,
        *,
        id: ReplyId,  # noqa: A002 - the field's own name
        story: StoryId,
        owner: UserId,
        sender: UserId,
        to: UserId | None,
        content: str,
        at: datetime,
    ) -> Self:
        """Write to the owner, or, as the owner, answer ``to`` in their thread.

        Raises:
            OwnStoryError: the owner writes to nobody, or to themselves.
            InvalidError: the words are blank or too long, or a viewer writes to somebody else than the owner.
        """
        reply_content(content)
        if sender != owner:
            if to not in {None, owner}:
                raise InvalidError("to", "A reply goes to the owner of the story")
            return cls(id, story, thread=sender, sender=sender, recipient=owner, content=content, at=at)
        if to is None or to == owner:
            raise OwnStoryError("The owner answers somebody who replied: name them in `to`.")
        return cls(id, story, thread=to, sender=owner, recipient=to, content=content, at=at)

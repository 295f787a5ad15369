"""What people report, and what moderators make of it: reports, and the trail of what was done; no story changes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Self
from uuid import UUID

from domain.errors import InvalidError, ReportClosedError
from domain.values import AuditId, ReportId, StoryId, UserId, plain_text, written_text

REASON_MAX: Final = 200
DETAILS_MAX: Final = 2_000


class TargetType(StrEnum):
    """What may be reported."""

    STORY = "story"
    USER = "user"


class ReportStatus(StrEnum):
    """Where a report is: waiting, or what a moderator made of it."""

    OPEN = "open"
    DISMISSED = "dismissed"
    RESOLVED = "resolved"


class Act(StrEnum):
    """What a moderator does."""

    DISMISS = "dismiss"
    REMOVE_STORY = "remove_story"


class Outcome(StrEnum):
    """What an act came to."""

    DISMISSED = "dismissed"
    REMOVED = "removed"
    ALREADY_OVER = "already_over"
    """The story had expired, or was archived before; it stays as it was."""
    ALREADY_GONE = "already_gone"
    """Its owner had deleted the story."""


@dataclass(frozen=True, slots=True)
class Target:
    """A story or a person, by id."""

    type: TargetType
    id: str

    @classmethod
    def of_story(cls, story: StoryId) -> Self:
        """A story."""
        return cls(TargetType.STORY, str(story))

    @classmethod
    def of_user(cls, user: UserId) -> Self:
        """A person."""
        return cls(TargetType.USER, user)


def require_words(reason: str, details: str | None) -> None:
    """Let only such words pass as a report may have.

    Raises:
        InvalidError: a blank reason, or texts that are too long or none.
    """
    written_text(reason, "reason", longest=REASON_MAX)
    plain_text(details or "", "details", longest=DETAILS_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What somebody has told the moderators of a story or a person.

    Attributes:
        subject: whose story it is, or the person.
        reason: 1-200 code points, not blank.
        details: at most 2,000 code points.
        at: when it was told (UTC).
        closed_by: the moderator who has dismissed or resolved it; None while it is open.
        closed_at: when that was (UTC).
    """

    id: ReportId
    reporter: UserId
    target: Target
    subject: UserId
    reason: str
    details: str | None = None
    at: datetime
    status: ReportStatus = ReportStatus.OPEN
    closed_by: UserId | None = None
    closed_at: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse words that break a rule."""
        require_words(self.reason, self.details)

    @property
    def story(self) -> StoryId:
        """The story that is reported.

        Raises:
            InvalidError: it is a person.
        """
        if self.target.type is not TargetType.STORY:
            raise InvalidError("action", "The report is of a person: there is no story to remove")
        return StoryId(UUID(self.target.id))

    def dismiss(self, *, by: UserId, at: datetime) -> Self:
        """Find nothing wrong.

        Raises:
            ReportClosedError: it is not open.
        """
        return self._close(ReportStatus.DISMISSED, by, at)

    def resolve(self, *, by: UserId, at: datetime) -> Self:
        """Have done something about it.

        Raises:
            ReportClosedError: it is not open.
        """
        return self._close(ReportStatus.RESOLVED, by, at)

    def _close(self, status: ReportStatus, by: UserId, at: datetime) -> Self:
        if self.status is not ReportStatus.OPEN:
            raise ReportClosedError
        return replace(self, status=status, closed_by=by, closed_at=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """That a moderator has done something, and what it came to. Nothing ever changes it.

    Attributes:
        actor: the moderator.
        report: the report that was acted on; None: it was done without one.
        at: when (UTC).
    """

    id: AuditId
    actor: UserId
    act: Act
    target: Target
    report: ReportId | None
    outcome: Outcome
    at: datetime

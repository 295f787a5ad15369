"""The Story aggregate: one story's life. Immutable: a behaviour answers with the next story and its event."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self, TypedDict

from domain.audience import Audience, Relation
from domain.content import Content, MediaContent, Rendition, TextContent
from domain.errors import InvalidError, NotActiveError, NotTheOwnerError
from domain.events import (
    LifecycleEvent,
    StoryArchived,
    StoryCreated,
    StoryDeleted,
    StoryEvent,
    StoryProcessingFailed,
    StoryPublished,
    StoryUpdated,
)
from domain.values import Caption, Lifetime, OrgId, PageId, StoryId, TextOverlay, UserId


class Status(StrEnum):
    """Where a story is in its life."""

    PROCESSING = "Processing"
    ACTIVE = "Active"
    FAILED = "Failed"
    ARCHIVED = "Archived"


class ArchiveReason(StrEnum):
    """Why a story was archived."""

    MANUAL = "manual"
    EXPIRED = "expired"
    MODERATION = "moderation"


class Access(StrEnum):
    """What one person may know of one story at one moment."""

    OWNER = "owner"
    VISIBLE = "visible"
    GONE = "gone"
    """It was there for them, and is over."""
    HIDDEN = "hidden"
    """Not even that it exists."""


class FailureReason(StrEnum):
    """Why a file could not be made into a story."""

    MEDIA_INVALID = "media_invalid"
    MEDIA_LIMITS = "media_limits"
    VIDEO_TOO_LONG = "video_too_long"
    PROCESSING_FAILED = "processing_failed"


class _Lifecycle(TypedDict):
    org: OrgId
    story: StoryId
    owner: UserId
    at: datetime
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A short-lived post: an image, a video or a text.

    Attributes:
        created_at: when it was posted (UTC, milliseconds); life counts from here, processing included.
        version: number of the last life-cycle event, from 1, without a gap.
        changed_at: when that was (UTC).
        page: the community page it was posted to; None: to none.
        published_at: when it became visible; None if it never was.
        events: what happened since it was loaded, oldest first.
    """

    org: OrgId
    id: StoryId
    owner: UserId
    content: Content
    audience: Audience
    lifetime: Lifetime
    created_at: datetime
    status: Status
    version: int
    changed_at: datetime
    page: PageId | None = None
    published_at: datetime | None = None
    archived_at: datetime | None = None
    archive_reason: ArchiveReason | None = None
    failure_reason: FailureReason | None = None
    events: tuple[StoryEvent, ...] = ()

    @classmethod
    def post(
        cls,
        *,
        org: OrgId,
        id: StoryId,  # noqa: A002 - the field's own name
        owner: UserId,
        content: Content,
        audience: Audience,
        lifetime: Lifetime,
        at: datetime,
        page: PageId | None = None,
    ) -> Self:
        """Begin a story. A text and what is linked are active at once; an upload is processed first."""
        story = cls(
            org=org,
            id=id,
            owner=owner,
            content=content,
            audience=audience,
            lifetime=lifetime,
            created_at=at,
            status=Status.PROCESSING,
            version=1,
            changed_at=at,
            page=page,
        )
        created = StoryCreated(
            org=org,
            story=id,
            owner=owner,
            at=at,
            version=1,
            kind=content.kind,
            visibility=audience.visibility,
            expires_at=story.expires_at,
        )
        story = replace(story, events=(created,))
        return story if isinstance(content, MediaContent) else story._publish(at)

    @property
    def expires_at(self) -> datetime:
        """First instant (UTC) at which the story is over."""
        return self.lifetime.ends(self.created_at)

    def status_at(self, at: datetime) -> Status:
        """Its status by the clock: from `expires_at` on it counts as archived, whether or not a job has run."""
        return Status.ARCHIVED if at >= self.expires_at else self.status

    def access(self, viewer: UserId, relation: Relation, at: datetime) -> Access:
        """What ``viewer`` may know of the story at ``at``."""
        if viewer == self.owner:
            return Access.OWNER
        if self.published_at is None or not self.audience.admits(viewer, relation):
            return Access.HIDDEN
        return Access.VISIBLE if self.status_at(at) is Status.ACTIVE else Access.GONE

    def media_ready(self, rendition: Rendition, *, at: datetime) -> Self:
        """Take what processing made. The story becomes active, or, if its time is over by now, is archived unseen.

        Raises:
            NotActiveError: it is not being processed.
        """
        if self.status is not Status.PROCESSING or not isinstance(self.content, MediaContent):
            raise NotActiveError("The story is not being processed.")
        ready = replace(self, content=replace(self.content, rendition=rendition))
        return ready._archive(ArchiveReason.EXPIRED, at) if at >= self.expires_at else ready._publish(at)

    def media_failed(self, reason: FailureReason, *, at: datetime) -> Self:
        """Give up on the uploaded file.

        Raises:
            NotActiveError: it is not being processed.
        """
        if self.status is not Status.PROCESSING:
            raise NotActiveError("The story is not being processed.")
        failed = replace(self, status=Status.FAILED, failure_reason=reason)
        return failed._record(StoryProcessingFailed(**self._lifecycle(at), reason=reason))

    def edit(
        self,
        *,
        by: UserId,
        at: datetime,
        caption: Caption | None = None,
        overlays: tuple[TextOverlay, ...] | None = None,
        audience: Audience | None = None,
    ) -> Self:
        """Change what is not None; nothing new, nothing happens.

        Raises:
            NotTheOwnerError: ``by`` did not post it.
            NotActiveError: it is not active (any more).
            InvalidError: a caption for a text story.
        """
        self._require_owner(by)
        if self.status_at(at) is not Status.ACTIVE:
            raise NotActiveError
        content = self.content
        if caption is not None:
            if isinstance(content, TextContent):
                raise InvalidError("caption", "A text story has no caption")
            content = replace(content, caption=caption)
        if overlays is not None:
            content = replace(content, overlays=overlays)
        edited = replace(self, content=content, audience=audience or self.audience)
        changed = edited._changes_since(self)
        if not changed:
            return self
        return edited._record(
            StoryUpdated(**self._lifecycle(at), changed=changed, visibility=edited.audience.visibility)
        )

    def archive(self, *, by: UserId, at: datetime) -> Self:
        """Take the story out of every feed; it stays in the owner's archive. Again: nothing happens.

        Raises:
            NotTheOwnerError: ``by`` did not post it.
        """
        self._require_owner(by)
        return self._end(ArchiveReason.MANUAL, at)

    def remove(self, *, at: datetime) -> Self:
        """Take the story from everybody but its owner, as moderators do. What is archived keeps its reason."""
        return self._end(ArchiveReason.MODERATION, at)

    def expire(self, *, at: datetime) -> Self:
        """Make durable what the clock has decided. Before `expires_at`, and on an archived story, nothing happens."""
        if self.status is Status.ARCHIVED or at < self.expires_at:
            return self
        return self._archive(ArchiveReason.EXPIRED, at)

    def delete(self, *, by: UserId, at: datetime) -> Self:
        """End the story for good: the last event of its life.

        Raises:
            NotTheOwnerError: ``by`` did not post it.
        """
        self._require_owner(by)
        return self._record(StoryDeleted(**self._lifecycle(at)))

    def _publish(self, at: datetime) -> Self:
        published = replace(self, status=Status.ACTIVE, published_at=at)
        return published._record(
            StoryPublished(
                **self._lifecycle(at),
                kind=self.content.kind,
                visibility=self.audience.visibility,
                expires_at=self.expires_at,
            )
        )

    def _end(self, reason: ArchiveReason, at: datetime) -> Self:
        """Archive it now for a reason, unless it is archived, or the clock was first."""
        if self.status is Status.ARCHIVED:
            return self
        if at >= self.expires_at:
            return self.expire(at=at)
        return self._archive(reason, at)

    def _archive(self, reason: ArchiveReason, at: datetime) -> Self:
        archived = replace(self, status=Status.ARCHIVED, archived_at=at, archive_reason=reason)
        return archived._record(StoryArchived(**self._lifecycle(at), reason=reason))

    def _require_owner(self, by: UserId) -> None:
        if by != self.owner:
            raise NotTheOwnerError

    def _changes_since(self, before: Story) -> tuple[str, ...]:
        was, now = before.content, self.content
        return tuple(
            name
            for name, different in (
                ("caption", getattr(was, "caption", None) != getattr(now, "caption", None)),
                ("overlays", was.overlays != now.overlays),
                ("audience", before.audience != self.audience),
            )
            if different
        )

    def _lifecycle(self, at: datetime) -> _Lifecycle:
        return _Lifecycle(org=self.org, story=self.id, owner=self.owner, at=at, version=self.version + 1)

    def _record(self, event: LifecycleEvent) -> Self:
        return replace(self, version=event.version, changed_at=event.at, events=(*self.events, event))

"""Cards from rows: the columns every card is made of, and the making. One statement per question, no aggregate."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol

from msgspec import convert
from sqlalchemy import FromClause, Label, Row, Select, and_, case, exists, func, select

from application.caller import Caller
from application.ports.people import Role
from application.queries.cards import Overlay, OwnerStoryCard, StoryCard
from application.queries.open_media import MediaPart
from application.queries.times import timestamp
from domain.audience import Visibility
from domain.content import Kind
from domain.engagement import Reaction
from domain.story import ArchiveReason, FailureReason, Status
from domain.values import StoryId, TextOverlay, UserId
from infrastructure.sql import visibility
from infrastructure.sql.dialect import clock
from infrastructure.sql.tables import profiles, stories, story_audience, story_reactions, story_stats, story_views

_FEELINGS: Final = tuple(Reaction)


class MediaLinks(Protocol):
    """Makes links to a story's files, for one reader."""

    def link(
        self, caller: Caller, story_id: StoryId, part: MediaPart, *, expires_at: datetime, role: Role | None = None
    ) -> str:
        """An absolute link, good until ``expires_at`` (UTC) at the longest; ``role`` as `MediaTicket`."""


viewed = (
    exists()
    .where(
        story_views.c.org_id == visibility.org,
        story_views.c.story_id == stories.c.id,
        story_views.c.viewer_id == visibility.viewer,
    )
    .correlate(stories)
)
_mine = story_reactions.alias("mine")

_SHOWN: Final = (
    stories.c.id,
    stories.c.owner_id,
    stories.c.kind,
    stories.c.status,
    stories.c.visibility,
    stories.c.caption,
    stories.c.content,
    stories.c.background_color,
    stories.c.overlays,
    stories.c.created_at,
    stories.c.expires_at,
    stories.c.archived_at,
    stories.c.archive_reason,
    stories.c.failure_reason,
    stories.c.media_url,
    stories.c.media_key,
    stories.c.thumbnail_key,
    stories.c.poster_key,
    stories.c.width,
    stories.c.height,
    stories.c.placeholder,
    stories.c.duration_seconds,
    stories.c.processing_percent,
)
_COUNTED: Final = (story_stats.c.views, story_stats.c.replies, *(story_stats.c[kind.value] for kind in _FEELINGS))

CARD_COLUMNS: Final[tuple[Any, ...]] = (
    clock().label("now"),
    *_SHOWN,
    *_COUNTED,
    profiles.c.username,
    profiles.c.full_name,
    profiles.c.avatar_url,
    viewed.label("viewed"),
    _mine.c.feeling,
    _mine.c.shared,
)
CARD_FROM: Final[FromClause] = (
    stories.join(story_stats, and_(story_stats.c.org_id == stories.c.org_id, story_stats.c.story_id == stories.c.id))
    .outerjoin(profiles, and_(profiles.c.org_id == stories.c.org_id, profiles.c.user_id == stories.c.owner_id))
    .outerjoin(
        _mine,
        and_(
            _mine.c.org_id == stories.c.org_id,
            _mine.c.story_id == stories.c.id,
            _mine.c.user_id == visibility.viewer,
        ),
    )
)


def allowed_users(dialect: str) -> Label[Any]:
    """The list of a story's ``Custom`` audience, as JSON, for its owner alone."""
    gather = func.json_group_array if dialect == "sqlite" else func.json_agg
    gathered = (
        select(gather(story_audience.c.user_id))
        .where(story_audience.c.org_id == stories.c.org_id, story_audience.c.story_id == stories.c.id)
        .scalar_subquery()
    )
    return case((visibility.owned, gathered)).label("allowed")


def select_cards(*more: Any) -> Select[Any]:
    """Stories of the organisation with all that a card is made of, and ``more`` columns at the end."""
    return select(*CARD_COLUMNS, *more).select_from(CARD_FROM).where(stories.c.org_id == visibility.org)


def to_card(row: Row[Any], caller: Caller, links: MediaLinks) -> StoryCard:
    """The story as one of its audience sees it."""
    return StoryCard(**_shown(row, caller, links, expires_at=row.expires_at))


ARCHIVE_LINK_SECONDS: Final = 900
"""How long a link to the media of an archived story is good for its owner, or to those of any for its moderators."""


def to_owner_card(row: Row[Any], caller: Caller, links: MediaLinks, allowed: list[UserId] | None) -> OwnerStoryCard:
    """The story as its owner sees it. By the clock: an expired story is archived, whether or not a job has run."""
    status = status_now(row)
    expired_unmoved = status is Status.ARCHIVED and row.status != Status.ARCHIVED
    archived_at = row.expires_at if expired_unmoved else row.archived_at
    reason = ArchiveReason.EXPIRED if expired_unmoved else row.archive_reason and ArchiveReason(row.archive_reason)
    return OwnerStoryCard(
        **_shown(row, caller, links, expires_at=link_expiry(row)),
        status=status,
        processing=row.processing_percent if status is Status.PROCESSING else None,
        failure_reason=row.failure_reason and FailureReason(row.failure_reason),
        visibility=Visibility(row.visibility),
        allowed_user_ids=tuple(sorted(allowed or ())) if row.visibility == Visibility.CUSTOM else None,
        archived_at=archived_at and timestamp(archived_at),
        archive_reason=reason,
    )


def status_now(row: Row[Any]) -> Status:
    """The status of a story by the clock: an expired one is archived, whether or not a job has run."""
    return Status.ARCHIVED if row.now >= row.expires_at else Status(row.status)


def link_expiry(row: Row[Any], role: Role | None = None) -> datetime:
    """Until when a link to the media of a story is good (UTC) for somebody who sees it also when it is archived.

    By a role nobody has one for longer than for an archived story: the role may be taken from them.
    """
    if role is None and status_now(row) is not Status.ARCHIVED:
        return row.expires_at  # type: ignore[no-any-return] # a row's columns are Any
    # The end of a whole minute: until then a file has one link, signed once, and a browser one address to remember.
    longest: datetime = row.now + timedelta(seconds=ARCHIVE_LINK_SECONDS)
    return longest.replace(second=0, microsecond=0)


def reaction_counts(row: Row[Any]) -> dict[Reaction, int]:
    """Reactions to a story by kind, without zeros."""
    return {kind: count for kind in _FEELINGS if (count := getattr(row, kind.value))}


def _shown(row: Row[Any], caller: Caller, links: MediaLinks, *, expires_at: datetime) -> dict[str, Any]:
    counts = reaction_counts(row)
    link = partial(links.link, caller, row.id, expires_at=expires_at)
    return {
        "story_id": row.id,
        "user_id": row.owner_id,
        "username": row.username or row.owner_id,
        "full_name": row.full_name,
        "avatar_url": row.avatar_url,
        "type": Kind(row.kind),
        "media_url": shown_at(row, caller, links, expires_at=expires_at),
        "thumbnail_url": row.thumbnail_key and link(MediaPart.THUMBNAIL),
        "poster_url": row.poster_key and link(MediaPart.POSTER),
        "placeholder": row.placeholder,
        "width": row.width,
        "height": row.height,
        "duration_seconds": row.duration_seconds,
        "caption": row.caption,
        "content": row.content,
        "background_color": row.background_color,
        "overlays": tuple(Overlay.of(overlay) for overlay in convert(row.overlays, list[TextOverlay])),
        "created_at": timestamp(row.created_at),
        "expires_at": timestamp(row.expires_at),
        "is_expired": row.now >= row.expires_at,
        "time_until_expiration": countdown(row.expires_at - row.now),
        "view_count": row.views,
        "reaction_count": sum(counts.values()),
        "reply_count": row.replies,
        "reaction_counts": counts,
        "is_viewed": bool(row.viewed),
        "my_reaction": row.feeling and Reaction(row.feeling),
        "shared": bool(row.shared),
    }


def shown_at(
    row: Row[Any], caller: Caller, links: MediaLinks, *, expires_at: datetime, role: Role | None = None
) -> str | None:
    """Where the picture or film is to be seen: elsewhere, or by a link signed for the caller. None: nothing is."""
    if row.media_url:
        return str(row.media_url)
    return row.media_key and links.link(caller, row.id, MediaPart.MEDIA, expires_at=expires_at, role=role)


def countdown(left: timedelta) -> str:
    """Time left as ``HH:MM:SS``; hours may pass 24, and nothing is left at the end."""
    minutes, seconds = divmod(max(0, int(left.total_seconds())), 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"

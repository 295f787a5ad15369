"""The card: how a story looks to one reader, in one shape everywhere; null is not applicable."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import UNSET, Struct, UnsetType

from application.queries.times import Timestamp
from domain.audience import Visibility
from domain.content import Kind
from domain.engagement import Reaction
from domain.story import ArchiveReason, FailureReason, Status
from domain.values import StoryId, TextOverlay, UserId


class Overlay(Struct, frozen=True, kw_only=True, rename="camel"):
    """A text that the client draws over the story; see `TextOverlay` for units."""

    text: str
    x: float
    y: float
    font_size: float
    color: str
    rotation: float
    align: str

    @classmethod
    def of(cls, overlay: TextOverlay) -> Overlay:
        """The overlay as readers see it."""
        return cls(
            text=overlay.text,
            x=overlay.x,
            y=overlay.y,
            font_size=overlay.font_size,
            color=overlay.color,
            rotation=overlay.rotation,
            align=overlay.align,
        )


class StoryCard(Struct, frozen=True, kw_only=True, rename="camel"):
    """A story, as one reader sees it now.

    Attributes:
        media_url: absolute, signed for this reader, dead with the story; of linked media, where they lie.
        poster_url: a still as large as a video, for until it plays.
        duration_seconds: length of a video.
        time_until_expiration: ``HH:MM:SS``; hours may pass 24.
        reaction_counts: by kind, without zeros.
        shared: whether the reader passed it on.
    """

    story_id: StoryId
    user_id: UserId
    username: str
    full_name: str | None
    avatar_url: str | None
    type: Kind
    media_url: str | None
    thumbnail_url: str | None
    poster_url: str | None
    placeholder: str | None
    width: int | None
    height: int | None
    duration_seconds: float | None
    caption: str | None
    content: str | None
    background_color: str | None
    overlays: tuple[Overlay, ...]
    created_at: Timestamp
    expires_at: Timestamp
    is_expired: bool
    time_until_expiration: str
    view_count: int
    reaction_count: int
    reply_count: int
    reaction_counts: Mapping[Reaction, int]
    is_viewed: bool
    my_reaction: Reaction | None
    shared: bool


class OwnerStoryCard(StoryCard, frozen=True, kw_only=True, rename="camel"):
    """A story, as its owner sees it.

    Attributes:
        processing: percent, while it is being processed.
    """

    status: Status
    processing: int | None
    failure_reason: FailureReason | None
    visibility: Visibility
    allowed_user_ids: tuple[UserId, ...] | None
    archived_at: Timestamp | None
    archive_reason: ArchiveReason | None


class ScoreDetails(Struct, frozen=True, kw_only=True, rename="camel"):
    """The four components of a recommendation, each 0-100, one decimal."""

    recency_score: float
    interaction_score: float
    relationship_score: float
    popularity_score: float


class RankedStoryCard(StoryCard, frozen=True, kw_only=True, rename="camel"):
    """A story in a ranked feed; its details only if asked for."""

    recommendation_score: float
    score_details: ScoreDetails | UnsetType = UNSET


class CardPage(Struct, frozen=True, kw_only=True, rename="camel"):
    """One page of an owner's stories."""

    stories: tuple[OwnerStoryCard, ...]
    page: int
    page_size: int
    total_count: int
    total_pages: int


def pages(total: int, page_size: int) -> int:
    """Number of pages that so many items fill."""
    return -(-total // page_size)

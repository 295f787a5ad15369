"""Answers of the story API: one envelope around everything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

from msgspec import Struct

from application.queries.list_viewers import Viewers
from application.queries.times import Timestamp
from domain.story import Status
from domain.values import MediaFileId, ReplyId, StoryId, UserId

T = TypeVar("T")


class Success(Struct, Generic[T], frozen=True, kw_only=True):
    """What was asked for."""

    success: bool = True
    data: T


class Done(Struct, frozen=True, kw_only=True):
    """It was done."""

    success: bool = True
    message: str


class Posted(Struct, frozen=True, kw_only=True, rename="camel"):
    """A story that was posted.

    Attributes:
        temp_url: the upload itself, for its owner, until it has been processed; null for a text.
    """

    story_id: StoryId
    media_file_id: MediaFileId | None
    temp_url: str | None
    status: Status
    expires_at: Timestamp
    message: str
    expires_in_hours: int | float


class BegunUpload(Struct, frozen=True, kw_only=True, rename="camel"):
    """Where to send a file: the request to make."""

    media_file_id: MediaFileId
    upload_url: str
    method: str
    headers: Mapping[str, str]
    expires_at: Timestamp


class ReceivedUpload(Struct, frozen=True, kw_only=True, rename="camel"):
    """A file that has come."""

    media_file_id: MediaFileId
    mime_type: str
    size: int


class Replied(Struct, frozen=True, kw_only=True, rename="camel"):
    """A reply that was sent."""

    reply_id: ReplyId


class RepliedAnswer(Struct, frozen=True, kw_only=True):
    """A reply that was sent, with the words of it."""

    success: bool = True
    data: Replied
    message: str


class RingsAnswer(Struct, frozen=True, kw_only=True):
    """Rings: who has something to see, and beside it who has something unseen."""

    success: bool = True
    data: Mapping[UserId, bool]
    unseen: Mapping[UserId, bool]


class ViewersAnswer(Viewers, frozen=True, kw_only=True, rename="camel"):
    """Viewers, with the totals beside them."""

    success: bool = True

    @classmethod
    def of(cls, viewers: Viewers) -> ViewersAnswer:
        """The answer."""
        return cls(**{name: getattr(viewers, name) for name in Viewers.__struct_fields__})

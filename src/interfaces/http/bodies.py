"""Bodies of the story API, as clients send them, and the domain's values made of them."""

from __future__ import annotations

import re
from typing import Annotated, Final
from uuid import UUID

from msgspec import Struct

from application.caller import Caller
from application.commands.begin_upload import UPLOAD_MAX_BYTES
from application.commands.edit_story import EditStory
from application.commands.post_story import PostStory
from domain.audience import ALLOWED_USERS_MAX, Audience, Visibility
from domain.content import Kind
from domain.engagement import REPLY_MAX, VIEW_MAX_SECONDS, Reaction
from domain.errors import InvalidError, NotFoundError
from domain.values import (
    CAPTION_MAX,
    LIFETIME_DEFAULT_SECONDS,
    LIFETIME_MAX_SECONDS,
    OVERLAY_TEXT_MAX,
    OVERLAYS_MAX,
    Align,
    BackgroundColor,
    Caption,
    Lifetime,
    MediaFileId,
    StoryId,
    TextOverlay,
    UserId,
    user_id,
)
from interfaces.http.fields import AnId, AUser, Users, at_most, between, color, named, text, whole, words

UUID_TEXT = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
"""How the ids of stories, uploads and reports are written."""
_NO_STORY: Final = StoryId(UUID(int=0))
"""Nil, of which RFC 9562 section 5.9 says that it is nothing's."""


class OverlayBody(Struct, frozen=True, kw_only=True, rename="camel"):
    """A text to draw over the story; `x` and `y` are fractions of width and height."""

    text: Annotated[str, words(OVERLAY_TEXT_MAX)]
    x: Annotated[float, between(0, 1, "Centre, as a fraction of the width")]
    y: Annotated[float, between(0, 1, "Centre, as a fraction of the height")]
    font_size: Annotated[float, between(0.01, 0.5, "As a fraction of the height")] = 0.05
    color: Annotated[str, color(alpha=True)] = "#FFFFFF"
    rotation: Annotated[float, between(-360, 360, "Degrees, clockwise")] = 0.0
    align: Align = Align.CENTER

    def value(self) -> TextOverlay:
        """The overlay.

        Raises:
            InvalidError: it breaks a rule.
        """
        return TextOverlay(self.text, self.x, self.y, self.font_size, self.color, self.rotation, self.align)


class StoryBody(Struct, frozen=True, kw_only=True, rename="camel"):
    """A story to post. `privacy` is another name of `visibility`.

    Attributes:
        type: ``image``, ``video`` or ``text``; what the bytes are decides, and a text if there are none.
        duration: whole seconds of life, 1-604,800.
        media_file_id: an upload, for a story with media.
    """

    type: Annotated[str, named(Kind)] | None = None
    content: Annotated[str, words(CAPTION_MAX)] | None = None
    caption: Annotated[str, text(CAPTION_MAX)] | None = None
    background_color: Annotated[str, color()] | None = None
    overlays: Annotated[list[OverlayBody], at_most(OVERLAYS_MAX)] | None = None
    visibility: Annotated[str, named(Visibility)] | None = None
    privacy: Annotated[str, named(Visibility)] | None = None
    allowed_user_ids: Users | None = None
    duration: Annotated[float, whole(1, LIFETIME_MAX_SECONDS, "Seconds of life")] | None = None
    media_file_id: AnId | None = None

    def command(self, caller: Caller, media_file: MediaFileId | None = None) -> PostStory:
        """The command, for ``media_file`` or the upload that the body names.

        Raises:
            InvalidError: a value breaks a rule.
        """
        return PostStory(
            caller=caller,
            kind=kind_of(self.type),
            text=self.content,
            background=None if self.background_color is None else BackgroundColor(self.background_color),
            caption=None if self.caption is None else Caption(self.caption),
            overlays=overlays_of(self.overlays),
            media_file=media_file or _media_file(self.media_file_id),
            audience=audience_of(self.visibility, self.privacy, self.allowed_user_ids, default=Visibility.FRIENDS),
            lifetime=lifetime_of(self.duration),
        )


class EditBody(Struct, frozen=True, kw_only=True, rename="camel"):
    """What to change; what is absent or null stays."""

    caption: Annotated[str, text(CAPTION_MAX)] | None = None
    overlays: Annotated[list[OverlayBody], at_most(OVERLAYS_MAX)] | None = None
    visibility: Annotated[str, named(Visibility)] | None = None
    privacy: Annotated[str, named(Visibility)] | None = None
    allowed_user_ids: Users | None = None

    def command(self, caller: Caller, story_id: StoryId) -> EditStory:
        """The command.

        Raises:
            InvalidError: a value breaks a rule.
        """
        return EditStory(
            caller=caller,
            story_id=story_id,
            caption=None if self.caption is None else Caption(self.caption),
            overlays=None if self.overlays is None else overlays_of(self.overlays),
            visibility=_visibility(self.visibility, self.privacy),
            allowed=None if self.allowed_user_ids is None else _users(self.allowed_user_ids),
        )


class UploadBody(Struct, frozen=True, kw_only=True, rename="camel"):
    """A file to come: its size in bytes, and what the client takes it for."""

    size: Annotated[float, whole(1, UPLOAD_MAX_BYTES, "Bytes")]
    mime_type: str

    @property
    def bytes(self) -> int:
        """The size.

        Raises:
            InvalidError: it is no whole number.
        """
        return _whole(self.size, "size")


class ViewBody(Struct, frozen=True, kw_only=True, rename="camel"):
    """How long the caller watched, in seconds, 0-3,600."""

    view_duration_seconds: Annotated[float, between(0, VIEW_MAX_SECONDS, "Seconds")]


class ReactionBody(Struct, frozen=True, kw_only=True):
    """``like``, ``love``, ``haha``, ``dislike`` or ``share``, in any letter case."""

    reaction: Annotated[str, named(Reaction)]


class ReplyBody(Struct, frozen=True, kw_only=True):
    """Words for the owner, 1-1,000 code points; the owner names whom they answer in ``to``."""

    content: Annotated[str, words(REPLY_MAX)]
    to: AUser | None = None


def story_id_of(text: str) -> StoryId:
    """The story a request names. What is no id names a story that there is not: it is told when others are.

    Refused here, it would come before what is wrong with the rest of the request, and tell of it sooner.
    """
    return StoryId(UUID(text)) if UUID_TEXT.fullmatch(text) else _NO_STORY


def media_file_id_of(text: str) -> MediaFileId:
    """The upload a path names.

    Raises:
        NotFoundError: no upload has such an id.
    """
    if not UUID_TEXT.fullmatch(text):
        raise NotFoundError("There is no such upload.")
    return MediaFileId(UUID(text))


def lifetime_of(seconds: float | None) -> Lifetime:
    """How long a story lives, by what its body says.

    Raises:
        InvalidError: so long none does.
    """
    return Lifetime(LIFETIME_DEFAULT_SECONDS if seconds is None else _whole(seconds, "duration"))


def _whole(number: float, field: str) -> int:
    if not number.is_integer():
        raise InvalidError(field, "A whole number")
    return int(number)


def _media_file(text: str | None) -> MediaFileId | None:
    if text is None:
        return None
    try:
        return media_file_id_of(text)
    except NotFoundError as error:
        raise InvalidError("mediaFileId", error.detail) from None


def kind_of(text: str | None) -> Kind | None:
    """The kind a client names.

    Raises:
        InvalidError: there is none of that name.
    """
    if text is None:
        return None
    try:
        return Kind(text.lower())
    except ValueError:
        raise InvalidError("type", f"One of {', '.join(Kind)}") from None


def overlays_of(bodies: list[OverlayBody] | None) -> tuple[TextOverlay, ...]:
    """The overlays of a story.

    Raises:
        InvalidError: one breaks a rule.
    """
    return tuple(body.value() for body in bodies or ())


def _visibility(visibility: str | None, privacy: str | None) -> Visibility | None:
    said = {
        Visibility.parse(text, field)
        for field, text in (("visibility", visibility), ("privacy", privacy))
        if text is not None
    }
    if len(said) > 1:
        raise InvalidError("privacy", "It is another name of visibility, and says something else here")
    return said.pop() if said else None


def audience_of(
    visibility: str | None, privacy: str | None, allowed: list[str] | None, *, default: Visibility
) -> Audience:
    """To whom a story is posted.

    Raises:
        InvalidError: no visibility has that name, its two names say different things, or the list does not fit.
    """
    return Audience(_visibility(visibility, privacy) or default, _users(allowed or []))


def _users(ids: list[str]) -> frozenset[UserId]:
    if len(ids) > ALLOWED_USERS_MAX:
        raise InvalidError("allowedUserIds", f"At most {ALLOWED_USERS_MAX:,} users")
    return frozenset(user_id(text, "allowedUserIds") for text in ids)

"""Bodies of the community API, as clients send them, and the commands made of them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, TypeVar
from uuid import UUID

from msgspec import Meta, Struct

from application.caller import Caller
from application.commands.block_user import BLOCK_REASON_MAX, BlockUser
from application.commands.file_report import FileReport
from application.commands.post_story import PostStory
from domain.audience import Visibility
from domain.content import Kind
from domain.engagement import Reaction
from domain.errors import InvalidError, NotFoundError
from domain.moderation import DETAILS_MAX, REASON_MAX, Act, TargetType
from domain.values import (
    CAPTION_MAX,
    LIFETIME_MAX_SECONDS,
    OVERLAYS_MAX,
    PAGE_MAX,
    BackgroundColor,
    Caption,
    MediaFileId,
    MediaUrl,
    ReportId,
    StoryId,
    page_id,
    user_id,
)
from interfaces.http.bodies import UUID_TEXT, OverlayBody, audience_of, kind_of, lifetime_of, overlays_of, story_id_of
from interfaces.http.fields import AUser, Users, at_most, color, link, named, text, whole, words

E = TypeVar("E", bound=StrEnum)

STORY: Final = "story"
"""What one reacts to here."""
_OTHER_NAMES: Final = {"laugh": Reaction.HAHA}


class ContentBody(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a story shows.

    Attributes:
        type: ``image`` or ``video``, with a url, or ``text``; a text if it is absent and there is no file.
        url: where the media lie, http or https.
        text: the words of a text story; it may have them as its caption too.
    """

    type: Annotated[str, named(Kind)] | None = None
    url: Annotated[str, link()] | None = None
    caption: Annotated[str, text(CAPTION_MAX)] | None = None
    text: Annotated[str, text(CAPTION_MAX)] | None = None
    background_color: Annotated[str, color()] | None = None


class CommunityStoryBody(Struct, frozen=True, kw_only=True, rename="camel"):
    """A story to post. `privacy` is another name of `visibility`.

    Attributes:
        page: the community page it is posted to; empty: to none.
        duration: whole seconds of life, 1-604,800.
    """

    content: ContentBody
    page: Annotated[str, text(PAGE_MAX)] | None = None
    duration: Annotated[float, whole(1, LIFETIME_MAX_SECONDS, "Seconds of life")] | None = None
    overlays: Annotated[list[OverlayBody], at_most(OVERLAYS_MAX)] | None = None
    visibility: Annotated[str, named(Visibility)] | None = None
    privacy: Annotated[str, named(Visibility)] | None = None
    allowed_user_ids: Users | None = None

    def command(self, caller: Caller, media_file: MediaFileId | None = None) -> PostStory:
        """The command, for ``media_file`` or what the body says.

        Raises:
            InvalidError: a value breaks a rule.
        """
        content, kind = self.content, kind_of(self.content.type)
        url = None if content.url is None else MediaUrl(content.url)
        if kind in {Kind.IMAGE, Kind.VIDEO} and not (url or media_file):
            raise InvalidError("url", "An image or a video needs its url, or in a form its file in `media`")
        text, caption = (content.text, content.caption) if url or media_file else (_words(content), None)
        return PostStory(
            caller=caller,
            kind=kind,
            text=text,
            background=None if content.background_color is None else BackgroundColor(content.background_color),
            caption=None if caption is None else Caption(caption),
            overlays=overlays_of(self.overlays),
            media_file=media_file,
            url=url,
            page=page_id(self.page) if self.page else None,
            audience=audience_of(self.visibility, self.privacy, self.allowed_user_ids, default=Visibility.PUBLIC),
            lifetime=lifetime_of(self.duration),
        )


class CommunityStoryForm(Struct, frozen=True, kw_only=True, rename="camel"):
    """A story to post, as the parts of a form: what it shows in parts of its own, or in `content` as JSON."""

    content: ContentBody | None = None
    type: str | None = None
    url: str | None = None
    caption: str | None = None
    text: str | None = None
    background_color: str | None = None
    page: str | None = None
    duration: float | None = None
    overlays: list[OverlayBody] | None = None
    visibility: str | None = None
    privacy: str | None = None
    allowed_user_ids: list[str] | None = None

    def command(self, caller: Caller, media_file: MediaFileId | None = None) -> PostStory:
        """The command, for ``media_file`` or what the form says.

        Raises:
            InvalidError: a value breaks a rule.
        """
        return self._body().command(caller, media_file)

    def _body(self) -> CommunityStoryBody:
        """The same as JSON would have it; what `content` says comes first."""

        def said(name: str) -> str | None:
            in_content: str | None = getattr(self.content, name, None)
            part: str | None = getattr(self, name)
            return part if in_content is None else in_content

        return CommunityStoryBody(
            content=ContentBody(**{name: said(name) for name in ContentBody.__struct_fields__}),
            page=self.page,
            duration=self.duration,
            overlays=self.overlays,
            visibility=self.visibility,
            privacy=self.privacy,
            allowed_user_ids=self.allowed_user_ids,
        )


class ReactBody(Struct, frozen=True, kw_only=True, rename="camel"):
    """A reaction to a story; `reactionType`, `type` and `emoji` are other names of `reaction`, `laugh` is `haha`."""

    target_type: str
    target_id: str
    reaction: str | None = None
    reaction_type: str | None = None
    type: str | None = None
    emoji: str | None = None

    def said(self) -> Reaction | None:
        """The reaction. None: it names none.

        Raises:
            InvalidError: there is none of that name, or its names say different things.
        """
        names = {"reaction": self.reaction, "reactionType": self.reaction_type, "type": self.type, "emoji": self.emoji}
        said = {field: reaction_of(text, field) for field, text in names.items() if text is not None}
        if len(set(said.values())) > 1:
            raise InvalidError(next(reversed(said)), "It is another name of reaction, and says something else here")
        return next(iter(said.values()), None)

    def required(self) -> Reaction:
        """The reaction.

        Raises:
            InvalidError: as `said`, or there is none.
        """
        said = self.said()
        if said is None:
            raise InvalidError("reaction", f"One of {', '.join(Reaction)}")
        return said


class ReportBody(Struct, frozen=True, kw_only=True, rename="camel"):
    """What is wrong with a story or a person.

    Attributes:
        target_id: id of the story, or of the user.
    """

    target_type: Annotated[str, named(TargetType)]
    target_id: Annotated[str, Meta(extra_json_schema={"anyOf": [{"format": "uuid"}, {"format": "user-id"}]})]
    reason: Annotated[str, words(REASON_MAX)]
    details: Annotated[str, text(DETAILS_MAX)] | None = None

    def command(self, caller: Caller) -> FileReport:
        """The command.

        Raises:
            InvalidError: there is no such type, or no such user can be.
        """
        of_type = named_one(TargetType, self.target_type, "targetType")
        target = story_id_of(self.target_id) if of_type is TargetType.STORY else user_id(self.target_id, "targetId")
        return FileReport(caller=caller, target=target, reason=self.reason, details=self.details)


class ResolveBody(Struct, frozen=True, kw_only=True):
    """What to make of a report; only of a story's can the story be removed."""

    action: Annotated[str, named(Act)]

    def named_act(self) -> Act:
        """The act.

        Raises:
            InvalidError: there is none of that name.
        """
        return named_one(Act, self.action, "action")


class BlockBody(Struct, frozen=True, kw_only=True, rename="camel"):
    """Whom to block.

    Attributes:
        reason: a note for the caller alone.
    """

    target_id: AUser
    reason: Annotated[str, text(BLOCK_REASON_MAX)] | None = None

    def command(self, caller: Caller) -> BlockUser:
        """The command.

        Raises:
            InvalidError: no such user can be.
        """
        return BlockUser(caller=caller, target=user_id(self.target_id, "targetId"), reason=self.reason)


def report_id_of(text: str) -> ReportId:
    """The report a path names.

    Raises:
        NotFoundError: no report has such an id.
    """
    if not UUID_TEXT.fullmatch(text):
        raise NotFoundError("There is no such report.")
    return ReportId(UUID(text))


def named_one(kind: type[E], text: str, field: str) -> E:
    """The one of a few that a client names, in any letter case.

    Raises:
        InvalidError: there is none of that name.
    """
    try:
        return kind(text.lower())
    except ValueError:
        raise InvalidError(field, f"One of {', '.join(kind)}") from None


def reaction_of(text: str, field: str = "reaction") -> Reaction:
    """The reaction a client names.

    Raises:
        InvalidError: there is none of that name.
    """
    return _OTHER_NAMES.get(text.lower()) or Reaction.parse(text, field)


def target_of(target_type: str, target_id: str) -> StoryId:
    """The story that is reacted to.

    Raises:
        InvalidError: the target is of another type.
    """
    if target_type.lower() != STORY:
        raise InvalidError("targetType", f"One reacts to a {STORY} here")
    return story_id_of(target_id)


def _words(content: ContentBody) -> str | None:
    """The words of a text, which may come as its caption."""
    if content.text is not None and content.caption not in {None, content.text}:
        raise InvalidError("caption", "A text story has no caption; its words are its text")
    return content.caption if content.text is None else content.text

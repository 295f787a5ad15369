"""What routes of the community API that read their bodies by hand say of them in the description."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final

from litestar.openapi.spec import Operation, Parameter
from msgspec import UNSET, Meta, Struct, UnsetType

from domain.content import Kind
from domain.engagement import Reaction
from domain.values import CAPTION_MAX, PAGE_MAX
from interfaces.http.community.bodies import STORY, CommunityStoryBody
from interfaces.http.fields import AnId, color, link, named, text
from interfaces.http.openapi import JSON, MULTIPART, StoryForm

_STORY: Final = Meta(extra_json_schema={"const": STORY})


class CommunityForm(StoryForm, rename="camel"):
    """A story to post, as a form: what it shows in parts of its own, or in `content` as JSON (`ContentBody`)."""

    content: Annotated[str, Meta(extra_json_schema={"format": "content"})] | UnsetType = UNSET
    type: Annotated[str, named(Kind)] | UnsetType = UNSET
    url: Annotated[str, link()] | UnsetType = UNSET
    text: Annotated[str, text(CAPTION_MAX)] | UnsetType = UNSET
    background_color: Annotated[str, color()] | UnsetType = UNSET
    page: Annotated[str, text(PAGE_MAX)] | UnsetType = UNSET


class ReactionTo(Struct, rename="camel"):
    """A reaction to a story; `reactionType`, `type` and `emoji` are other names of `reaction`, `laugh` is `haha`."""

    target_type: Annotated[str, _STORY]
    target_id: AnId
    reaction: Annotated[str, named(Reaction)]


@dataclass
class PostCommunityStoryOperation(Operation):
    """Posting a story: a form or JSON."""

    bodies: ClassVar[Mapping[str, Any]] = {MULTIPART: CommunityForm, JSON: CommunityStoryBody}


@dataclass
class ReactOperation(Operation):
    """Reacting, by the first of the names that a reaction has."""

    bodies: ClassVar[Mapping[str, Any]] = {JSON: ReactionTo}


@dataclass
class TakeBackOperation(Operation):
    """Taking a reaction back: what is meant is described where every client can say it, in the query."""

    def __post_init__(self) -> None:
        """Say what must be named."""
        for parameter in self.parameters or []:
            if isinstance(parameter, Parameter):
                parameter.required = parameter.name in {"targetType", "targetId"}

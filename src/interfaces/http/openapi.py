"""What routes say of themselves in OpenAPI where no type does: bodies that are read by hand, answers of bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final

from litestar.datastructures import ResponseHeader
from litestar.openapi.spec import OpenAPIFormat, OpenAPIMediaType, OpenAPIResponse, OpenAPIType, Operation, Schema
from msgspec import UNSET, Meta, Struct, UnsetType

from domain.audience import Visibility
from domain.content import Kind
from domain.values import CAPTION_MAX, LIFETIME_MAX_SECONDS
from interfaces.http.bodies import StoryBody
from interfaces.http.fields import AFile, Lines, Users, named, text, whole
from interfaces.http.ndjson import NDJSON

MULTIPART: Final = "multipart/form-data"
JSON: Final = "application/json"
BYTES: Final = "application/octet-stream"


_OVERLAYS: Final = Meta(
    description="A JSON array of `OverlayBody`",
    extra_json_schema={"format": "overlays", "contentMediaType": "application/json"},
)


class StoryForm(Struct, rename="camel"):
    """A story to post, as a form: a file, and what belongs to it. `privacy` is another name of `visibility`."""

    media: AFile
    type: Annotated[str, named(Kind)] | UnsetType = UNSET
    caption: Annotated[str, text(CAPTION_MAX)] | UnsetType = UNSET
    visibility: Annotated[str, named(Visibility)] | UnsetType = UNSET
    privacy: Annotated[str, named(Visibility)] | UnsetType = UNSET
    allowed_user_ids: Users | UnsetType = UNSET
    duration: Annotated[float, whole(1, LIFETIME_MAX_SECONDS, "Seconds of life")] | UnsetType = UNSET
    overlays: Annotated[str, _OVERLAYS] | UnsetType = UNSET


def told_header(name: str, description: str) -> ResponseHeader:
    """A header that a handler sets by itself."""
    return ResponseHeader(name=name, description=description, documentation_only=True)


@dataclass
class PostStoryOperation(Operation):
    """Posting a story: a form or JSON."""

    bodies: ClassVar[Mapping[str, Any]] = {MULTIPART: StoryForm, JSON: StoryBody}


@dataclass
class SendUploadOperation(Operation):
    """Sending an upload: bytes, as they come."""

    bodies: ClassVar[Mapping[str, Any]] = {BYTES: AFile}


@dataclass
class ImportGraphOperation(Operation):
    """Importing a social graph: lines of JSON."""

    bodies: ClassVar[Mapping[str, Any]] = {NDJSON: Lines}


@dataclass
class ExportUserOperation(Operation):
    """Exporting what is kept about somebody: lines of JSON."""

    def __post_init__(self) -> None:
        """Say what the answer is."""
        lines = Schema(type=OpenAPIType.STRING, description="One JSON object on each line, with its `type`")
        told = {"200": OpenAPIResponse(description="The lines", content={NDJSON: OpenAPIMediaType(schema=lines)})}
        self.responses = {**(self.responses or {}), **told}


@dataclass
class GetMediaOperation(Operation):
    """Getting media: bytes, or a range of them, of the type our encoder wrote."""

    def __post_init__(self) -> None:
        """Say what the answers are."""
        binary = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
        content = {kind: OpenAPIMediaType(schema=binary) for kind in ("image/*", "video/*")}
        told = {
            "200": OpenAPIResponse(description="The bytes", content=content),
            "206": OpenAPIResponse(description="The range that was asked for", content=content),
            "302": OpenAPIResponse(description="By setting: where the object store gives the bytes, for a minute"),
        }
        self.responses = {**(self.responses or {}), **told}

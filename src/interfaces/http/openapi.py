"""What routes say of themselves in OpenAPI where no type does: bodies that are read by hand, answers of bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from litestar.openapi.spec import (
    OpenAPIFormat,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Reference,
    RequestBody,
    Schema,
)
from msgspec import Struct

from interfaces.http.bodies import StoryBody


def _text(description: str, **more: Any) -> Schema:
    return Schema(type=OpenAPIType.STRING, description=description, **more)


_AUDIENCE: Final[dict[str, Schema]] = {
    "visibility": _text(
        "Public, Friends, CloseFriends, OnlyMe or Custom; letter case does not matter", default="Friends"
    ),
    "privacy": _text("Another name of visibility"),
}
_USERS: Final = Schema(type=OpenAPIType.ARRAY, items=_text("A user id"), max_items=1_000)
_LIFETIME: Final = Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=604_800, default=86_400, description="Seconds")
_KIND: Final = Schema(type=OpenAPIType.STRING, enum=["image", "text"])

_FORM: Final = Schema(
    type=OpenAPIType.OBJECT,
    properties={
        "media": Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY, description="At most 104,857,600 bytes"),
        "type": _KIND,
        "caption": _text("At most 2,200 code points"),
        **_AUDIENCE,
        "allowedUserIds": _USERS,
        "duration": _LIFETIME,
        "overlays": _text("A JSON array of overlays"),
    },
)


@dataclass
class PostStoryOperation(Operation):
    """Posting a story: a form or JSON, read by hand as it comes."""

    structs: ClassVar[tuple[type[Struct], ...]] = (StoryBody,)

    def __post_init__(self) -> None:
        """Say what the body is."""
        self.request_body = RequestBody(
            required=True,
            content={
                "multipart/form-data": OpenAPIMediaType(schema=_FORM),
                "application/json": OpenAPIMediaType(schema=Reference("#/components/schemas/StoryBody")),
            },
        )


@dataclass
class SendUploadOperation(Operation):
    """Sending an upload: bytes, as they come."""

    def __post_init__(self) -> None:
        """Say what the body is."""
        binary = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY))
        self.request_body = RequestBody(required=True, content={"application/octet-stream": binary})


@dataclass
class GetMediaOperation(Operation):
    """Getting media: bytes, or a range of them, of the type our encoder wrote."""

    def __post_init__(self) -> None:
        """Say what the answers are."""
        binary = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
        content = {kind: OpenAPIMediaType(schema=binary) for kind in ("image/*",)}
        told = {
            "200": OpenAPIResponse(description="The bytes", content=content),
            "206": OpenAPIResponse(description="The range that was asked for", content=content),
        }
        self.responses = {**(self.responses or {}), **told}

"""The description of the HTTP port, OpenAPI 3.1, and what routes cannot say of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from litestar import Litestar, Router
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, ScalarRenderPlugin
from litestar.openapi.spec import (
    Components,
    OpenAPIFormat,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Parameter,
    RequestBody,
    Schema,
    SecurityScheme,
)

from interfaces.http.auth import ACTING_HEADER, PUBLIC
from interfaces.http.once import KEY_HEADER
from interfaces.http.problems import REPLAYED_HEADER

_DESCRIPTION: Final = (
    "Stories live for a day. Every answer is JSON; every refusal is a problem (RFC 9457) with a stable `code`. "
    "Times are RFC 3339 UTC. The header `orgid` names the organisation."
)


def _text(description: str, **more: Any) -> Schema:
    return Schema(type=OpenAPIType.STRING, description=description, **more)


_OVERLAY: Final = Schema(
    type=OpenAPIType.OBJECT,
    required=["text", "x", "y"],
    properties={
        "text": _text("1-200 code points", min_length=1, max_length=200),
        "x": Schema(type=OpenAPIType.NUMBER, minimum=0, maximum=1),
        "y": Schema(type=OpenAPIType.NUMBER, minimum=0, maximum=1),
        "fontSize": Schema(type=OpenAPIType.NUMBER, minimum=0.01, maximum=0.5, default=0.05),
        "color": _text("#RRGGBB or #RRGGBBAA", default="#FFFFFF"),
        "rotation": Schema(type=OpenAPIType.NUMBER, description="Degrees", default=0),
        "align": Schema(type=OpenAPIType.STRING, enum=["left", "center", "right"], default="center"),
    },
)
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
_JSON: Final = Schema(
    type=OpenAPIType.OBJECT,
    properties={
        "type": _KIND,
        "content": _text("The words of a text story, 1-2,200 code points"),
        "backgroundColor": _text("#RRGGBB", default="#000000"),
        "caption": _text("At most 2,200 code points"),
        "mediaFileId": Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.UUID, description="An upload"),
        **_AUDIENCE,
        "allowedUserIds": _USERS,
        "duration": _LIFETIME,
        "overlays": Schema(type=OpenAPIType.ARRAY, items=_OVERLAY, max_items=20),
    },
)


@dataclass
class PostStoryOperation(Operation):
    """Posting a story: a form or JSON, read by hand as it comes."""

    def __post_init__(self) -> None:
        """Say what the body is."""
        self.request_body = RequestBody(
            required=True,
            content={
                "multipart/form-data": OpenAPIMediaType(schema=_FORM),
                "application/json": OpenAPIMediaType(schema=_JSON),
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


def openapi_config() -> OpenAPIConfig:
    """The description, at ``/schema`` for people and ``/schema/openapi.json`` for programs."""
    return OpenAPIConfig(
        title="Stories",
        version="0.1.0",
        description=_DESCRIPTION,
        openapi_router=Router("/schema", route_handlers=[], opt=PUBLIC, include_in_schema=False),
        render_plugins=[ScalarRenderPlugin(path="/"), JsonRenderPlugin(path="/openapi.json")],
        components=Components(
            security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")}
        ),
        security=[{"bearer": []}],
        use_handler_docstrings=True,
    )


_ORG: Final = Parameter(
    name="orgid", param_in="header", description="The organisation", schema=_text("1-64 of A-Z a-z 0-9 . _ -")
)
_CALLERS: Final = [
    Parameter(
        name=name,
        param_in="query",
        description="The caller: the token's user, or whom a service acts for",
        schema=_text("A user id"),
    )
    for name in ("userId", "requestingUserId")
]


_ACTING: Final = Parameter(
    name=ACTING_HEADER["acting_header"],
    param_in="header",
    description="Whom a service acts for; nobody else may name another than themselves",
    schema=_text("A user id, percent-encoded where it is not ASCII"),
)
_KEY: Final = Parameter(
    name=KEY_HEADER,
    param_in="header",
    description=(
        "Yours for this request: sent again within 24 hours, it is not carried out again but gets its first answer, "
        f"with `{REPLAYED_HEADER}: true`; another request with it is a 409"
    ),
    schema=_text("1-255 printable characters of ASCII", min_length=1, max_length=255),
)
_REPLAYED: Final = OpenAPIHeader(
    description="`true` if this is an earlier answer, to the same request", schema=_text("", enum=["true"])
)


def complete_description(app: Litestar) -> None:
    """Say what no route says of itself: what all of the API understand, and which ask for no token."""
    routed = {
        (route.path_format, method.lower()): handler
        for route in app.routes
        for handler in _handlers(route)
        for method in handler.http_methods
    }
    for path, item in (app.openapi_schema.paths or {}).items():
        for method in ("get", "post", "put", "patch", "delete"):
            operation = getattr(item, method)
            if operation is None:
                continue
            sentence = (operation.description or "").partition("\n")[0].replace("``", "`")
            operation.summary, operation.description = sentence, (operation.description or "").replace("``", "`")
            _describe_success(operation, sentence)
            handler = routed.get((path, method))
            if handler and "once" in handler.parsed_fn_signature.parameters:
                _describe_replay(operation)
            _describe_identity(operation, handler.opt if handler else {})
    for schema in (app.openapi_schema.components.schemas or {}).values():
        _loosen(schema)


def _describe_identity(operation: Operation, options: Mapping[str, Any]) -> None:
    if options.get("public"):
        operation.security = [{}]
        return
    if options.get("optional"):
        operation.security = [{}, {"bearer": []}]
    acting = [_ACTING] if options.get("acting_header") else []
    operation.parameters = [*(operation.parameters or []), _ORG, *acting, *_CALLERS]


def _describe_success(operation: Operation, sentence: str) -> None:
    for status, response in (operation.responses or {}).items():
        if status.startswith("2") and isinstance(response, OpenAPIResponse):
            response.description = sentence


def _describe_replay(operation: Operation) -> None:
    operation.parameters = [*(operation.parameters or []), _KEY]
    for response in (operation.responses or {}).values():
        if isinstance(response, OpenAPIResponse):
            response.headers = {**(response.headers or {}), REPLAYED_HEADER: _REPLAYED}


def _handlers(route: Any) -> list[Any]:
    return [handler for handler in getattr(route, "route_handlers", []) if hasattr(handler, "http_methods")]


def _loosen(schema: Any) -> None:
    """Have ``anyOf`` in place of ``oneOf``, all the way down: an integer is a number, an owner's card is a card."""
    if not isinstance(schema, Schema):
        return
    if schema.one_of:
        schema.any_of, schema.one_of = schema.one_of, None
    inner = [*(schema.any_of or []), *(schema.properties or {}).values(), schema.items, schema.additional_properties]
    for each in inner:
        _loosen(each)

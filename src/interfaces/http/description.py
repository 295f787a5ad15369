"""The description of the HTTP port, OpenAPI 3.1: what routes say of themselves, and what holds for many of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from http import HTTPStatus
from types import NoneType
from typing import Any, Final, get_args

from litestar import Litestar, Request, Router
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, ScalarRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from interfaces.http.auth import ACTING_HEADER, PUBLIC
from interfaces.http.event_schemas import get_asyncapi, get_event_schemas
from interfaces.http.once import KEY_HEADER
from interfaces.http.problems import MEDIA_TYPE as PROBLEM
from interfaces.http.problems import REPLAYED_HEADER, Problem
from interfaces.http.schemas import Schemas

_DESCRIPTION: Final = (
    "Stories live for a day. Every answer is JSON; every refusal is a problem (RFC 9457) with a stable `code`. "
    "Times are RFC 3339 UTC. The header `orgid` names the organisation. HEAD works wherever GET does, another method "
    "is a 405 with `Allow`."
)
_VIEWER: Final = "1.72.1"
"""Of Scalar, which browsers fetch from the web: not whatever is newest there."""
_METHODS: Final = ("get", "post", "put", "patch", "delete")
_NOISE: Final = {"deprecated": False, "allowEmptyValue": False, "allowReserved": False}
_HOLE: Final = re.compile(r"\{\w+\}")
_SNAKE: Final = re.compile(r"_([a-z])")

_USER: Final = {"type": "string", "format": "user-id", "minLength": 1, "maxLength": 128}
_UUID: Final = {"type": "string", "format": "uuid"}
_IN_PATH: Final[Mapping[str, dict[str, Any]]] = {
    "storyId": {"schema": _UUID, "description": "Id of a story"},
    "reportId": {"schema": _UUID, "description": "Id of a report"},
    "webhookId": {"schema": _UUID, "description": "Id of a webhook"},
    "mediaFileId": {"schema": _UUID, "description": "Id of an upload"},
    "userId": {"schema": _USER, "description": "Id of a user"},
    "friendId": {"schema": _USER, "description": "Id of a user"},
    "targetId": {"schema": _USER, "description": "Id of a user"},
}
_ORG: Final = {
    "name": "orgid",
    "in": "header",
    "description": "The organisation; absent: the token's, or `default`",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
}
_CALLERS: Final = [
    {
        "name": name,
        "in": "query",
        "description": "The caller: the token's user, or whom a service acts for",
        "schema": _USER,
    }
    for name in ("userId", "requestingUserId")
]
_ACTING: Final = {
    "name": ACTING_HEADER["acting_header"],
    "in": "header",
    "description": "Whom a service acts for; nobody else may name another than themselves. "
    "Percent-encoded where it is not ASCII",
    "schema": {"type": "string", "format": "encoded-user-id"},
}
_KEY: Final = {
    "name": KEY_HEADER,
    "in": "header",
    "description": "Yours for this request: sent again within 24 hours, it is not carried out again but gets its first "
    f"answer, with `{REPLAYED_HEADER}: true`; another request with it is a 409",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]*$"},
}
CODES: Final[Mapping[str, tuple[str, ...]]] = {
    "400": (
        *("invalid_request", "invalid_parameter", "duplicate_parameter", "malformed_json", "type_mismatch"),
        *("media_invalid", "media_too_large", "cursor_invalid", "org_invalid", "url_not_allowed"),
    ),
    "401": ("unauthenticated", "invalid_token"),
    "403": ("identity_mismatch", "owner_only", "org_mismatch", "role_required"),
    "404": ("story_not_found", "not_found"),
    "405": ("method_not_allowed",),
    "409": ("own_story", "idempotency_key_reused", "request_in_progress", "conflict"),
    "410": ("story_expired", "position_gone"),
    "413": ("too_large",),
    "415": ("unsupported_media_type",),
    "416": ("invalid_parameter",),
    "429": ("rate_limited", "quota_exceeded"),
    "431": ("invalid_request",),
    "503": ("unavailable",),
}
"""What the `code` of a problem may be, by its status."""
_HEADERS: Final[Mapping[str, dict[str, Any]]] = {
    "401": {
        "WWW-Authenticate": {"description": "`Bearer`", "schema": {"type": "string"}},
    },
    "429": {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 1}}},
    "503": {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 1}}},
}
_ONCE: Final = {"once", "posting"}
"""What routes ask for whose requests may come again."""
_REPLAYED: Final = {
    "description": "`true`: this is the first answer to the same request",
    "schema": {"type": "string", "enum": ["true"]},
}


def openapi_config() -> OpenAPIConfig:
    """The description, at ``/schema`` for people and ``/schema/openapi.json`` for programs."""
    return OpenAPIConfig(
        title="Stories",
        version="0.1.0",
        description=_DESCRIPTION,
        openapi_router=Router(
            "/schema", route_handlers=[get_event_schemas, get_asyncapi], opt=PUBLIC, include_in_schema=False
        ),
        render_plugins=[ScalarRenderPlugin(path="/", version=_VIEWER), _Described(path="/openapi.json")],
        components=Components(
            security_schemes={
                "bearer": SecurityScheme(
                    type="http", scheme="bearer", bearer_format="JWT", description="HS256, RS256, ES256 or EdDSA"
                )
            }
        ),
        security=[{"bearer": []}],
        use_handler_docstrings=True,
    )


class _Described(JsonRenderPlugin):
    """Renders the completed description, once."""

    _rendered: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Render it."""
        if self._rendered is None:
            self._rendered = super().render(request, completed(openapi_schema, request.app))
        return self._rendered


def completed(told: Mapping[str, Any], app: Litestar) -> dict[str, Any]:
    """The description as the framework tells it, with what no route says of itself."""
    schemas = Schemas()
    paths: dict[str, Any] = {}
    for template, method, handler in _routed(app):
        operation = told["paths"].get(template, {}).get(method)
        if operation is not None:
            path = _HOLE.sub(lambda match: _camel(match[0]), template)
            paths.setdefault(path, {})[method] = _operation(operation, handler, schemas)
    schemas.of_answer(Problem)
    _link(paths)
    framework = {**told["components"].get("schemas", {})}
    used = {name: schema for name, schema in framework.items() if name not in schemas.components}
    components = {**told["components"], "schemas": _reachable(paths, {**used, **schemas.components})}
    return {**told, "paths": paths, "components": components}


def _link(paths: Mapping[str, Any]) -> None:
    """Say what can be done with a story that was posted, and how an upload that was begun goes on."""
    for begins, made in (("postStory", "storyId"), ("beginUpload", "mediaFileId")):
        links = {}
        for template, operation in _operations(paths):
            if f"{{{made}}}" in template:
                named = "path" if "{userId}" in template else "query"
                parameters = {f"path.{made}": f"$response.body#/data/{made}", f"{named}.userId": "$request.path.userId"}
                links[operation["operationId"]] = {"operationId": operation["operationId"], "parameters": parameters}
        for _, operation in _operations(paths):
            if operation["operationId"] == begins:
                operation["responses"]["201"]["links"] = links


def _operations(paths: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((template, operation) for template, item in paths.items() for operation in item.values())


def _routed(app: Litestar) -> Iterator[tuple[str, str, Any]]:
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            for method in _METHODS:
                if method.upper() in getattr(handler, "http_methods", ()):
                    yield route.path_format, method, handler


def _operation(told: Mapping[str, Any], handler: Any, schemas: Schemas) -> dict[str, Any]:
    options, needs = handler.opt, handler.parsed_fn_signature.parameters
    text = " ".join(told.get("description", "").replace("``", "`").split("\n\n", 1)[0].split())
    operation = {**told, "summary": text, "description": _paragraphs(told.get("description", ""))}
    parameters = [_parameter(each, needs, schemas) for each in told.get("parameters", [])]
    responses = {status: _response(status, each) for status, each in told["responses"].items()}
    answer = schemas.of_answer(handler.parsed_return_field.annotation) if _is_json(responses, handler) else None
    if answer is not None:
        responses[str(handler.status_code)]["content"] = {"application/json": {"schema": answer}}
    for other in {extra.data_container for extra in (handler.responses or {}).values()} - {Problem}:
        schemas.of_answer(other)
    bodies = {"application/json": needs["data"].annotation} if "data" in needs else {}
    if bodies := getattr(handler.operation_class, "bodies", bodies):
        content = {media_type: {"schema": schemas.of_body(body)} for media_type, body in bodies.items()}
        required = getattr(handler.operation_class, "body_required", True)
        operation["requestBody"] = {"required": required, "content": content}
    if _ONCE & needs.keys():
        parameters.append(_KEY)
        for response in responses.values():
            response["headers"] = {**response.get("headers", {}), REPLAYED_HEADER: _REPLAYED}
    if options.get("public"):
        operation["security"] = [{}]
    else:
        acting = [_ACTING] if options.get("acting_header") else []
        named = {each["name"] for each in parameters}
        parameters += [_ORG, *acting, *(each for each in _CALLERS if each["name"] not in named)]
        if options.get("optional"):
            operation["security"] = [{}, {"bearer": []}]
    return {**operation, "parameters": parameters, "responses": dict(sorted(responses.items()))}


def _is_json(responses: Mapping[str, Any], handler: Any) -> bool:
    """Whether a route answers what its annotation says; one that answers bytes says so itself."""
    content = responses.get(str(handler.status_code), {}).get("content", {})
    return not content or "application/json" in content


def _parameter(told: Mapping[str, Any], needs: Mapping[str, Any], schemas: Schemas) -> dict[str, Any]:
    """A parameter, with its bounds as they are (the framework rounds them) and its names as others have them."""
    parameter = {name: value for name, value in told.items() if _NOISE.get(name, ...) != value}
    name = parameter["name"] = _camel(told["name"])
    if told["in"] == "path" and name in _IN_PATH:
        return parameter | _IN_PATH[name]
    schema = _needed({key: value for key, value in told.get("schema", {}).items() if key != "description"})
    asked = next((each for each in needs.values() if _sent_as(each) == told["name"]), None)
    for bound, of_framework in (("minimum", "ge"), ("maximum", "le")):
        exact = getattr(asked.kwarg_definition, of_framework, None) if asked else None
        if exact is not None:
            schema[bound] = exact
    names = _enumeration(asked.annotation) if asked else None
    if asked is not None and names is not None:
        default = {"default": asked.default.value} if isinstance(asked.default, Enum) else {}
        schema = schemas.of_body(names) | default
    return parameter | {"schema": schema}


def _enumeration(annotation: Any) -> type[Enum] | None:
    kinds = [kind for kind in get_args(annotation) or [annotation] if kind is not NoneType]
    return kinds[0] if len(kinds) == 1 and isinstance(kinds[0], type) and issubclass(kinds[0], Enum) else None


def _needed(schema: dict[str, Any]) -> dict[str, Any]:
    """What a parameter is if it is sent: null cannot be."""
    kinds = [kind for kind in schema.pop("oneOf", ()) if kind.get("type") != "null"]
    return schema | kinds[0] if len(kinds) == 1 else schema | ({"anyOf": kinds} if kinds else {})


def _sent_as(field: Any) -> str:
    named: str | None = getattr(field.kwarg_definition, "name", None)
    return named or str(field.name)


def _response(status: str, told: Mapping[str, Any]) -> dict[str, Any]:
    headers = {name: _header(each) for name, each in told.get("headers", {}).items()} | _HEADERS.get(status, {})
    response = {**told, "headers": headers} if headers else {n: v for n, v in told.items() if n != "headers"}
    if status.startswith("2"):
        response["description"] = HTTPStatus(int(status)).phrase
    elif status in CODES and PROBLEM in response.get("content", {}):
        response["description"] += f": {', '.join(f'`{code}`' for code in CODES[status])}"
    return response


def _header(told: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in told.items() if value is not False}
    return {"schema": {"type": "string"}, **kept}


def _reachable(paths: Mapping[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    """The schemas that are referred to."""
    reached: dict[str, Any] = {}
    left = list(_references(paths))
    while left:
        name = left.pop()
        if name not in reached:
            reached[name] = schemas[name]
            left.extend(_references(schemas[name]))
    return dict(sorted(reached.items()))


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        if isinstance(target := node.get("$ref"), str):
            yield target.rpartition("/")[2]
        for child in node.values():
            yield from _references(child)
    elif isinstance(node, list):
        for child in node:
            yield from _references(child)


def _camel(name: str) -> str:
    """A name as clients know it."""
    return _SNAKE.sub(lambda match: match[1].upper(), name)


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.replace("``", "`").split("\n\n"))

"""Problems: what went wrong, as RFC 9457 says it; the one table from errors to statuses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import structlog
from litestar import Response
from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Struct

from application.commands.receive_upload import FileTooLargeError
from application.live import TooManyListenersError
from application.once import RefusedBeforeError
from application.ports.errors import (
    ConcurrentChangeError,
    InvalidTokenError,
    MediaInvalidError,
    MediaTooLargeError,
    UnavailableError,
    UnsupportedMediaError,
)
from application.quotas import QuotaExceededError
from domain.errors import ConflictError, DomainError, ForbiddenError, GoneError, InvalidError, NotFoundError

MEDIA_TYPE: Final = "application/problem+json"
REPLAYED_HEADER: Final = "Idempotency-Replayed"
_RETRY_AFTER_SECONDS: Final = "2"
_LISTENERS_AGAIN_SECONDS: Final = "30"

_log = structlog.get_logger(__name__)


class FieldProblem(Struct, frozen=True):
    """What is wrong with one value."""

    field: str
    message: str


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went wrong.

    Attributes:
        type: names the kind of problem, as `code` does.
        instance: the id of the request; name it when you report the problem.
        code: stable; programs read this.
        errors: what is wrong with the input, value by value.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    success: bool
    errors: tuple[FieldProblem, ...] = ()


_TITLES: Final[Mapping[int, str]] = {
    400: "Invalid request",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    410: "Gone",
    413: "Too large",
    415: "Unsupported media type",
    416: "Range not satisfiable",
    429: "Too many requests",
    431: "Headers too long",
    500: "Internal error",
    503: "Unavailable",
}

_STATUS_OF_KIND: Final[Mapping[type[DomainError], int]] = {
    InvalidError: 400,
    ForbiddenError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    GoneError: 410,
}

_STATUS_AND_CODE: Final[Mapping[type[Exception], tuple[int, str]]] = {
    MediaInvalidError: (400, "media_invalid"),
    MediaTooLargeError: (400, "media_too_large"),
    InvalidTokenError: (401, "invalid_token"),
    FileTooLargeError: (413, "too_large"),
    UnsupportedMediaError: (415, "unsupported_media_type"),
    ConcurrentChangeError: (409, "conflict"),
    UnavailableError: (503, "unavailable"),
}

REFUSALS: Final[tuple[type[Exception], ...]] = (
    DomainError,
    *(kind for kind, (status, _) in _STATUS_AND_CODE.items() if status < 500),
)
"""What says no to a request that could be read; anything else is not the client's doing."""

_CODE_OF_STATUS: Final[Mapping[int, str]] = {
    400: "invalid_request",
    401: "unauthenticated",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
}


class RequestError(Exception):
    """A request that HTTP itself, and no rule of the domain, refuses."""

    def __init__(
        self, status: int, code: str, detail: str, errors: tuple[FieldProblem, ...] = (), **headers: str
    ) -> None:
        self.status, self.code, self.detail, self.errors = status, code, detail, errors
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        super().__init__(detail)


def invalid(code: str, field: str, message: str) -> RequestError:
    """A 400 about one value."""
    return RequestError(400, code, message, (FieldProblem(field, message),))


def problem(request_id: str, status: int, code: str, detail: str, *, errors: tuple[FieldProblem, ...] = ()) -> Problem:
    """A problem, said in full."""
    return Problem(
        type=f"urn:stories:problem:{code}",
        title=_TITLES.get(status, "Error"),
        status=status,
        detail=detail,
        instance=f"urn:uuid:{request_id}",
        code=code,
        success=False,
        errors=errors,
    )


def problem_response(
    request_id: str,
    status: int,
    code: str,
    detail: str,
    *,
    errors: tuple[FieldProblem, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> Response[Problem]:
    """A problem as an answer."""
    more = dict(headers or {})
    if status == 503:
        more.setdefault("Retry-After", _RETRY_AFTER_SECONDS)
    if status == 401:
        more.setdefault("WWW-Authenticate", "Bearer")
    body = problem(request_id, status, code, detail, errors=errors)
    return Response(body, status_code=status, media_type=MEDIA_TYPE, headers=more)


def handle(request: ASGIConnection[Any, Any, Any, Any], error: Exception) -> Response[Problem]:
    """Answer any error that a handler, or the framework, has raised."""
    request_id = request_id_of(request)
    match error:
        case RequestError():
            return problem_response(
                request_id, error.status, error.code, error.detail, errors=error.errors, headers=error.headers
            )
        case InvalidError():
            return problem_response(
                request_id, 400, error.code, error.detail, errors=(FieldProblem(error.field, error.detail),)
            )
        case DomainError():
            status = next(status for kind, status in _STATUS_OF_KIND.items() if isinstance(error, kind))
            return problem_response(request_id, status, error.code, error.detail)
        case RefusedBeforeError():
            problem = msgspec.json.decode(error.refusal, type=Problem)
            replayed = {REPLAYED_HEADER: "true"}
            return Response(problem, status_code=problem.status, media_type=MEDIA_TYPE, headers=replayed)
        case HTTPException():
            return _framework_problem(request_id, error)
        case _:
            return _other_problem(request_id, error)


def _framework_problem(request_id: str, error: HTTPException) -> Response[Problem]:
    status = error.status_code
    if isinstance(error, ValidationException):
        return _validation_problem(request_id, error)
    if isinstance(error, MethodNotAllowedException):
        return problem_response(
            request_id, 405, "method_not_allowed", "There is nothing here by this method.", headers=_allow(error)
        )
    detail = "There is nothing here." if isinstance(error, NotFoundException) else error.detail
    if status >= 500:
        _log.error("framework error", error=repr(error), request_id=request_id)
        return problem_response(request_id, 500, "internal_error", "Something went wrong on our side.")
    return problem_response(request_id, status, _CODE_OF_STATUS.get(status, "invalid_request"), detail)


def _allow(error: HTTPException) -> dict[str, str]:
    allowed = {method.strip() for method in (error.headers or {}).get("allow", "").split(",")}
    # Only browsers that ask before they send get an answer to OPTIONS; and to open a WebSocket is no method.
    allowed -= {"OPTIONS", "websocket"}
    return {"Allow": ", ".join(sorted(allowed | ({"HEAD"} if "GET" in allowed else set())))}


def _validation_problem(request_id: str, error: ValidationException) -> Response[Problem]:
    told = error.extra if isinstance(error.extra, list) else []
    if any(item.get("key") == "data" for item in told):
        return problem_response(request_id, 400, "malformed_json", "This request has a body of JSON.")
    errors = tuple(FieldProblem(_as_sent(str(item.get("key", ""))), str(item.get("message", ""))) for item in told)
    detail = "; ".join(f"{item.field}: {item.message}" for item in errors) or "The request is invalid."
    return problem_response(request_id, 400, "invalid_parameter", detail, errors=errors)


def _as_sent(name: str) -> str:
    """A parameter's name as clients know it, camelCase."""
    first, *more = name.split("_")
    return first + "".join(word.capitalize() for word in more)


def _other_problem(request_id: str, error: Exception) -> Response[Problem]:
    if isinstance(error, QuotaExceededError):
        again = {"Retry-After": str(math.ceil(error.seconds))}
        return problem_response(request_id, 429, "quota_exceeded", str(error), headers=again)
    if isinstance(error, TooManyListenersError):
        again = {"Retry-After": _LISTENERS_AGAIN_SECONDS}
        status, code = (429, "rate_limited") if error.by_user else (503, "unavailable")
        return problem_response(request_id, status, code, str(error), headers=again)
    for kind, (status, code) in _STATUS_AND_CODE.items():
        if isinstance(error, kind):
            detail = str(error) or _TITLES[status]
            if status == 503:
                _log.warning("unavailable", reason=str(error), request_id=request_id)
            return problem_response(request_id, status, code, detail)
    _log.error("internal error", request_id=request_id, exc_info=error)
    return problem_response(request_id, 500, "internal_error", "Something went wrong on our side.")


def request_id_of(request: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The id of the request, as the edge has given it."""
    return str(request.scope.get("request_id", ""))


def specs(*statuses: int) -> dict[int, ResponseSpec]:
    """The problems a route may answer with, for its description; those that any may are added."""
    return {
        status: ResponseSpec(Problem, description=_TITLES[status], media_type=MEDIA_TYPE, generate_examples=False)
        for status in sorted({400, 401, 403, 429, 503, *statuses})
    }


def decode_problem(error: Exception) -> RequestError:
    """A body that cannot be read, as a 400."""
    if isinstance(error, msgspec.ValidationError):
        message, _, where = str(error).partition(" - at ")
        field = where.strip("`").removeprefix("$").lstrip(".") or "body"
        return invalid("invalid_request", field, message)
    return RequestError(400, "malformed_json", "The body is not JSON as RFC 8259 and UTF-8 have it.")

"""Events over HTTP, for other services: what happened in their organisation, line by line, from any position on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

from litestar import Response, get
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, OpenAPIType, Operation, Schema
from litestar.params import QueryParameter

from application.ports.people import Role
from application.queries.list_events import ListEvents, ListEventsHandler
from interfaces.http.ndjson import NDJSON
from interfaces.http.problems import specs
from interfaces.http.requests import StoriesRequest

_POSITION_MAX: Final = 2**63 - 1

After = Annotated[
    int, QueryParameter(ge=0, le=_POSITION_MAX, description="Position of the last event known; absent: the oldest kept")
]
Limit = Annotated[int, QueryParameter(ge=1, le=1_000, description="Events to answer")]
Wait = Annotated[int, QueryParameter(ge=0, le=30, description="Seconds to wait for events, if there are none yet")]


def services_alone(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Let only other services pass, before what they ask for is read.

    Raises:
        RoleRequiredError: the caller is none.
    """
    connection.user.require_role(Role.SERVICE)


@dataclass
class ListEventsOperation(Operation):
    """Listing events: lines of JSON."""

    def __post_init__(self) -> None:
        """Say what the answer is."""
        described = "CloudEvents 1.0 in JSON, one on each line; their schemas are at `/schema/events.json`"
        lines = {NDJSON: OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))}
        told = {"200": OpenAPIResponse(description=described, content=lines)}
        self.responses = {**(self.responses or {}), **told}


@get(
    "/api/events",
    guards=[services_alone],
    operation_id="listEvents",
    operation_class=ListEventsOperation,
    media_type=NDJSON,
    responses=specs(410),
    tags=["Events"],
)
async def list_events(
    request: StoriesRequest,
    list_events: NamedDependency[ListEventsHandler],
    after: After = 0,
    limit: Limit = 500,
    wait: Wait = 0,
) -> Response[bytes]:
    """Read the events of the organisation, oldest first, one on each line.

    Go on with the position of the last one. If there are no newer ones, the answer waits for them, as ``wait`` says.
    """
    known = after if "after" in request.query_params else None  # 0, told, may be too old
    events = await list_events(ListEvents(caller=request.user, after=known, limit=limit, wait=wait))
    return Response(b"".join(event + b"\n" for event in events), media_type=NDJSON)

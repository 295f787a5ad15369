"""Health over HTTP: whether the process lives, and whether its stores do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from litestar import Response, Router, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Struct, structs

from application.ports.backlog import Backlog
from interfaces.http.auth import PUBLIC
from interfaces.http.backlog import KnownBacklog
from interfaces.http.examination import Examiner
from interfaces.http.limits import UNLIMITED
from interfaces.http.problems import specs


class Live(Struct, frozen=True):
    """The process lives."""

    status: Literal["ok"]


class Lag(Struct, frozen=True, rename="camel"):
    """What waits to be done by the service itself.

    Attributes:
        count: how many.
        oldest_seconds: for how long the oldest has waited.
    """

    count: int
    oldest_seconds: float


class Ready(Struct, frozen=True):
    """Whether requests can be served; each store with ``ok`` or what is wrong with it.

    Attributes:
        waiting: what waits to be done, by its name, as it was found in the last seconds; null: it is not known.
    """

    status: Literal["ok", "degraded", "unavailable"]
    stores: Mapping[str, str]
    waiting: Mapping[str, Lag] | None


_UNAVAILABLE: Final = ResponseSpec(Ready, description="The database is down", generate_examples=False)
_BAD_TOKEN: Final = {401: specs()[401]}


@get("/live", opt=PUBLIC | UNLIMITED, operation_id="live", responses=_BAD_TOKEN)
async def live() -> Live:
    """Whether the process lives."""
    return Live("ok")


@get("/ready", opt=PUBLIC | UNLIMITED, operation_id="ready", responses=_BAD_TOKEN | {503: _UNAVAILABLE})
async def ready(doctor: NamedDependency[Examiner], known_backlog: NamedDependency[KnownBacklog]) -> Response[Ready]:
    """Whether requests can be served: without the database none, without another store some."""
    problems = await doctor.examine()
    stores = {name: problem or "ok" for name, problem in problems.items()}
    if problems.get("database"):
        return Response(Ready("unavailable", stores, None), status_code=503, headers={"Retry-After": "5"})
    return Response(Ready("degraded" if any(problems.values()) else "ok", stores, _waiting(await known_backlog())))


def _waiting(backlog: Backlog | None) -> Mapping[str, Lag] | None:
    if backlog is None:
        return None
    return {
        what: Lag(waiting.count, waiting.oldest_seconds)
        for what, waiting in structs.asdict(backlog).items()
        if waiting is not None
    }


health_router = Router("/health", route_handlers=[live, ready], tags=["Health"])

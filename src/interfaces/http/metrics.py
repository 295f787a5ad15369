"""Metrics for Prometheus, of this process: how requests go, and how much waits. Nobody is named in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from litestar import Response, get
from litestar.di import NamedDependency
from msgspec import structs
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from application.ports.backlog import Backlog
from interfaces.http.auth import PUBLIC
from interfaces.http.backlog import KnownBacklog
from interfaces.http.limits import UNLIMITED
from interfaces.http.problems import specs

_CONTENT_TYPE: Final = "text/plain; version=0.0.4"
_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds."""


class Metrics:
    """Counts what happens in this process. What counts as a route is its pattern, so that there are only so many."""

    def __init__(self, connected: Callable[[], int]) -> None:
        """``connected`` tells how many are connected for live updates."""
        self._registry = CollectorRegistry()
        live = Gauge("stories_live_connections", "Connections for live updates", registry=self._registry)
        live.set_function(connected)
        self._requests = Counter(
            "stories_http_requests", "Requests answered", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "stories_http_request_duration_seconds",
            "Time until a request was answered in full",
            ["method", "route"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._refused = Counter(
            "stories_rate_limited",
            "Requests refused because there were too many",
            ["kind", "of"],
            registry=self._registry,
        )
        self._in_flight = 0
        in_flight = Gauge("stories_http_requests_in_flight", "Requests not yet answered", registry=self._registry)
        in_flight.set_function(lambda: self._in_flight)
        self._found: dict[tuple[str, str, int | None], tuple[Counter, Histogram]] = {}
        self._backlog = _BacklogGauges(self._registry)
        ProcessCollector(registry=self._registry)

    def begun(self) -> None:
        """A request has come."""
        self._in_flight += 1

    def ended(self, method: str, route: str, status: int | None, seconds: float) -> None:
        """It was answered; None: the client was gone before."""
        self._in_flight -= 1
        # To find a series by its labels costs more than to count.
        found = self._found.get((method, route, status))
        if found is None:
            counted = self._requests.labels(method, route, "none" if status is None else str(status))
            found = self._found[method, route, status] = (counted, self._seconds.labels(method, route))
        found[0].inc()
        found[1].observe(seconds)

    def refused(self, kind: str, of: str) -> None:
        """A request was one too many, of a user, an organisation, or an address."""
        self._refused.labels(kind, of).inc()

    def text(self, backlog: Backlog | None) -> bytes:
        """All of it, with what waits, if it is known, as Prometheus reads it."""
        self._backlog.set(backlog)
        return generate_latest(self._registry)


class _BacklogGauges:
    """What waits. If the database is away it is not known, and says so."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._count = Gauge("stories_waiting", "How much waits to be done by itself", ["what"], registry=registry)
        self._oldest = Gauge(
            "stories_waiting_oldest_seconds", "For how long the oldest has waited", ["what"], registry=registry
        )
        self._known = Gauge("stories_waiting_known", "1 if the database has told what waits", registry=registry)

    def set(self, backlog: Backlog | None) -> None:
        """It is so now."""
        self._known.set(backlog is not None)
        self._count.clear()
        self._oldest.clear()
        for what, waiting in (structs.asdict(backlog) if backlog else {}).items():
            if waiting is not None:
                self._count.labels(what).set(waiting.count)
                self._oldest.labels(what).set(waiting.oldest_seconds)


@get(
    "/metrics",
    tags=["Health"],
    opt=PUBLIC | UNLIMITED,
    operation_id="metrics",
    media_type=_CONTENT_TYPE,
    responses={401: specs()[401]},
)
async def get_metrics(
    metrics: NamedDependency[Metrics], known_backlog: NamedDependency[KnownBacklog]
) -> Response[bytes]:
    """Metrics of this process, in the text format of Prometheus."""
    return Response(metrics.text(await known_backlog()), media_type=_CONTENT_TYPE)

"""The HTTP application: routes, what they need, and what runs beside them; it alone sees the container."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar
from litestar.di import Provide
from litestar.types import ASGIApp

from infrastructure.container import Container, close
from infrastructure.settings import Settings
from interfaces.http.auth import Identify
from interfaces.http.backlog import KnownBacklog
from interfaces.http.community.routers import community_router
from interfaces.http.cors import Cors
from interfaces.http.description import openapi_config
from interfaces.http.edge import Edge
from interfaces.http.engagement import engagement_router
from interfaces.http.events import list_events
from interfaces.http.examination import SharedExaminer
from interfaces.http.feeds import feeds_router
from interfaces.http.forwarded import Forwarded
from interfaces.http.graph import graph_router
from interfaces.http.health import health_router
from interfaces.http.limits import Figures, Limits
from interfaces.http.media import media_router
from interfaces.http.metrics import Metrics, get_metrics
from interfaces.http.once import once_of, tell_replayed
from interfaces.http.posting import posting_of
from interfaces.http.problems import handle
from interfaces.http.requests import JSON_MAX_BYTES, StoriesRequest
from interfaces.http.rights import rights_router
from interfaces.http.social import social_router
from interfaces.http.stories import stories_router
from interfaces.http.uploads import uploads_router
from interfaces.http.webhooks import webhooks_router
from interfaces.realtime.sockets import socket_router
from interfaces.realtime.stream import stream_router
from interfaces.realtime.vigil import Vigil


def create_app(settings: Settings, container: Container | None = None) -> ASGIApp:
    """The application. Without Redis it also works the queue, relays events and keeps the clock, in this process."""
    container = container or Container(settings=settings)
    hub, vigil = container.hub(), Vigil(container.tokens())
    metrics, backlog = Metrics(lambda: hub.count), KnownBacklog(container.backlog_reader())
    links, examiner = container.links(), SharedExaminer(container.doctor())
    limits = Limits(container.rate_limiter(), _figures(settings), metrics.refused, links.is_ours)
    app = Litestar(
        route_handlers=[
            stories_router,
            uploads_router,
            feeds_router,
            engagement_router,
            social_router,
            graph_router,
            rights_router,
            community_router,
            list_events,
            webhooks_router,
            socket_router,
            stream_router,
            media_router,
            health_router,
            get_metrics,
        ],
        request_class=StoriesRequest,
        request_max_body_size=JSON_MAX_BYTES,
        middleware=[Identify(container.tokens(), container.keep_profile(), limits, settings.public_url)],
        before_send=[tell_replayed],
        dependencies=_dependencies(container)
        | {
            "metrics": _provide(lambda: metrics),
            "doctor": _provide(lambda: examiner),
            "known_backlog": _provide(lambda: backlog),
            "vigil": _provide(lambda: vigil),
        },
        exception_handlers={Exception: handle},
        openapi_config=openapi_config(),
        lifespan=[_running(container, settings, vigil)],
        logging_config=None,
    )
    return Forwarded(Edge(app, container.new_id(), Cors(settings.origins), metrics, hub.stop), settings.proxies)


def _figures(settings: Settings) -> Figures | None:
    if not settings.rate_limit_enabled:
        return None
    return Figures(**{name: getattr(settings, f"rate_limit_{name}") for name in Figures.__struct_fields__})


def _running(container: Container, settings: Settings, vigil: Vigil) -> Callable[[Litestar], Any]:
    """What lives as long as the application: its connections, live updates, and without Redis its workers."""

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        beside: list[Any] = [container.nudges(), container.live(), vigil]
        if settings.in_process:
            beside += [container.worker(), container.relay(), container.scheduler()]
        for service in beside:
            await service.start()
        try:
            yield
        finally:
            for service in reversed(beside):
                await service.stop()
            await close(container)

    return lifespan


def _dependencies(container: Container) -> dict[str, Provide]:
    """Everything a route may ask for: it names a parameter as the container names its provider."""
    of_container = {name: _provide(provider) for name, provider in container.providers.items()}
    return {**of_container, "once": Provide(once_of), "posting": Provide(posting_of)}


def _provide(provider: Callable[[], Any]) -> Provide:
    # The framework asks for a coroutine function; a provider is none.
    async def provided() -> Any:
        return provider()

    return _Provided(provided)


class _Provided(Provide):
    """A provider that is like no other: the framework compares each with each, for every route."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__

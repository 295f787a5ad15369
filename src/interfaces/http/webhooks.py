"""Webhooks over HTTP, for other services: where they want to be told, how that goes, and what they have missed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final
from uuid import UUID

from litestar import Router, delete, get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Operation
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta, Struct

from application.commands.create_webhook import CreatedWebhook, CreateWebhook, CreateWebhookHandler
from application.commands.delete_webhook import NO_WEBHOOK, DeleteWebhook, DeleteWebhookHandler
from application.commands.replay_webhook import ReplayedWebhook, ReplayWebhook, ReplayWebhookHandler
from application.queries.admit_webhook_url import AdmitWebhookUrl, AdmitWebhookUrlHandler
from application.queries.list_deliveries import DeliveryPage, ListDeliveries, ListDeliveriesHandler
from application.queries.list_webhooks import ListWebhooks, ListWebhooksHandler, WebhookItem
from domain.errors import InvalidError, NotFoundError
from domain.values import URL_MAX, WebhookId, WebhookUrl
from domain.webhooks import TYPES, DeliveryStatus, event_types
from interfaces.http.answers import Done, Success
from interfaces.http.bodies import UUID_TEXT
from interfaces.http.events import services_alone
from interfaces.http.fields import between
from interfaces.http.once import Once
from interfaces.http.parameters import Page, PageSize
from interfaces.http.problems import specs
from interfaces.http.requests import StoriesRequest, decode_json, require_json

_POSITION_MAX: Final = 2**63 - 1
_LETTERS_MAX: Final = 1_000

Url = Annotated[
    str,
    Meta(
        description="http or https, without credentials; its host has public addresses only",
        extra_json_schema={"format": "webhook-url", "maxLength": URL_MAX},
    ),
]
Types = Annotated[
    list[Annotated[str, Meta(extra_json_schema={"enum": list(TYPES)})]],
    Meta(description="Types of events; absent: all", extra_json_schema={"minItems": 1}),
]
Position = Annotated[int, between(0, _POSITION_MAX, "Position of an event; everything after it is sent again")]
Numbers = Annotated[
    list[Annotated[int, between(1, _POSITION_MAX, "Number of a delivery")]],
    Meta(
        description=f"Which of those that were given up; absent: all. At most {_LETTERS_MAX:,}",
        extra_json_schema={"maxItems": _LETTERS_MAX},
    ),
]


class WebhookBody(Struct, frozen=True, kw_only=True):
    """Where to send events, and which."""

    url: Url
    types: Types | None = None

    def wanted(self) -> frozenset[str] | None:
        """The types; None: all.

        Raises:
            InvalidError: there is none of such a name, or none is named.
        """
        return None if self.types is None else event_types(self.types)


class ReplayBody(Struct, frozen=True, kw_only=True, rename="camel"):
    """What to send again: by default, all that was given up."""

    after: Position | None = None
    dead_letters: Numbers | None = None

    def checked(self) -> ReplayBody:
        """Itself.

        Raises:
            InvalidError: a number is out of range, or there are too many.
        """
        if self.after is not None and not 0 <= self.after <= _POSITION_MAX:
            raise InvalidError("after", f"0 to {_POSITION_MAX}")
        numbers = self.dead_letters or []
        if len(numbers) > _LETTERS_MAX or not all(1 <= number <= _POSITION_MAX for number in numbers):
            raise InvalidError("deadLetters", f"At most {_LETTERS_MAX:,} numbers of deliveries")
        return self


@dataclass
class ReplayWebhookOperation(Operation):
    """Replaying a webhook: with a body, or without."""

    bodies: ClassVar[Mapping[str, Any]] = {"application/json": ReplayBody}
    body_required: ClassVar[bool] = False


@post(
    "/",
    guards=[services_alone],
    operation_id="createWebhook",
    responses=specs(409, 413, 415),
)
async def create_webhook(
    data: JSONBody[WebhookBody],
    request: StoriesRequest,
    admit_webhook_url: NamedDependency[AdmitWebhookUrlHandler],
    create_webhook: NamedDependency[CreateWebhookHandler],
    once: NamedDependency[Once],
) -> Success[CreatedWebhook]:
    """Have every event from now on sent to a URL, signed with the secret that is shown in this answer and never again.

    For services. Each event is a POST of its CloudEvents JSON, in order, again and again until it is answered with 2xx.
    """
    async with once(data) as perform:
        types = data.wanted()
        url = await admit_webhook_url(AdmitWebhookUrl(caller=request.user, url=WebhookUrl(data.url)))
        created = await perform(create_webhook, CreateWebhook(caller=request.user, url=url, types=types))
    return Success(data=created)


@get("/", guards=[services_alone], operation_id="listWebhooks", responses=specs())
async def list_webhooks(
    request: StoriesRequest, list_webhooks: NamedDependency[ListWebhooksHandler]
) -> Success[Sequence[WebhookItem]]:
    """List the webhooks of the organisation, oldest first, and how they are."""
    return Success(data=await list_webhooks(ListWebhooks(caller=request.user)))


@delete(
    "/{webhook_id:str}", status_code=200, guards=[services_alone], operation_id="deleteWebhook", responses=specs(404)
)
async def delete_webhook(
    webhook_id: FromPath[str], request: StoriesRequest, delete_webhook: NamedDependency[DeleteWebhookHandler]
) -> Done:
    """Delete a webhook: nothing more is sent to it, and nothing known of what was."""
    await delete_webhook(DeleteWebhook(caller=request.user, webhook_id=webhook_id_of(webhook_id)))
    return Done(message="Webhook deleted successfully")


@get("/{webhook_id:str}/deliveries", guards=[services_alone], operation_id="listDeliveries", responses=specs(404))
async def list_deliveries(
    webhook_id: FromPath[str],
    request: StoriesRequest,
    list_deliveries: NamedDependency[ListDeliveriesHandler],
    status: Annotated[
        str | None, QueryParameter(description="With which; absent: with any", enum=list(DeliveryStatus))
    ] = None,
    page: Page = 1,
    page_size: PageSize = 20,
) -> Success[DeliveryPage]:
    """List what was sent to a webhook lately, newest first, and what came of it; and what was given up."""
    query = ListDeliveries(
        caller=request.user,
        webhook_id=webhook_id_of(webhook_id),
        status=None if status is None else _status(status),
        page=page,
        page_size=page_size,
    )
    return Success(data=await list_deliveries(query))


@post(
    "/{webhook_id:str}/replay",
    status_code=200,
    guards=[services_alone],
    operation_class=ReplayWebhookOperation,
    operation_id="replayWebhook",
    responses=specs(404, 410, 413, 415),
)
async def replay_webhook(
    webhook_id: FromPath[str], request: StoriesRequest, replay_webhook: NamedDependency[ReplayWebhookHandler]
) -> Success[ReplayedWebhook]:
    """Send a webhook again what was given up, or all after a position, at once and also if it was disabled."""
    body = await _replay_body(request)
    replayed = await replay_webhook(
        ReplayWebhook(
            caller=request.user,
            webhook_id=webhook_id_of(webhook_id),
            after=body.after,
            only=body.dead_letters,
        )
    )
    return Success(data=replayed)


def webhook_id_of(text: str) -> WebhookId:
    """The webhook a path names.

    Raises:
        NotFoundError: no webhook has such an id.
    """
    if not UUID_TEXT.fullmatch(text):
        raise NotFoundError(NO_WEBHOOK)
    return WebhookId(UUID(text))


def _status(text: str) -> DeliveryStatus:
    # Read by hand: the framework takes the word `null` for none.
    try:
        return DeliveryStatus(text)
    except ValueError:
        raise InvalidError("status", f"One of {', '.join(DeliveryStatus)}") from None


async def _replay_body(request: StoriesRequest) -> ReplayBody:
    """The body, or what it says if there is none."""
    if not (sent := await request.body()):
        return ReplayBody()
    require_json(request)
    body: ReplayBody = decode_json(sent, ReplayBody)
    return body.checked()


webhooks_router = Router(
    "/api/webhooks",
    route_handlers=[create_webhook, list_webhooks, delete_webhook, list_deliveries, replay_webhook],
    tags=["Webhooks"],
)

"""List what was sent to a webhook lately, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from application.caller import Caller
from application.commands.delete_webhook import NO_WEBHOOK
from application.ports.people import Role
from application.queries.cards import pages
from application.queries.times import Timestamp
from domain.errors import NotFoundError
from domain.values import WebhookId
from domain.webhooks import DeliveryStatus


class ListDeliveries(Struct, frozen=True, kw_only=True):
    """Ask for deliveries.

    Attributes:
        status: with which; None: with any.
    """

    caller: Caller
    webhook_id: WebhookId
    status: DeliveryStatus | None
    page: int
    page_size: int


class DeliveryItem(Struct, frozen=True, kw_only=True, rename="camel"):
    """An event that was sent to a webhook, or can no longer be.

    Attributes:
        number: rises with each of the webhook's.
        event_id: null: of a gap.
        type: of the event; null: of a gap.
        position: of the event; of a gap: of the last that is missing.
        status: `failed` is tried again; `dead` was given up; `queued` was, and is to be sent again; `gap`: events up
            to this position were forgotten before they could be sent.
        attempt: which one it was, from 1; of a gap 0.
        duration_seconds: how long it took.
        http_status: what the target answered; null: it did not.
        reason: why it did not, in a word.
    """

    number: int
    event_id: UUID | None
    type: str | None
    position: int
    status: DeliveryStatus
    attempt: int
    at: Timestamp
    duration_seconds: float
    http_status: int | None
    reason: str | None


class DeliveryPage(Struct, frozen=True, kw_only=True, rename="camel"):
    """One page of deliveries."""

    deliveries: tuple[DeliveryItem, ...]
    page: int
    page_size: int
    total_count: int
    total_pages: int


class DeliveriesReader(Protocol):
    """Reads deliveries."""

    async def deliveries(
        self, caller: Caller, webhook_id: WebhookId, status: DeliveryStatus | None, *, offset: int, limit: int
    ) -> tuple[Sequence[DeliveryItem], int] | None:
        """One page, newest first, and how many there are; None: the caller's organisation has no such webhook."""


@dataclass(frozen=True, slots=True)
class ListDeliveriesHandler:
    """Lists them, newest first: the last thousand, and of those that were given up, the last thousand."""

    reader: DeliveriesReader

    async def __call__(self, query: ListDeliveries) -> DeliveryPage:
        """List them.

        Raises:
            RoleRequiredError: the caller is no service.
            NotFoundError: their organisation has no such webhook.
        """
        query.caller.require_role(Role.SERVICE)
        found = await self.reader.deliveries(
            query.caller,
            query.webhook_id,
            query.status,
            offset=(query.page - 1) * query.page_size,
            limit=query.page_size,
        )
        if found is None:
            raise NotFoundError(NO_WEBHOOK)
        deliveries, total = found
        return DeliveryPage(
            deliveries=tuple(deliveries),
            page=query.page,
            page_size=query.page_size,
            total_count=total,
            total_pages=pages(total, query.page_size),
        )

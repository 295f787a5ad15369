"""List what was given up at webhooks, of all organisations, for whoever runs the service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from domain.values import OrgId, WebhookId


class ListDeadLetters(Struct, frozen=True, kw_only=True):
    """Ask for them."""


class DeadDelivery(Struct, frozen=True, kw_only=True):
    """An event that was given up at a webhook.

    Attributes:
        number: of the delivery, of the webhook's.
        type: of the event.
        position: of the event.
        at: when it was sent for the last time (UTC).
        http_status: what the target answered then; None: it did not.
        reason: why it did not, in a word.
    """

    org: OrgId
    webhook_id: WebhookId
    number: int
    url: str
    type: str
    position: int
    at: datetime
    http_status: int | None
    reason: str | None

    @property
    def id(self) -> str:
        """Names it, over all organisations."""
        return f"{self.webhook_id}:{self.number}"


class DeadLettersReader(Protocol):
    """Reads what was given up."""

    async def dead(self) -> Sequence[DeadDelivery]:
        """All of it, of all organisations, oldest first."""


@dataclass(frozen=True, slots=True)
class ListDeadLettersHandler:
    """Lists it."""

    reader: DeadLettersReader

    async def __call__(self, query: ListDeadLetters) -> Sequence[DeadDelivery]:
        """List it."""
        return await self.reader.dead()

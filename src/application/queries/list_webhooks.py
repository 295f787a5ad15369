"""List the webhooks of an organisation, and how they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from application.caller import Caller
from application.ports.people import Role
from application.queries.times import Timestamp
from domain.values import WebhookId
from domain.webhooks import DisabledReason


class ListWebhooks(Struct, frozen=True, kw_only=True):
    """Ask for webhooks."""

    caller: Caller


class WebhookStatus(StrEnum):
    """Whether a webhook is sent to."""

    ACTIVE = "active"
    DISABLED = "disabled"


class WebhookItem(Struct, frozen=True, kw_only=True, rename="camel"):
    """A webhook.

    Attributes:
        types: of the events that it is told of; null: of all.
        disabled_reason: `gone`: it answered 410; `failing`: too many events had to be given up; null: it is active.
        position: of the last event that is done with: delivered, given up, or not wanted.
        attempts: how often the next event was tried in vain.
        failing_since: when that was for the first time.
        next_attempt_at: when it is tried again; null: nothing has failed.
        dead_letters: how many events that were given up are known.
    """

    id: WebhookId
    url: str
    types: tuple[str, ...] | None
    status: WebhookStatus
    disabled_reason: DisabledReason | None
    position: int
    attempts: int
    failing_since: Timestamp | None
    next_attempt_at: Timestamp | None
    dead_letters: int
    created_at: Timestamp


class WebhooksReader(Protocol):
    """Reads webhooks."""

    async def webhooks(self, caller: Caller) -> Sequence[WebhookItem]:
        """All of the caller's organisation, oldest first."""


@dataclass(frozen=True, slots=True)
class ListWebhooksHandler:
    """Lists them; never what they are signed with."""

    reader: WebhooksReader

    async def __call__(self, query: ListWebhooks) -> Sequence[WebhookItem]:
        """List them.

        Raises:
            RoleRequiredError: the caller is no service.
        """
        query.caller.require_role(Role.SERVICE)
        return await self.reader.webhooks(query.caller)

"""Delete a webhook: nothing more is sent to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from msgspec import Struct

from application.caller import Caller
from application.ports.people import Role
from application.ports.transactions import UnitOfWork
from domain.errors import NotFoundError
from domain.values import WebhookId

NO_WEBHOOK: Final = "There is no such webhook."


class DeleteWebhook(Struct, frozen=True, kw_only=True):
    """Delete a webhook."""

    caller: Caller
    webhook_id: WebhookId


@dataclass(frozen=True, slots=True)
class DeleteWebhookHandler:
    """Deletes it with all that is known of its deliveries."""

    unit_of_work: UnitOfWork

    async def __call__(self, command: DeleteWebhook) -> None:
        """Delete it.

        Raises:
            RoleRequiredError: the caller is no service.
            NotFoundError: their organisation has no such webhook.
        """
        command.caller.require_role(Role.SERVICE)
        async with self.unit_of_work.begin(command.caller.org) as tx:
            removed = await tx.webhooks.remove(command.webhook_id)
        if not removed:
            raise NotFoundError(NO_WEBHOOK)

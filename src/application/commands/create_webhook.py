"""Create a webhook: from now on, another service is told of what happens in its organisation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from msgspec import Struct

from application.caller import Caller
from application.ports.events import EventReader
from application.ports.people import Role
from application.ports.transactions import NewIds, UnitOfWork
from application.queries.admit_webhook_url import AdmittedUrl
from application.queries.times import Timestamp, timestamp
from application.webhook_signatures import written_secret
from domain.values import WebhookId
from domain.webhooks import WEBHOOKS_MAX, TooManyWebhooksError, Webhook, in_order


class CreateWebhook(Struct, frozen=True, kw_only=True):
    """Create a webhook.

    Attributes:
        types: of the events that it wants; None: of all.
    """

    caller: Caller
    url: AdmittedUrl
    types: frozenset[str] | None


class CreatedWebhook(Struct, frozen=True, kw_only=True, rename="camel"):
    """A webhook that was created.

    Attributes:
        types: of the events that it is told of; null: of all.
        secret: what its requests are signed with; it is shown this once.
    """

    id: WebhookId
    url: str
    types: tuple[str, ...] | None
    secret: str
    created_at: Timestamp


@dataclass(frozen=True, slots=True)
class CreateWebhookHandler:
    """Creates it behind the last event: it is told of what comes.

    Attributes:
        new_secret: makes bytes that nobody can guess.
    """

    unit_of_work: UnitOfWork
    reader: EventReader
    new_id: NewIds
    new_secret: Callable[[], bytes]

    async def __call__(self, command: CreateWebhook) -> CreatedWebhook:
        """Create it.

        Raises:
            RoleRequiredError: the caller is no service.
            TooManyWebhooksError: the organisation has as many as it may have.
        """
        caller = command.caller
        caller.require_role(Role.SERVICE)
        position, secret = await self.reader.last(), self.new_secret()
        async with self.unit_of_work.begin(caller.org) as tx:
            if await tx.webhooks.count() >= WEBHOOKS_MAX:
                raise TooManyWebhooksError
            at = await tx.clock()
            webhook = Webhook(
                id=WebhookId(self.new_id()),
                org=caller.org,
                url=command.url,
                types=command.types,
                created_at=at,
                position=position,
                due_at=at,
            )
            await tx.webhooks.add(webhook, secret)
        return CreatedWebhook(
            id=webhook.id,
            url=webhook.url.text,
            types=in_order(webhook.types),
            secret=written_secret(secret),
            created_at=timestamp(at),
        )

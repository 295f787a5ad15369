"""Replay a webhook: it is sent to again at once, whatever became of it, and gets what it has missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import Struct

from application.caller import Caller
from application.commands.delete_webhook import NO_WEBHOOK
from application.ports.events import EventReader
from application.ports.people import Role
from application.ports.transactions import UnitOfWork
from application.queries.list_events import PositionGoneError
from domain.errors import InvalidError, NotFoundError
from domain.values import WebhookId


class ReplayWebhook(Struct, frozen=True, kw_only=True):
    """Replay a webhook.

    Attributes:
        after: send everything after this position again; None: only what was given up.
        only: of what was given up, deliveries by their numbers; None: all.
    """

    caller: Caller
    webhook_id: WebhookId
    after: int | None = None
    only: Sequence[int] | None = None


class ReplayedWebhook(Struct, frozen=True, kw_only=True, rename="camel"):
    """A webhook that is sent to again.

    Attributes:
        position: of the last event that it is not sent, or was sent before.
        dead_letters: how many events that were given up are sent again, before all others.
    """

    id: WebhookId
    position: int
    dead_letters: int


@dataclass(frozen=True, slots=True)
class ReplayWebhookHandler:
    """Begins anew for a webhook, also one that was disabled."""

    unit_of_work: UnitOfWork
    reader: EventReader

    async def __call__(self, command: ReplayWebhook) -> ReplayedWebhook:
        """Replay it.

        Raises:
            RoleRequiredError: the caller is no service.
            NotFoundError: their organisation has no such webhook.
            InvalidError: no event has the position yet.
            PositionGoneError: events after it are no longer kept.
        """
        command.caller.require_role(Role.SERVICE)
        async with self.unit_of_work.begin(command.caller.org) as tx:
            webhook = await tx.webhooks.hold(command.webhook_id)
            if webhook is None:
                raise NotFoundError(NO_WEBHOOK)
            if command.after is not None:
                await self._require_kept(command.after)
                await tx.webhooks.forget_dead(webhook.id, command.after)
            dead = await tx.webhooks.queue_dead(webhook.id, command.only)
            resumed = webhook.resumes(at=await tx.clock(), position=command.after, replaying=dead > 0)
            await tx.webhooks.save(resumed)
        return ReplayedWebhook(id=resumed.id, position=resumed.position, dead_letters=dead)

    async def _require_kept(self, after: int) -> None:
        if after > await self.reader.last():
            raise InvalidError("after", "No event has this position yet")
        if after < await self.reader.purged():
            raise PositionGoneError

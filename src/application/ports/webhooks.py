"""Webhooks, as those who make them see them, and as whoever sends to them does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from application.ports.events import SequencedEvent
from domain.values import WebhookId, WebhookUrl
from domain.webhooks import Delivery, Webhook


class Webhooks(Protocol):
    """Webhooks of the transaction's organisation."""

    async def count(self) -> int:
        """How many there are; nobody else adds one until the transaction ends."""

    async def add(self, webhook: Webhook, secret: bytes) -> None:
        """Write a new one, and what it is signed with."""

    async def hold(self, webhook_id: WebhookId) -> Webhook | None:
        """Load one, and let nobody else change it until the transaction ends. None: there is none."""

    async def save(self, webhook: Webhook) -> None:
        """Write one that is held. What is being sent to it is not: whoever sends it begins anew."""

    async def remove(self, webhook_id: WebhookId) -> bool:
        """Delete one, and all that is known of it; False: there is none."""

    async def queue_dead(self, webhook_id: WebhookId, only: Sequence[int] | None = None) -> int:
        """Have events that were given up sent again, by the numbers of their deliveries; None: all. How many."""

    async def forget_dead(self, webhook_id: WebhookId, after: int) -> None:
        """Events after this position that were given up are so no longer."""


class WebhookTargets(Protocol):
    """Knows which targets may be sent to."""

    async def require(self, url: WebhookUrl) -> None:
        """Let a URL pass whose host has addresses, all of which may be sent to.

        Raises:
            UrlNotAllowedError: it has others, or none.
        """


class Turn(Struct, frozen=True, kw_only=True):
    """A webhook that is the holder's to send to, until the lease ends.

    Attributes:
        secret: what it is signed with.
        lease: names the turn.
        now: when it was taken (UTC).
        lost: the last position, after the webhook's, of an event that was forgotten; 0: there is none.
    """

    webhook: Webhook
    secret: bytes
    lease: UUID
    now: datetime
    lost: int


class Letter(Struct, frozen=True, kw_only=True):
    """An event that is to be sent to a webhook.

    Attributes:
        number: of the delivery by which it was given up before; None: it was not.
        position: of the event.
        event: None: it was forgotten.
    """

    number: int | None
    position: int
    event: SequencedEvent | None


class WebhookQueue(Protocol):
    """What waits to be sent to the webhooks of all organisations. Any number may take turns from it side by side."""

    async def take(self, *, lease_seconds: float, limit: int) -> Sequence[Turn]:
        """Turns for webhooks that are due, have something to be sent, and are nobody's; longest due first."""

    async def letters(self, webhook: Webhook, *, limit: int) -> Sequence[Letter]:
        """Events that were given up and are to be sent again, in the order of positions."""

    async def settle(
        self,
        turn: Turn,
        webhook: Webhook,
        delivery: Delivery | None,
        *,
        instead_of: int | None = None,
        lease_seconds: float | None,
    ) -> bool:
        """Write what has become of a webhook, and a delivery; False: the turn is over, and nothing is written.

        Args:
            turn: the holder's.
            webhook: as it is now.
            delivery: what was sent, or not; None: nothing was to be sent.
            instead_of: the number of an earlier delivery, which is known no longer.
            lease_seconds: how long the turn goes on; None: it ends.
        """

    async def give_back(self, turns: Sequence[Turn]) -> None:
        """End turns without a word, if they go on."""


class Answer(Struct, frozen=True, kw_only=True):
    """What came of a request.

    Attributes:
        status: of HTTP; None: no answer came.
        reason: why, in a word.
        pause_seconds: how long the target asks not to be asked again.
    """

    status: int | None = None
    reason: str | None = None
    pause_seconds: float = 0.0


class WebhookSender(Protocol):
    """Sends requests to targets that nobody has vouched for."""

    async def send(self, url: WebhookUrl, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post a body to a target, if its address may be sent to, and do not wait for long. Never raises."""

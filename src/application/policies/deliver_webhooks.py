"""Deliver events to webhooks: each its own, in their order, at least once; none waits for another."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from application.cloud_events import cloud_event
from application.failpoints import Failpoint, failpoint
from application.ports.events import EventReader, SequencedEvent
from application.ports.webhooks import Answer, Letter, Turn, WebhookQueue, WebhookSender
from application.webhook_signatures import signed_headers
from domain.webhooks import Delivery, DeliveryStatus, Webhook

AT_ONCE: Final = 64
"""Webhooks that one process sends to at the same time."""
BATCH: Final = 100
"""Events that are sent in one turn; others who wait may come between."""
LEASE_SECONDS: Final = 30.0
"""How long a turn lasts from its last sign of life: longer than the sender waits for an answer."""
LOOK_SECONDS: Final = 0.25
"""While something is being sent, so often it is looked whether other webhooks are due."""
_CONTENT_TYPE: Final = {"content-type": "application/cloudevents+json; charset=utf-8"}
_TAKEN: Final = range(200, 300)
_GONE: Final = 410


@dataclass(frozen=True, slots=True)
class DeliverWebhooks:
    """Takes turns from the queue, each in a task of its own, as long as there are any.

    What has become of an event is written before the next one is sent: whoever takes the turn over sends at most one
    again. No transaction is open while a target is waited for.

    Attributes:
        source: the address of the service, which events name.
        patience_seconds: how long an event is tried before it is given up.
        chance: 0 to 1.
        clock: seconds that only grow.
    """

    queue: WebhookQueue
    reader: EventReader
    sender: WebhookSender
    source: str
    patience_seconds: float
    chance: Callable[[], float] = random.random
    clock: Callable[[], float] = time.monotonic

    async def __call__(self) -> int:
        """Send what is due, until nothing is being sent any more, and answer how many requests that took.

        Raises:
            UnavailableError: the database does not answer; what was under way is sent again.
        """
        sending: dict[asyncio.Task[int], Turn] = {}
        sent = 0
        try:
            while True:
                for turn in await self._turns(AT_ONCE - len(sending)):
                    sending[asyncio.create_task(self._take(turn))] = turn
                if not sending:
                    return sent
                done, _ = await asyncio.wait(sending, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    del sending[task]
                    sent += task.result()
        finally:
            await self._break_off(sending)

    async def _turns(self, limit: int) -> Sequence[Turn]:
        return await self.queue.take(lease_seconds=LEASE_SECONDS, limit=limit) if limit else ()

    async def _break_off(self, sending: dict[asyncio.Task[int], Turn]) -> None:
        if not sending:
            return
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)
        await self.queue.give_back([*sending.values()])

    async def _take(self, turn: Turn) -> int:
        """Send what waits for one webhook, until one event fails; how many requests."""
        begun, webhook = self.clock(), turn.webhook

        def now() -> datetime:
            return turn.now + timedelta(milliseconds=round((self.clock() - begun) * 1_000))

        if turn.lost > webhook.position:
            webhook = webhook.passes(turn.lost)
            gap = Delivery(position=turn.lost, status=DeliveryStatus.GAP, at=now())
            if not await self.queue.settle(turn, webhook, gap, lease_seconds=LEASE_SECONDS):
                return 0
        letters = deque(await self.queue.letters(webhook, limit=BATCH) if webhook.replaying else ())
        if letters:
            return await self._deliver(turn, webhook, letters, webhook.position, now)
        events = await self.reader.after(webhook.org, webhook.position, limit=BATCH)
        end = events[-1].position if events else webhook.position
        letters.extend(Letter(number=None, position=e.position, event=e) for e in events if webhook.wants(e.type))
        if letters:
            return await self._deliver(turn, webhook.replayed(), letters, end, now)
        await self.queue.settle(turn, webhook.replayed().passes(end), None, lease_seconds=None)
        return 0

    async def _deliver(
        self, turn: Turn, webhook: Webhook, letters: deque[Letter], end: int, now: Callable[[], datetime]
    ) -> int:
        """Deliver letters, one after the other, as long as they are taken; when they are, all up to ``end`` is."""
        sent, goes_on = 0, True
        while goes_on:
            letter = letters.popleft()
            if letter.event is None:
                delivery = Delivery(position=letter.position, status=DeliveryStatus.GAP, at=now())
            else:
                webhook, delivery = await self._send(turn, webhook, letter.event, now)
                sent += 1
            over = delivery.status is not DeliveryStatus.FAILED
            if over and not letters:
                webhook = webhook.passes(end)
            goes_on = over and bool(letters) and webhook.disabled is None
            goes_on &= await self.queue.settle(
                turn,
                webhook,
                delivery,
                instead_of=letter.number if over else None,
                lease_seconds=LEASE_SECONDS if goes_on else None,
            )
        return sent

    async def _send(
        self, turn: Turn, webhook: Webhook, event: SequencedEvent, now: Callable[[], datetime]
    ) -> tuple[Webhook, Delivery]:
        body, at, begun = cloud_event(event, self.source), now(), self.clock()
        headers = {**_CONTENT_TYPE, **signed_headers(turn.secret, str(event.id), at, body)}
        failpoint(Failpoint.WEBHOOK_BEFORE_SEND)
        answer = await self.sender.send(webhook.url, headers, body)
        failpoint(Failpoint.WEBHOOK_AFTER_SEND)
        after = self._judged(webhook, event, answer, now())
        delivery = Delivery(
            position=event.position,
            event=event.id,
            type=event.type,
            status=_status(webhook, after, answer),
            attempt=webhook.attempts + 1,
            at=at,
            seconds=self.clock() - begun,
            http_status=answer.status,
            reason=answer.reason,
        )
        return after, delivery

    def _judged(self, webhook: Webhook, event: SequencedEvent, answer: Answer, at: datetime) -> Webhook:
        if _is_success(answer):
            return webhook.delivered(event.position, at=at)
        if answer.status == _GONE:
            return webhook.gone()
        return webhook.failed(
            event.position,
            at=at,
            patience_seconds=self.patience_seconds,
            jitter=self.chance(),
            pause_seconds=answer.pause_seconds,
        )


def _is_success(answer: Answer) -> bool:
    return answer.status is not None and answer.status in _TAKEN


def _status(before: Webhook, after: Webhook, answer: Answer) -> DeliveryStatus:
    if _is_success(answer):
        return DeliveryStatus.DELIVERED
    return DeliveryStatus.DEAD if after.given_up > before.given_up else DeliveryStatus.FAILED

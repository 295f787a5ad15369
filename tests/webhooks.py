"""What tests of webhooks are played with: targets in memory, and the use cases as a service calls them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import msgspec
from msgspec import structs
from sqlalchemy import select, update

from application.caller import Caller
from application.commands.create_webhook import CreatedWebhook, CreateWebhook
from application.commands.delete_webhook import DeleteWebhook
from application.commands.replay_webhook import ReplayedWebhook, ReplayWebhook
from application.policies.deliver_webhooks import DeliverWebhooks
from application.ports.people import Role
from application.ports.webhooks import Answer
from application.queries.admit_webhook_url import AdmittedUrl
from application.queries.list_deliveries import DeliveryItem, ListDeliveries
from application.queries.list_webhooks import ListWebhooks, WebhookItem
from domain.values import WebhookId, WebhookUrl
from domain.webhooks import DeliveryStatus
from infrastructure.sql.tables import webhooks
from tests.patience import PATIENCE_SECONDS
from tests.stage import Stage

OK = Answer(status=204)
DOWN = Answer(reason="not_connected")
DAY = 86_400.0

Behaviour = Callable[[], Awaitable[Answer]]


def always(answer: Answer) -> Behaviour:
    """Answers the same each time."""

    async def behave() -> Answer:
        return answer

    return behave


class Targets:
    """As `WebhookSender`: targets in memory, which take everything unless told otherwise.

    Attributes:
        tried: what was sent to each, by its URL: the events, however it answered.
        taken: those of them that it answered well.
        headers: what came with each event, by its id.
        behave: how a target answers, by its URL.
    """

    def __init__(self) -> None:
        self.tried: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.taken: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.headers: dict[str, list[Mapping[str, str]]] = defaultdict(list)
        self.behave: dict[str, Behaviour] = {}

    async def send(self, url: WebhookUrl, headers: Mapping[str, str], body: bytes) -> Answer:
        event = msgspec.json.decode(body)
        self.tried[url.text].append(event)
        self.headers[event["id"]].append(headers)
        answer = await self.behave.get(url.text, always(OK))()
        if answer.status in range(200, 300):
            self.taken[url.text].append(event)
        return answer

    async def close(self) -> None:
        pass

    def positions(self, url: str) -> list[int]:
        """The positions of what a target has taken."""
        return [event["position"] for event in self.taken[url]]


class Service:
    """Another service, of a stage's organisation, that wants to be told of events."""

    def __init__(self, stage: Stage, targets: Targets | None = None) -> None:
        self.stage, self.container, self.targets = stage, stage.container, targets or Targets()
        self.caller: Caller = structs.replace(stage.caller("app"), roles=frozenset({Role.SERVICE}))

    def step(self, *, patience_seconds: float = DAY, chance: float = 1.0) -> DeliverWebhooks:
        """What delivers."""
        return DeliverWebhooks(
            self.container.webhook_queue(),
            self.container.event_reader(),
            self.targets,
            "http://stories.test",
            patience_seconds,
            lambda: chance,
        )

    async def create(self, url: str, *types: str) -> CreatedWebhook:
        """Create a webhook."""
        wanted = frozenset(types) or None
        command = CreateWebhook(caller=self.caller, url=AdmittedUrl(WebhookUrl(url)), types=wanted)
        created: CreatedWebhook = await self.container.create_webhook()(command)
        return created

    async def post(self, stories: int) -> None:
        """So many texts are posted, each with two events, and have their positions."""
        for _ in range(stories):
            await self.stage.post_text("alice")
        await self.container.sequence_events()()

    async def replay(
        self, webhook_id: WebhookId, after: int | None = None, only: list[int] | None = None
    ) -> ReplayedWebhook:
        """Replay a webhook."""
        command = ReplayWebhook(caller=self.caller, webhook_id=webhook_id, after=after, only=only)
        replayed: ReplayedWebhook = await self.container.replay_webhook()(command)
        return replayed

    async def delete(self, webhook_id: WebhookId) -> None:
        """Delete a webhook."""
        await self.container.delete_webhook()(DeleteWebhook(caller=self.caller, webhook_id=webhook_id))

    async def webhooks(self) -> list[WebhookItem]:
        """The organisation's webhooks."""
        return list(await self.container.list_webhooks()(ListWebhooks(caller=self.caller)))

    async def item(self, webhook_id: WebhookId) -> WebhookItem:
        """One of them."""
        return next(each for each in await self.webhooks() if each.id == webhook_id)

    async def deliveries(self, webhook_id: WebhookId, status: DeliveryStatus | None = None) -> list[DeliveryItem]:
        """What was sent to one, newest first."""
        query = ListDeliveries(caller=self.caller, webhook_id=webhook_id, status=status, page=1, page_size=100)
        return list((await self.container.list_deliveries()(query)).deliveries)

    async def end_leases(self) -> None:
        """Whoever holds a turn has given no sign of life for too long."""
        async with self.container.database().write(None) as connection:
            await connection.execute(update(webhooks).values(leased_until=webhooks.c.created_at))

    async def pass_time(self, seconds: float) -> None:
        """So much time passes for all that waits to be tried again."""
        ago = timedelta(seconds=seconds)
        async with self.container.database().write(None) as connection:
            for row in (await connection.execute(select(webhooks))).all():
                await connection.execute(
                    update(webhooks)
                    .where(webhooks.c.id == row.id)
                    .values(
                        due_at=row.due_at - ago,
                        failing_since=None if row.failing_since is None else row.failing_since - ago,
                    )
                )


async def until(true: Callable[[], bool], what: str) -> None:
    """Wait until something has happened, which it has soon."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not true():  # noqa: ASYNC110 - what a step has done is what is looked for
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"Not within {PATIENCE_SECONDS:.0f} s: {what}") from None

"""Webhooks as rows: written by the services that want to be told, and read for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Row,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from application.caller import Caller
from application.queries.list_dead_letters import DeadDelivery
from application.queries.list_deliveries import DeliveryItem
from application.queries.list_webhooks import WebhookItem, WebhookStatus
from application.queries.times import timestamp
from domain.values import OrgId, WebhookId, WebhookUrl
from domain.webhooks import DeliveryStatus, DisabledReason, Webhook, in_order
from infrastructure.sql.database import Database
from infrastructure.sql.locks import hold_webhooks
from infrastructure.sql.readers import count_of
from infrastructure.sql.tables import webhook_deliveries, webhooks

_ORG: BindParameter[str] = bindparam("of_org")
_ID: BindParameter[UUID] = bindparam("of_webhook")
_mine: Final = (webhooks.c.org_id == _ORG, webhooks.c.id == _ID)
_of_mine: Final = (webhook_deliveries.c.org_id == _ORG, webhook_deliveries.c.webhook_id == _ID)


def is_one_of(status: ColumnElement[str], *statuses: DeliveryStatus) -> ColumnElement[bool]:
    """Whether a delivery has one of these: without parameters, so that the index of those given up is used."""
    return status.in_([literal_column(f"'{each}'") for each in statuses])


_is_dead: Final = is_one_of(webhook_deliveries.c.status, DeliveryStatus.DEAD)
_given_up: Final = is_one_of(webhook_deliveries.c.status, DeliveryStatus.DEAD, DeliveryStatus.QUEUED)

_COUNT: Final = select(func.count()).select_from(webhooks).where(webhooks.c.org_id == _ORG)
_ADD: Final = insert(webhooks)
_HOLD: Final = select(webhooks).where(*_mine).with_for_update()
_SAVE: Final = update(webhooks).where(*_mine).values(lease=None, leased_until=None)
_REMOVE: Final = delete(webhooks).where(*_mine)
_QUEUE_ALL: Final = update(webhook_deliveries).where(*_of_mine, _is_dead).values(status=DeliveryStatus.QUEUED.value)
_QUEUE: Final = _QUEUE_ALL.where(webhook_deliveries.c.number.in_(bindparam("numbers", expanding=True)))
_FORGET_DEAD: Final = (
    update(webhook_deliveries)
    .where(
        *_of_mine,
        _given_up,
        webhook_deliveries.c.position > bindparam("after"),
    )
    .values(status=DeliveryStatus.FAILED.value)
)

_same: Final = and_(webhook_deliveries.c.org_id == webhooks.c.org_id, webhook_deliveries.c.webhook_id == webhooks.c.id)
_dead: Final = (
    select(func.count())
    .where(
        _same,
        _given_up,
    )
    .scalar_subquery()
    .label("dead")
)
_LIST: Final = select(webhooks, _dead).where(webhooks.c.org_id == _ORG).order_by(webhooks.c.created_at, webhooks.c.id)
_EXISTS: Final = select(func.count()).select_from(webhooks).where(*_mine)
_DELIVERIES: Final = select(webhook_deliveries).where(*_of_mine).order_by(webhook_deliveries.c.number.desc())
_COUNT_DELIVERIES: Final = select(func.count()).select_from(webhook_deliveries).where(*_of_mine)
_DEAD: Final = (
    select(webhook_deliveries, webhooks.c.url)
    .join_from(webhook_deliveries, webhooks, _same)
    .where(_is_dead)
    .order_by(webhook_deliveries.c.sent_at, webhook_deliveries.c.number)
)
_of_status: Final = webhook_deliveries.c.status == bindparam("of_status")


class SqlWebhooks:
    """As `Webhooks`."""

    def __init__(self, connection: AsyncConnection, org: OrgId) -> None:
        self._connection, self._org = connection, org

    async def count(self) -> int:
        """As `Webhooks`."""
        await hold_webhooks(self._connection, self._org)
        return await count_of(self._connection, _COUNT, {"of_org": self._org})

    async def add(self, webhook: Webhook, secret: bytes) -> None:
        """As `Webhooks`."""
        row = {
            "org_id": self._org,
            "id": webhook.id,
            "url": webhook.url.text,
            "types": in_order(webhook.types),
            "secret": secret,
            "created_at": webhook.created_at,
            **progress_of(webhook),
        }
        await self._connection.execute(_ADD, row)

    async def hold(self, webhook_id: WebhookId) -> Webhook | None:
        """As `Webhooks`."""
        row = (await self._connection.execute(_HOLD, self._key(webhook_id))).one_or_none()
        return None if row is None else to_webhook(row)

    async def save(self, webhook: Webhook) -> None:
        """As `Webhooks`."""
        await self._connection.execute(_SAVE.values(progress_of(webhook)), self._key(webhook.id))

    async def remove(self, webhook_id: WebhookId) -> bool:
        """As `Webhooks`."""
        return bool((await self._connection.execute(_REMOVE, self._key(webhook_id))).rowcount)

    async def queue_dead(self, webhook_id: WebhookId, only: Sequence[int] | None = None) -> int:
        """As `Webhooks`."""
        if only is None:
            return (await self._connection.execute(_QUEUE_ALL, self._key(webhook_id))).rowcount
        return (await self._connection.execute(_QUEUE, {**self._key(webhook_id), "numbers": only})).rowcount

    async def forget_dead(self, webhook_id: WebhookId, after: int) -> None:
        """As `Webhooks`."""
        await self._connection.execute(_FORGET_DEAD, {**self._key(webhook_id), "after": after})

    def _key(self, webhook_id: WebhookId) -> dict[str, Any]:
        return {"of_org": self._org, "of_webhook": webhook_id}


@dataclass(frozen=True, slots=True)
class SqlWebhookReader:
    """Reads webhooks, and what was sent to them."""

    database: Database

    async def webhooks(self, caller: Caller) -> Sequence[WebhookItem]:
        """As `WebhooksReader`."""
        async with self.database.read(caller.org) as connection:
            return [_to_item(row) for row in await connection.execute(_LIST, {"of_org": caller.org})]

    async def deliveries(
        self, caller: Caller, webhook_id: WebhookId, status: DeliveryStatus | None, *, offset: int, limit: int
    ) -> tuple[Sequence[DeliveryItem], int] | None:
        """As `DeliveriesReader`."""
        which = {"of_org": caller.org, "of_webhook": webhook_id}
        listed, counted = _DELIVERIES, _COUNT_DELIVERIES
        if status is not None:
            which["of_status"] = status.value
            listed, counted = listed.where(_of_status), counted.where(_of_status)
        async with self.database.read(caller.org) as connection:
            if not await count_of(connection, _EXISTS, which):
                return None
            rows = (await connection.execute(listed.limit(limit).offset(offset), which)).all()
            total = await count_of(connection, counted, which)
        return [_to_delivery(row) for row in rows], total

    async def dead(self) -> Sequence[DeadDelivery]:
        """As `DeadLettersReader`."""
        async with self.database.read(None) as connection:
            return [_to_dead(row) for row in await connection.execute(_DEAD)]


def to_webhook(row: Row[Any]) -> Webhook:
    """The webhook of a row."""
    return Webhook(
        id=WebhookId(row.id),
        org=row.org_id,
        url=WebhookUrl(row.url),
        types=None if row.types is None else frozenset(row.types),
        created_at=row.created_at,
        position=row.position,
        attempts=row.attempts,
        failing_since=row.failing_since,
        due_at=row.due_at,
        given_up=row.given_up,
        disabled=row.disabled and DisabledReason(row.disabled),
        replaying=row.replaying,
    )


def progress_of(webhook: Webhook) -> dict[str, Any]:
    """The columns that change as it is sent to."""
    return {
        "position": webhook.position,
        "attempts": webhook.attempts,
        "failing_since": webhook.failing_since,
        "due_at": webhook.due_at,
        "given_up": webhook.given_up,
        "disabled": webhook.disabled and webhook.disabled.value,
        "replaying": webhook.replaying,
    }


def _to_item(row: Row[Any]) -> WebhookItem:
    webhook = to_webhook(row)
    return WebhookItem(
        id=webhook.id,
        url=webhook.url.text,
        types=in_order(webhook.types),
        status=WebhookStatus.ACTIVE if webhook.disabled is None else WebhookStatus.DISABLED,
        disabled_reason=webhook.disabled,
        position=webhook.position,
        attempts=webhook.attempts,
        failing_since=None if webhook.failing_since is None else timestamp(webhook.failing_since),
        next_attempt_at=timestamp(webhook.due_at) if webhook.attempts and not webhook.disabled else None,
        dead_letters=row.dead,
        created_at=timestamp(webhook.created_at),
    )


def _to_dead(row: Row[Any]) -> DeadDelivery:
    return DeadDelivery(
        org=row.org_id,
        webhook_id=row.webhook_id,
        number=row.number,
        url=row.url,
        type=row.type,
        position=row.position,
        at=row.sent_at,
        http_status=row.http_status,
        reason=row.reason,
    )


def _to_delivery(row: Row[Any]) -> DeliveryItem:
    return DeliveryItem(
        number=row.number,
        event_id=row.event_id,
        type=row.type,
        position=row.position,
        status=DeliveryStatus(row.status),
        attempt=row.attempt,
        at=timestamp(row.sent_at),
        duration_seconds=row.seconds,
        http_status=row.http_status,
        reason=row.reason,
    )

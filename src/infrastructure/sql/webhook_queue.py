"""What waits to be sent to webhooks, over all organisations: turns under a lease, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import and_, bindparam, delete, exists, insert, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from application.ports.transactions import NewIds
from application.ports.webhooks import Letter, Turn
from domain.webhooks import Delivery, DeliveryStatus, Webhook
from infrastructure.sql.database import Database
from infrastructure.sql.dialect import clock, seconds_from_now
from infrastructure.sql.events import EVENT, to_event
from infrastructure.sql.tables import outbox, webhook_deliveries, webhooks
from infrastructure.sql.webhooks import is_one_of, progress_of, to_webhook

KEPT: Final = 1_000
"""Deliveries of each webhook that are kept, at least; and as many of those that were given up."""
TRIM_EVERY: Final = 50
"""Others are deleted after so many."""

_key: Final = tuple_(webhooks.c.org_id, webhooks.c.id)
_waits: Final = exists().where(outbox.c.org_id == webhooks.c.org_id, outbox.c.position > webhooks.c.position)
_DUE: Final = (
    select(webhooks.c.org_id, webhooks.c.id)
    .where(
        webhooks.c.disabled.is_(None),
        webhooks.c.due_at <= clock(),
        or_(webhooks.c.leased_until.is_(None), webhooks.c.leased_until <= clock()),
        or_(webhooks.c.replaying, webhooks.c.lost_to > webhooks.c.position, _waits),
    )
    .order_by(webhooks.c.due_at)
    .limit(bindparam("limit"))
)
_TAKE: Final = (
    update(webhooks)
    .where(_key.in_(_DUE.with_for_update(skip_locked=True)))
    .values(lease=bindparam("turn"), leased_until=seconds_from_now(bindparam("lease_seconds")))
    .returning(webhooks, clock().label("now"))
)
_mine: Final = and_(
    webhooks.c.org_id == bindparam("of_org"),
    webhooks.c.id == bindparam("of_webhook"),
    webhooks.c.lease == bindparam("turn"),
)
_SETTLE: Final = (
    update(webhooks).where(_mine).values(sent=webhooks.c.sent + bindparam("sends")).returning(webhooks.c.sent)
)
_KEEP: Final = _SETTLE.values(leased_until=seconds_from_now(bindparam("lease_seconds")))
_END: Final = _SETTLE.values(lease=None, leased_until=None)
_GIVE_BACK: Final = (
    update(webhooks)
    .where(webhooks.c.lease.in_(bindparam("turns", expanding=True)))
    .values(lease=None, leased_until=None)
)

_of_mine: Final = and_(
    webhook_deliveries.c.org_id == bindparam("of_org"), webhook_deliveries.c.webhook_id == bindparam("of_webhook")
)
_ADD: Final = insert(webhook_deliveries)
_REPLACE: Final = delete(webhook_deliveries).where(_of_mine, webhook_deliveries.c.number == bindparam("of_number"))
_given_up: Final = is_one_of(webhook_deliveries.c.status, DeliveryStatus.DEAD, DeliveryStatus.QUEUED)
_TRIM: Final = delete(webhook_deliveries).where(
    _of_mine, webhook_deliveries.c.number <= bindparam("oldest"), ~_given_up
)
_older: Final = webhook_deliveries.alias()
_TRIM_DEAD: Final = delete(webhook_deliveries).where(
    _of_mine,
    _given_up,
    webhook_deliveries.c.number
    <= select(_older.c.number)
    .where(
        _older.c.org_id == bindparam("of_org"),
        _older.c.webhook_id == bindparam("of_webhook"),
        is_one_of(_older.c.status, DeliveryStatus.DEAD, DeliveryStatus.QUEUED),
    )
    .order_by(_older.c.number.desc())
    .offset(KEPT)
    .limit(1)
    .scalar_subquery(),
)
_LETTERS: Final = (
    select(webhook_deliveries.c.number, webhook_deliveries.c.position.label("of_position"), *EVENT)
    .join_from(
        webhook_deliveries,
        outbox,
        and_(outbox.c.org_id == webhook_deliveries.c.org_id, outbox.c.position == webhook_deliveries.c.position),
        isouter=True,
    )
    .where(_of_mine, is_one_of(webhook_deliveries.c.status, DeliveryStatus.QUEUED))
    .order_by(webhook_deliveries.c.position, webhook_deliveries.c.number)
    .limit(bindparam("limit"))
)


class SqlWebhookQueue:
    """As `WebhookQueue`."""

    def __init__(self, database: Database, new_id: NewIds) -> None:
        self._database, self._new_id = database, new_id

    async def take(self, *, lease_seconds: float, limit: int) -> Sequence[Turn]:
        """As `WebhookQueue`. Where nothing is due, that is one read of an index."""
        async with self._database.read(None) as connection:
            if (await connection.execute(_DUE, {"limit": 1})).first() is None:
                return ()
        turn = {"turn": self._new_id(), "lease_seconds": lease_seconds}
        async with self._database.write(None) as connection:
            rows = (await connection.execute(_TAKE, {**turn, "limit": limit})).all()
        return [_to_turn(row) for row in sorted(rows, key=lambda row: row.due_at)]

    async def letters(self, webhook: Webhook, *, limit: int) -> Sequence[Letter]:
        """As `WebhookQueue`."""
        async with self._database.read(webhook.org) as connection:
            rows = await connection.execute(_LETTERS, {**_key_of(webhook), "limit": limit})
            return [_to_letter(row) for row in rows]

    async def settle(
        self,
        turn: Turn,
        webhook: Webhook,
        delivery: Delivery | None,
        *,
        instead_of: int | None = None,
        lease_seconds: float | None,
    ) -> bool:
        """As `WebhookQueue`."""
        key = _key_of(webhook)
        statement, longer = (_END, {}) if lease_seconds is None else (_KEEP, {"lease_seconds": lease_seconds})
        sends = {"turn": turn.lease, "sends": 0 if delivery is None else 1}
        async with self._database.write(webhook.org) as connection:
            settled = await connection.execute(statement.values(progress_of(webhook)), {**key, **sends, **longer})
            sent: int | None = settled.scalar_one_or_none()
            if sent is None:
                return False
            if instead_of is not None:
                await connection.execute(_REPLACE, {**key, "of_number": instead_of})
            if delivery is not None:
                await _add(connection, key, sent, delivery)
        return True

    async def give_back(self, turns: Sequence[Turn]) -> None:
        """As `WebhookQueue`."""
        async with self._database.write(None) as connection:
            await connection.execute(_GIVE_BACK, {"turns": [turn.lease for turn in turns]})


async def _add(connection: AsyncConnection, key: dict[str, Any], number: int, delivery: Delivery) -> None:
    await connection.execute(
        _ADD,
        {
            "org_id": key["of_org"],
            "webhook_id": key["of_webhook"],
            "number": number,
            "position": delivery.position,
            "event_id": delivery.event,
            "type": delivery.type,
            "status": delivery.status.value,
            "attempt": delivery.attempt,
            "sent_at": delivery.at,
            "seconds": delivery.seconds,
            "http_status": delivery.http_status,
            "reason": delivery.reason,
        },
    )
    if number % TRIM_EVERY == 0:
        await connection.execute(_TRIM, {**key, "oldest": number - KEPT})
    if delivery.status is DeliveryStatus.DEAD:
        await connection.execute(_TRIM_DEAD, key)


def _key_of(webhook: Webhook) -> dict[str, Any]:
    return {"of_org": webhook.org, "of_webhook": webhook.id}


def _to_turn(row: Any) -> Turn:
    return Turn(webhook=to_webhook(row), secret=row.secret, lease=row.lease, now=row.now, lost=row.lost_to)


def _to_letter(row: Any) -> Letter:
    event = None if row.event_id is None else to_event(row)
    return Letter(number=row.number, position=row.of_position, event=event)

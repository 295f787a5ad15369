"""Reading events, in the order of their positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, select

from application.ports.events import SequencedEvent
from domain.values import OrgId
from infrastructure.sql import event_cursors
from infrastructure.sql.database import Database
from infrastructure.sql.outbox import PURGED, SEQUENCE
from infrastructure.sql.tables import outbox

EVENT = (
    outbox.c.position,
    outbox.c.event_id,
    outbox.c.org_id,
    outbox.c.type,
    outbox.c.subject,
    outbox.c.version,
    outbox.c.occurred_at,
    outbox.c.data,
)
"""The columns of an event that is read; see `to_event`."""
_AFTER = (
    select(*EVENT).where(outbox.c.position > bindparam("after")).order_by(outbox.c.position).limit(bindparam("limit"))
)
_AFTER_OF_ORG = _AFTER.where(outbox.c.org_id == bindparam("org"))


class SqlEventReader:
    """As `EventReader`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def after(self, org: OrgId | None, position: int, *, limit: int) -> Sequence[SequencedEvent]:
        """As `EventReader`."""
        asked = {"after": position, "limit": limit}
        async with self._database.read(org) as connection:
            if org is None:
                rows = await connection.execute(_AFTER, asked)
            else:
                rows = await connection.execute(_AFTER_OF_ORG, {**asked, "org": org})
            return [to_event(row) for row in rows]

    async def purged(self) -> int:
        """As `EventReader`."""
        return await self._cursor(PURGED)

    async def last(self) -> int:
        """As `EventReader`."""
        return await self._cursor(SEQUENCE)

    async def _cursor(self, name: str) -> int:
        async with self._database.read(None) as connection:
            return await event_cursors.position_of(connection, name)


def to_event(row: Any) -> SequencedEvent:
    """The event of a row."""
    return SequencedEvent(
        position=row.position,
        id=row.event_id,
        org=row.org_id,
        type=row.type,
        subject=row.subject,
        version=row.version,
        at=row.occurred_at,
        data=row.data,
    )

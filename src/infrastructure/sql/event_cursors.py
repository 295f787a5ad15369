"""Cursors over the events: how far something that goes through all of them, in the order of positions, has come."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from infrastructure.sql.database import Database
from infrastructure.sql.dialect import upsert_into
from infrastructure.sql.tables import event_cursors

_EVERY_ORG: Final = ""
"""No organisation has this name: the rows of those who read the events of all."""

_POSITION = select(event_cursors.c.position).where(
    event_cursors.c.org_id == _EVERY_ORG, event_cursors.c.name == bindparam("cursor")
)


async def position_of(connection: AsyncConnection, name: str) -> int:
    """The position that a cursor over all organisations has come to; 0: it has not begun."""
    return (await connection.execute(_POSITION, {"cursor": name})).scalar() or 0


async def move(connection: AsyncConnection, name: str, position: int) -> None:
    """A cursor over all organisations has come to a position."""
    statement = upsert_into(event_cursors, connection.dialect.name).values(
        org_id=_EVERY_ORG, name=name, position=position
    )
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["org_id", "name"], set_={"position": statement.excluded.position}
        )
    )


class SqlEventCursors:
    """As `EventCursors`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def position(self, name: str) -> int:
        """As `EventCursors`."""
        async with self._database.read(None) as connection:
            return await position_of(connection, name)

    async def move(self, name: str, position: int) -> None:
        """As `EventCursors`."""
        async with self._database.write(None) as connection:
            await move(connection, name, position)

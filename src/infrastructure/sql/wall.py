"""The wall: PostgreSQL itself shows a transaction only the rows of one organisation, the one that it is told of.

Row-level security is the second guard of what belongs to whom; the first is the condition in every statement. Here is
how connections tell; which rows are shown is written with the tables, in `migrations/wall.py`. SQLite has no such wall.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, LiteralString, Self

from psycopg import AsyncConnection, AsyncCursor, AsyncServerCursor
from psycopg.abc import Params
from psycopg.pq import TransactionStatus
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection as EngineConnection

from domain.values import OrgId

TENANT: Final = "stories_tenant"
"""The role that the service works under: it owns nothing, and sees the rows of the organisation it has told."""
UPKEEP: Final = "stories_upkeep"
"""The role of the service's own upkeep, taken for one transaction at a time: it sees all rows."""
ORG_SETTING: Final = "stories.org"
"""Where PostgreSQL finds the organisation; empty or unset but for a transaction that has told one."""

_BEGIN: Final = ("BEGIN", None)
_TELL: Final = "SELECT set_config(%s, %s, true)"  # true: until the transaction ends

_GAPS: Final = text("""
    SELECT relname || ' has no row-level security'
    FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relname = ANY(:tables)
        AND NOT (relrowsecurity AND relforcerowsecurity)
    UNION ALL
    SELECT rolname || ' sees all rows'
    FROM pg_roles
    WHERE rolname = :tenant AND (rolsuper OR rolbypassrls OR pg_has_role(rolname, :upkeep, 'MEMBER'))
""")


class WalledConnection(AsyncConnection[Any]):
    """A connection that begins each of its transactions by telling whose rows it asks for; untold, it sees none.

    What it begins with travels with the first statement, in one pipeline, and costs no round trip. The driver is in
    autocommit: a pipeline is a transaction already, and lasts beyond its end if it begins with BEGIN.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.cursor_factory = _WalledCursor
        self.server_cursor_factory = _WalledServerCursor
        self.beginning: Sequence[tuple[LiteralString, Params | None]] = ()
        """The statements that every transaction begins with."""

    @property
    def begins(self) -> bool:
        """Whether the next statement begins a transaction that has something to tell."""
        return bool(self.beginning) and self.pgconn.transaction_status == TransactionStatus.IDLE

    async def begin(self) -> None:
        """Send the beginning."""
        for statement, parameters in self.beginning:
            await AsyncCursor(self).execute(statement, parameters)


@asynccontextmanager
async def _told(connection: AsyncConnection[Any]) -> AsyncIterator[None]:
    """What is executed in here is executed by a transaction that has told."""
    if isinstance(connection, WalledConnection) and connection.begins:
        async with connection.pipeline():
            await connection.begin()
            yield
    else:
        yield


@asynccontextmanager
async def rows_of(connection: EngineConnection, org: OrgId | None, *, transaction: bool) -> AsyncIterator[None]:
    """Let a connection ask for the rows of an organisation, or (None) of all; and for none afterwards.

    Args:
        connection: asks; one that has no wall is left as it is.
        org: whose rows.
        transaction: whether all that is executed is one transaction; else every statement is one.
    """
    walled = (await connection.get_raw_connection()).driver_connection
    if not isinstance(walled, WalledConnection):
        yield
        return
    telling = (_TELL, ("role", UPKEEP) if org is None else (ORG_SETTING, org))
    walled.beginning = (_BEGIN, telling) if transaction else (telling,)
    try:
        yield
    finally:
        walled.beginning = ()


async def gaps(connection: EngineConnection, tables: Iterable[str]) -> Sequence[str]:
    """What is wrong with the wall around ``tables``, in words; nothing, where there is none to be."""
    if connection.dialect.name != "postgresql":
        return []
    names = {"tables": list(tables), "tenant": TENANT, "upkeep": UPKEEP}
    return (await connection.execute(_GAPS, names)).scalars().all()


def is_closed_to_us(error: BaseException | None) -> bool:
    """Whether an error of the driver says that a role of the wall is missing, or not for this login to take."""
    return TENANT in str(error) or UPKEEP in str(error)


class _WalledCursor(AsyncCursor[Any]):
    async def execute(self, query: Any, params: Params | None = None, **options: Any) -> Self:
        connection = self.connection
        if isinstance(connection, WalledConnection) and not connection.beginning:
            options["prepare"] = False  # the pool asks whether it is there: one round trip, not two
        async with _told(connection):
            return await super().execute(query, params, **options)

    async def executemany(self, query: Any, params_seq: Iterable[Params], **options: Any) -> None:
        async with _told(self.connection):
            await super().executemany(query, params_seq, **options)


class _WalledServerCursor(AsyncServerCursor[Any]):
    """These take no pipeline: to begin is a round trip of its own."""

    async def execute(self, query: Any, params: Params | None = None, **options: Any) -> Self:
        async with _told(self.connection):
            pass
        return await super().execute(query, params, **options)

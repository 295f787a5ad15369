"""The database: connections for reading, transactions for writing, and its errors in the ports' words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy import URL, event, make_url, text
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from application.ports.errors import UnavailableError
from domain.errors import InvalidError
from domain.values import OrgId
from infrastructure.sql.one_trip import connect
from infrastructure.sql.wall import TENANT, WalledConnection, is_closed_to_us, rows_of

_POOL_SIZE: Final = 10
_POOL_TIMEOUT_SECONDS: Final = 5
_STATEMENT_TIMEOUT: Final = "5s"
_LONG: Final = text("SET LOCAL statement_timeout = '60s'")
_LOCK_TIMEOUT: Final = "2s"
_IDLE_TIMEOUT: Final = "10s"
_SQLITE_BUSY_SECONDS: Final = 10
_CLOSED: Final = (
    "Its login cannot take the roles stories_tenant and stories_upkeep: run `stories migrate`, "
    'or see "Roles" in docs/operations.md.'
)

_log = structlog.get_logger(__name__)


class StatementFailedError(Exception):
    """A statement that failed, without the values it was run with: what people wrote belongs in no log."""

    def __init__(self, error: str, sqlstate: str | None, statement: str | None) -> None:
        super().__init__(f"{error} {sqlstate or ''}: {statement}")


class Database:
    """PostgreSQL or SQLite by URL. Connects when first used; begins nothing by itself."""

    def __init__(self, url: str) -> None:
        self.url = _driver_url(url)
        self.dialect = self.url.get_backend_name()
        if self.dialect == "sqlite":
            self._writing = _sqlite_engine(self.url, writes=True)
            self._reading = _sqlite_engine(self.url, writes=False)
        else:
            self._writing = self._reading = _postgresql_engine(self.url)

    @asynccontextmanager
    async def read(self, org: OrgId | None) -> AsyncIterator[AsyncConnection]:
        """A connection without a transaction, for one organisation, or None: the service's own upkeep, over all.

        Raises:
            UnavailableError: the database does not answer.
        """
        with _translated():
            # Reads are single statements: no transaction block, two round trips less.
            async with self._reading.connect() as connection, rows_of(connection, org, transaction=False):
                yield connection

    @asynccontextmanager
    async def write(self, org: OrgId | None) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction, committed at the end, rolled back if anything is raised; ``org`` as `read`.

        Raises:
            UnavailableError: the database does not answer.
        """
        with _translated():
            async with self._writing.begin() as connection, rows_of(connection, org, transaction=True):
                yield connection

    async def check(self) -> None:
        """Do nothing if the database answers.

        Raises:
            UnavailableError: it does not.
        """
        async with self.read(None) as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close all connections."""
        await self._writing.dispose()
        await self._reading.dispose()


async def allow_long_statements(connection: AsyncConnection) -> None:
    """Give the rest of a transaction more time: what hangs on one story may be a million rows."""
    if connection.dialect.name == "postgresql":
        await connection.execute(_LONG)


class _translated:  # noqa: N801 - reads as a context
    """Tells the errors of drivers apart: the database is away, a value is impossible, or something is wrong with us."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, DBAPIError) and is_closed_to_us(error.orig):
            raise UnavailableError(_CLOSED) from error
        if isinstance(error, (OperationalError, InterfaceError, PoolTimeoutError)) or (
            isinstance(error, DBAPIError) and error.connection_invalidated
        ):
            raise UnavailableError("The database does not answer.") from error
        if isinstance(error, DBAPIError):
            told = StatementFailedError(
                type(error.orig).__name__, getattr(error.orig, "sqlstate", None), error.statement
            )
            if isinstance(error, DataError):
                _log.warning("value refused", reason=str(told))
                raise InvalidError("value", "A value is out of range") from None
            raise told from None


def _driver_url(url: str) -> URL:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return parsed.set(drivername="sqlite+aiosqlite")
    return parsed.set(drivername="postgresql+psycopg")


def _postgresql_engine(url: URL) -> AsyncEngine:
    settings = {
        "role": TENANT,
        "timezone": "UTC",
        "statement_timeout": _STATEMENT_TIMEOUT,
        "lock_timeout": _LOCK_TIMEOUT,
        "idle_in_transaction_session_timeout": _IDLE_TIMEOUT,
        "jit": "off",  # ours are short, and compiling the conditions of the community list alone took seconds
    }
    return create_async_engine(
        url,
        hide_parameters=True,
        pool_size=_POOL_SIZE,
        max_overflow=_POOL_SIZE,
        pool_timeout=_POOL_TIMEOUT_SECONDS,
        pool_pre_ping=True,
        connect_args={
            "async_creator_fn": WalledConnection.connect,
            "autocommit": True,  # the wall begins what is a transaction
            "prepare_threshold": 0,
            "connect_timeout": 5,
            "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
        },
    )


def _sqlite_engine(url: URL, *, writes: bool) -> AsyncEngine:
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    # One writer at a time is all SQLite allows; a queue in front of one connection is fairer than its busy loop.
    engine = create_async_engine(
        url,
        hide_parameters=True,
        pool_size=1 if writes else 4,
        max_overflow=0,
        pool_timeout=30,
        connect_args={"timeout": _SQLITE_BUSY_SECONDS, "async_creator_fn": connect},
        **({} if writes else {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}),
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        # secure_delete: what is deleted is overwritten, and not just forgotten where it was.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
        connection.create_function("power", 2, pow, deterministic=True)  # not in every build of SQLite

    if writes:

        @event.listens_for(engine.sync_engine, "begin")
        def begin(connection: Any) -> None:
            # A transaction that reads first and writes later would be refused when another wrote in between.
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine

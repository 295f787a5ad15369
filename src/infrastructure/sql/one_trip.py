"""SQLite by aiosqlite, with one trip to the connection's thread for each statement in place of four.

aiosqlite makes a trip to open a cursor, one to execute, one to fetch, and one to close: each wakes a thread and the
loop again, and costs more than most of our statements.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Self

import aiosqlite

_Rows = list[Any]


class OneTripConnection(aiosqlite.Connection):
    """A connection whose cursors hold all rows when a statement is executed. For SQLAlchemy, which takes them all."""

    def cursor(self) -> Any:
        """A cursor that is not open."""
        return _Cursor(self)

    async def run(self, execute: Callable[[sqlite3.Cursor], object]) -> tuple[sqlite3.Cursor, _Rows]:
        """Open a cursor, execute something, take all rows, and close it."""
        outcome: tuple[sqlite3.Cursor, _Rows] = await self._execute(self._run, execute)  # type: ignore[no-untyped-call] # theirs
        return outcome

    def _run(self, execute: Callable[[sqlite3.Cursor], object]) -> tuple[sqlite3.Cursor, _Rows]:
        cursor = self._conn.cursor()
        try:
            execute(cursor)
            return cursor, cursor.fetchall()
        finally:
            cursor.close()


class _Cursor:
    """As `aiosqlite.Cursor`, as far as it is asked for."""

    def __init__(self, connection: OneTripConnection) -> None:
        self._connection = connection
        self._done: sqlite3.Cursor | None = None
        self._rows: _Rows = []
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        """Execute a statement."""
        self._done, self._rows = await self._connection.run(partial(_execute, statement, parameters))

    async def executemany(self, statement: str, parameters: Sequence[Sequence[Any]]) -> None:
        """Execute a statement several times."""
        self._done, self._rows = await self._connection.run(partial(_execute_many, statement, parameters))

    async def fetchall(self) -> _Rows:
        """All rows."""
        return self._rows

    async def close(self) -> None:
        """Nothing is open."""

    @property
    def description(self) -> Any:
        """Of the columns."""
        return self._done and self._done.description

    @property
    def rowcount(self) -> int:
        """How many rows were changed; -1 where none can be."""
        return self._done.rowcount if self._done else -1

    @property
    def lastrowid(self) -> int | None:
        """The row that was inserted."""
        return self._done.lastrowid if self._done else None


def _execute(statement: str, parameters: Sequence[Any], cursor: sqlite3.Cursor) -> None:
    cursor.execute(statement, parameters)


def _execute_many(statement: str, parameters: Sequence[Sequence[Any]], cursor: sqlite3.Cursor) -> None:
    cursor.executemany(statement, parameters)


def connect(path: str, **options: Any) -> OneTripConnection:
    """A connection, as `aiosqlite.connect` makes one; a process may end without closing it."""
    connection = OneTripConnection(partial(sqlite3.connect, path, **options), iter_chunk_size=64)
    connection._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy does with those it makes itself
    return connection

"""SQLite's statements, each with one trip to the thread of its connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from infrastructure.sql.database import Database
from infrastructure.sql.one_trip import OneTripConnection


@pytest.fixture
async def connection(tmp_path: Path) -> AsyncIterator[AsyncConnection]:
    """A connection in a transaction, with an empty table."""
    database = Database(f"sqlite:///{tmp_path / 'trips.db'}")
    async with database.write(None) as connection:
        await connection.execute(text("CREATE TABLE birds (id INTEGER PRIMARY KEY, name TEXT UNIQUE)"))
        yield connection
    await database.close()


async def _trips(connection: AsyncConnection) -> list[Any]:
    """What is put to the thread of a connection from now on."""
    raw = (await connection.get_raw_connection()).driver_connection
    assert isinstance(raw, OneTripConnection)
    made: list[Any] = []
    driver: Any = raw
    plain = driver._execute  # noqa: SLF001 - every trip goes through it

    async def counted(function: Any, *args: Any, **options: Any) -> Any:
        made.append(function)
        return await plain(function, *args, **options)

    driver._execute = counted  # noqa: SLF001
    return made


async def test_a_statement_is_one_trip(connection: AsyncConnection) -> None:
    trips = await _trips(connection)
    inserted = await connection.execute(text("INSERT INTO birds (name) VALUES ('kestrel') RETURNING id, name"))
    assert inserted.all() == [(1, "kestrel")]
    assert (await connection.execute(text("SELECT count(*) AS birds FROM birds"))).mappings().one() == {"birds": 1}
    assert len(trips) == 2


async def test_how_many_rows_were_changed_is_known(connection: AsyncConnection) -> None:
    names = [{"name": name} for name in ("kestrel", "heron", "wren")]
    await connection.execute(text("INSERT INTO birds (name) VALUES (:name)"), names)
    assert (await connection.execute(text("DELETE FROM birds WHERE name > 'i'"))).rowcount == 2
    assert (await connection.execute(text("SELECT name FROM birds"))).scalars().all() == ["heron"]


async def test_a_statement_that_fails_spoils_nothing(connection: AsyncConnection) -> None:
    insert = text("INSERT INTO birds (name) VALUES ('kestrel')")
    await connection.execute(insert)
    with pytest.raises(IntegrityError):
        await connection.execute(insert)
    assert (await connection.execute(text("SELECT name FROM birds"))).scalars().all() == ["kestrel"]


async def test_reading_rolls_nothing_back(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'trips.db'}")
    async with database.read(None) as connection:
        trips = await _trips(connection)
        await connection.execute(text("SELECT 1"))
    assert len(trips) == 1
    await database.close()

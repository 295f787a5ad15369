"""The few things that PostgreSQL and SQLite say differently: instants, the clock, and inserts that may meet a row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Boolean, DateTime, Dialect, Float, String, Table, TypeDecorator
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import BigInteger, TypeEngine

ENGINES: Final = ("postgresql", "sqlite")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class Instant(TypeDecorator[datetime]):
    """An instant (UTC, whole milliseconds): ``timestamptz`` on PostgreSQL, milliseconds since 1970 on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The type of the engine at hand."""
        return dialect.type_descriptor(BigInteger() if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | int | None:
        """Into the engine."""
        if value is None or dialect.name != "sqlite":
            return value
        return (value - _EPOCH) // _MILLISECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Out of the engine."""
        if value is None:
            return None
        return _EPOCH + value * _MILLISECOND if isinstance(value, int) else value.astimezone(UTC)


class clock(FunctionElement[datetime]):  # noqa: N801 - reads as a function of SQL
    """Time of the database, now: not the start of the transaction, which is wrong after a wait for a lock."""

    type = Instant()
    inherit_cache = True


class milliseconds(FunctionElement[int]):  # noqa: N801
    """``milliseconds(instant)``: since 1970; where an instant goes into JSON."""

    type = BigInteger()
    inherit_cache = True


class seconds_between(FunctionElement[float]):  # noqa: N801
    """``seconds_between(later, earlier)``, in seconds."""

    type = Float()
    inherit_cache = True


class seconds_from_now(FunctionElement[datetime]):  # noqa: N801
    """``seconds_from_now(seconds)``: an instant."""

    type = Instant()
    inherit_cache = True


@compiles(clock, "postgresql")
def _clock_postgresql(*_: Any, **__: Any) -> str:
    return "date_trunc('milliseconds', clock_timestamp())"


@compiles(clock, "sqlite")
def _clock_sqlite(*_: Any, **__: Any) -> str:
    return "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER)"


@compiles(milliseconds, "postgresql")
def _milliseconds_postgresql(element: milliseconds, compiler: SQLCompiler, **kw: Any) -> str:
    (instant,) = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"CAST(EXTRACT(EPOCH FROM {instant}) * 1000 AS bigint)"


@compiles(milliseconds, "sqlite")
def _milliseconds_sqlite(element: milliseconds, compiler: SQLCompiler, **kw: Any) -> str:
    (instant,) = (compiler.process(clause, **kw) for clause in element.clauses)
    return instant


@compiles(seconds_between, "postgresql")
def _between_postgresql(element: seconds_between, compiler: SQLCompiler, **kw: Any) -> str:
    later, earlier = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"CAST(EXTRACT(EPOCH FROM ({later} - {earlier})) AS double precision)"


@compiles(seconds_between, "sqlite")
def _between_sqlite(element: seconds_between, compiler: SQLCompiler, **kw: Any) -> str:
    later, earlier = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"(({later} - {earlier}) / 1000.0)"


@compiles(seconds_from_now, "postgresql")
def _from_now_postgresql(element: seconds_from_now, compiler: SQLCompiler, **kw: Any) -> str:
    (seconds,) = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"(date_trunc('milliseconds', clock_timestamp()) + make_interval(secs => {seconds}))"


@compiles(seconds_from_now, "sqlite")
def _from_now_sqlite(element: seconds_from_now, compiler: SQLCompiler, **kw: Any) -> str:
    (seconds,) = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"({_clock_sqlite()} + CAST({seconds} * 1000 AS INTEGER))"


class keys(FunctionElement[str]):  # noqa: N801
    """``keys(json)``: a row for each key of an object of JSON; its column is ``key``."""

    type = String()
    inherit_cache = True


class is_key(FunctionElement[bool]):  # noqa: N801
    """``is_key(json, text)``: whether an object of JSON has a key; read once, and never where to begin."""

    type = Boolean()
    inherit_cache = True


@compiles(keys, "postgresql")
def _keys_postgresql(element: keys, compiler: SQLCompiler, **kw: Any) -> str:
    (listed,) = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"(SELECT jsonb_object_keys(CAST({listed} AS jsonb)) AS key)"


@compiles(keys, "sqlite")
def _keys_sqlite(element: keys, compiler: SQLCompiler, **kw: Any) -> str:
    (listed,) = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"json_each({listed})"


@compiles(is_key, "postgresql")
def _is_key_postgresql(element: is_key, compiler: SQLCompiler, **kw: Any) -> str:
    listed, text = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"jsonb_exists((SELECT CAST({listed} AS jsonb)), {text})"


@compiles(is_key, "sqlite")
def _is_key_sqlite(element: is_key, compiler: SQLCompiler, **kw: Any) -> str:
    listed, text = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"({text} IN (SELECT key FROM json_each({listed})))"  # noqa: S608 - of parts that were compiled


def upsert_into(table: Table, dialect: str) -> postgresql.Insert | sqlite.Insert:
    """An insert that can say what happens when the row is there already; both engines understand the same words."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)

"""Alembic's environment: one connection, one transaction, one migration at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import context
from sqlalchemy import create_engine, event, make_url, text
from sqlalchemy.pool import NullPool

from infrastructure.sql.tables import metadata

_MIGRATIONS_LOCK = 7_305_842_117
"""Any number, the same for all who migrate."""

_SQLITE_TURN_SECONDS = 60
"""How long to wait for the turn of others; PostgreSQL waits as long as it takes."""


def _run() -> None:
    url = make_url(context.config.attributes["url"])
    sqlite = url.get_backend_name() == "sqlite"
    if sqlite and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url.set(drivername="sqlite" if sqlite else "postgresql+psycopg"),
        poolclass=NullPool,
        connect_args={"timeout": _SQLITE_TURN_SECONDS} if sqlite else {},
    )
    if sqlite:
        event.listen(engine, "connect", _without_implicit_transactions)
    with engine.begin() as connection:
        # Two who start together take turns; the second finds nothing left to do.
        if sqlite:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATIONS_LOCK})
        context.configure(connection=connection, target_metadata=metadata, render_as_batch=sqlite)
        context.run_migrations()


def _without_implicit_transactions(connection: Any, _: object) -> None:
    connection.isolation_level = None


_run()

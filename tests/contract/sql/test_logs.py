"""What people wrote is in no log, also when the database refuses a statement that holds it."""

from __future__ import annotations

import traceback

import pytest
from sqlalchemy import insert, text

from application.ports.errors import UnavailableError
from infrastructure.sql.database import StatementFailedError
from infrastructure.sql.tables import profiles
from tests.stage import Stage

CANARY = "canary@example.org"


async def test_a_statement_that_fails_does_not_tell_the_values_it_was_run_with(stage: Stage) -> None:
    database = stage.container.database()
    with pytest.raises(StatementFailedError) as caught:
        async with database.write(None) as connection:
            await connection.execute(insert(profiles), {"org_id": stage.org, "user_id": "alice", "email": CANARY})
    told = "".join(traceback.format_exception(caught.value))
    assert "INSERT INTO profiles" in told
    assert CANARY not in told


async def test_a_table_that_is_gone_does_not_make_it_tell(stage: Stage) -> None:
    database = stage.container.database()
    with pytest.raises((StatementFailedError, UnavailableError)) as caught:
        async with database.write(None) as connection:
            await connection.execute(text("INSERT INTO nowhere (content) VALUES (:c)"), {"c": CANARY})
    assert CANARY not in "".join(traceback.format_exception(caught.value))

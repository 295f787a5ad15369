"""Row-level security: what a connection sees and may write, whatever the statement says, and what it costs."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import bindparam, func, insert, make_url, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from application.ports.errors import UnavailableError
from domain.errors import InvalidError
from domain.values import OrgId
from infrastructure.container import Container
from infrastructure.sql import migrations
from infrastructure.sql.database import Database, StatementFailedError
from infrastructure.sql.migrate import migrate
from infrastructure.sql.tables import metadata, profiles
from infrastructure.sql.wall import TENANT, UPKEEP, gaps
from tests.conftest import POSTGRES_URL
from tests.forgetful import ForgetfulDatabase
from tests.trips import counting_trips

pytestmark = pytest.mark.postgres

ACME, OTHER = OrgId("acme"), OrgId("other")
_NAMES = select(profiles.c.user_id).order_by(profiles.c.user_id)
_INSERT = insert(profiles)


@pytest.fixture(params=["postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    """The engine that has a wall."""
    return str(request.param)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with two people in each of two organisations."""
    database = Database(database_url)
    async with database.write(None) as connection:
        await connection.execute(_INSERT, [_person(f"{user} of {org}", org) for org in (ACME, OTHER) for user in "ab"])
    yield database
    await database.close()


def _person(user: str, org: str = ACME) -> dict[str, Any]:
    return {"org_id": org, "user_id": user, "told_at": datetime(2030, 1, 1, tzinfo=UTC)}


def _untold(database: Database) -> AsyncConnection:
    return database._reading.connect()  # noqa: SLF001 - what no adapter does: to ask without saying for whom


async def _names(connection: AsyncConnection) -> list[str]:
    return list((await connection.execute(_NAMES)).scalars())


async def _setting(connection: AsyncConnection) -> tuple[str | None, str]:
    row = (await connection.execute(text("SELECT current_setting('stories.org', true), current_user"))).one()
    return row[0], row[1]


@contextmanager
def _login(database: str, *roles: str, options: str = "") -> Iterator[str]:
    """A login that is nobody much, and its URL; gone afterwards, with all that it owned."""
    name = f"login_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN {options}")
        try:
            for role in roles:
                connection.execute(f"GRANT {role} TO {name}")
            yield make_url(database).set(username=name).render_as_string(hide_password=False)
        finally:
            connection.execute(f"DROP OWNED BY {name} CASCADE")
            connection.execute(f"DROP ROLE {name}")


def test_every_table_has_an_organisation_and_a_wall(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            """
            SELECT relname, relrowsecurity AND relforcerowsecurity,
                EXISTS (SELECT FROM pg_attribute
                        WHERE attrelid = pg_class.oid AND attname = 'org_id' AND attnotnull AND NOT attisdropped),
                ARRAY(SELECT (polroles::regrole[])::text || ' ' || pg_get_expr(polqual, polrelid) || ' '
                        || pg_get_expr(polwithcheck, polrelid)
                      FROM pg_policy WHERE polrelid = pg_class.oid AND polcmd = '*' ORDER BY polname),
                (SELECT count(*) FROM pg_policy WHERE polrelid = pg_class.oid)
            FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')
            """
        ).fetchall()
    walls = {name: facts for name, *facts in found if name != "alembic_version"}
    own = "((org_id)::text = NULLIF(current_setting('stories.org'::text, true), ''::text))"
    policies = [f"{{{TENANT}}} {own} {own}", f"{{{UPKEEP}}} true true"]
    assert walls == {name: [True, True, policies, 2] for name in metadata.tables}


async def test_a_superuser_works_under_a_role_that_owns_nothing_and_passes_no_wall(database: Database) -> None:
    async with database.read(ACME) as connection:
        assert await _setting(connection) == (ACME, TENANT)
        row = await connection.execute(
            text(
                "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcanlogin, pg_has_role(oid, :upkeep, 'MEMBER'),"
                " EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid)"
                " FROM pg_roles WHERE rolname = current_user"
            ),
            {"upkeep": UPKEEP},
        )
        assert row.one() == (False,) * 6
    async with database.read(None) as connection:
        assert await _setting(connection) == ("", UPKEEP)


async def test_a_statement_without_a_condition_sees_one_organisation(database: Database) -> None:
    for org in (ACME, OTHER):
        async with database.read(org) as connection:
            assert await _names(connection) == [f"a of {org}", f"b of {org}"]
            assert await _names(connection) == [f"a of {org}", f"b of {org}"]  # each statement tells anew
        async with database.write(org) as connection:
            assert await _names(connection) == [f"a of {org}", f"b of {org}"]
    async with database.read(None) as connection:
        assert len(await _names(connection)) == 4


async def test_who_has_told_nothing_or_an_empty_name_sees_nothing(database: Database) -> None:
    async with database.read(OrgId("")) as connection:
        assert await _names(connection) == []
    async with _untold(database) as connection:
        assert await _names(connection) == []
        assert await _setting(connection) == ("", TENANT)


async def test_changes_touch_no_foreign_row(database: Database) -> None:
    async with database.write(ACME) as connection:
        assert (await connection.execute(update(profiles).values(company="c"))).rowcount == 2
    async with database.read(None) as connection:
        changed = select(profiles.c.user_id).where(profiles.c.company == "c").order_by(profiles.c.user_id)
        assert (await connection.execute(changed)).scalars().all() == ["a of acme", "b of acme"]


REFUSED: dict[str, tuple[Any, Any]] = {
    "a row": (_INSERT, _person("c", OTHER)),
    "one of many rows": (_INSERT, [_person("c"), _person("d", OTHER)]),
    "a row moved": (update(profiles).values(org_id=OTHER), {}),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("before", [0, 1])
async def test_no_row_is_written_for_another_organisation(database: Database, what: str, before: int) -> None:
    async def write() -> None:
        async with database.write(ACME) as connection:
            for _ in range(before):
                await _names(connection)
            await connection.execute(*REFUSED[what])

    with pytest.raises(StatementFailedError, match="InsufficientPrivilege"):
        await write()
    async with database.read(None) as connection:
        assert len(await _names(connection)) == 4


async def test_a_connection_comes_back_without_an_organisation(database: Database) -> None:
    async def nothing_is_left() -> None:
        async with _untold(database) as connection:
            assert await _setting(connection) in {("", TENANT), (None, TENANT)}
            assert await _names(connection) == []

    async with database.write(ACME) as connection:
        await connection.execute(_INSERT, _person("c"))
    await nothing_is_left()
    async with database.read(ACME) as connection:
        await _names(connection)
    await nothing_is_left()
    async with database.write(None) as connection:
        await _names(connection)
    await nothing_is_left()
    with pytest.raises(InvalidError):
        async with database.write(ACME) as connection:
            await connection.execute(text("SELECT 1 / 0"))
    await nothing_is_left()


@pytest.mark.parametrize("kind", ["read", "write"])
async def test_a_request_that_is_cancelled_leaves_nothing_and_its_connection_is_not_used_again(
    database: Database, kind: str
) -> None:
    started = asyncio.Event()

    async def hang() -> None:
        async with getattr(database, kind)(ACME) as connection:
            started.set()
            await connection.execute(text("SELECT pg_sleep(30)"))

    for _ in range(3):
        started.clear()
        task = asyncio.create_task(hang())
        await started.wait()
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    for org, seen in ((OTHER, 2), (None, 4), (ACME, 2)):
        async with database.read(org) as connection:
            assert len(await _names(connection)) == seen
    async with _untold(database) as connection:
        assert await _names(connection) == []


async def test_errors_are_the_same_and_the_connection_works_on(database: Database) -> None:
    person = _person("a of acme")
    for attempt in range(3):  # the first prepares the statement, the others find it
        with pytest.raises(StatementFailedError, match="UniqueViolation 23505"):
            async with database.write(ACME) as connection:
                await connection.execute(_INSERT, person)
        with pytest.raises(InvalidError):
            async with database.read(ACME) as connection:
                await connection.execute(text("SELECT 1 / CAST(:zero AS integer)"), {"zero": 0})
        async with database.read(ACME) as connection:
            with pytest.raises(DBAPIError):
                await connection.execute(text("SELECT 1 / 0"))
            assert await _names(connection) == ["a of acme", "b of acme"], attempt


async def test_what_the_first_statement_of_a_transaction_gives_back_is_complete(database: Database) -> None:
    async with database.write(ACME) as connection:
        returned = await connection.execute(_INSERT.returning(profiles.c.user_id), _person("c"))
        assert returned.scalar_one() == "c"
    async with database.write(ACME) as connection:
        await connection.execute(_INSERT, [_person("d"), _person("e")])
    async with database.write(ACME) as connection:
        result = await connection.execute(update(profiles).values(company=None))
        assert (result.rowcount, result.returns_rows) == (5, False)
    async with database.write(ACME) as connection:
        await connection.begin_nested()
        streamed = await connection.stream(_NAMES)
        assert [row[0] async for row in streamed] == ["a of acme", "b of acme", "c", "d", "e"]
    async with database.write(ACME) as connection:
        streamed = await connection.stream(_NAMES)
        assert len([row async for row in streamed]) == 5
    async with database.read(ACME) as connection:
        result = await connection.execute(_NAMES)
        assert (list(result.keys()), len(result.all())) == (["user_id"], 5)


async def test_telling_costs_no_round_trip(database_url: str) -> None:
    statement = select(func.count()).select_from(profiles).where(profiles.c.user_id == bindparam("user"))
    async with counting_trips(database_url) as (url, trips):
        plain = create_async_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            connect_args={"prepare_threshold": 0},
        )
        walled = Database(url)

        async def read_plainly() -> None:
            async with plain.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
                await connection.execute(statement, {"user": "a"})

        async def write_plainly() -> None:
            async with plain.begin() as connection:
                await connection.execute(statement, {"user": "a"})

        async def read() -> None:
            async with walled.read(ACME) as connection:
                await connection.execute(statement, {"user": "a"})

        async def write() -> None:
            async with walled.write(ACME) as connection:
                await connection.execute(statement, {"user": "a"})

        counted = {}
        for doing in (read_plainly, write_plainly, read, write):
            for _ in range(2):  # the first connects and prepares
                before = trips.count
                await doing()
                counted[doing.__name__] = trips.count - before
        await plain.dispose()
        await walled.close()
    assert counted == {
        "read_plainly": 3,  # is it there (prepared anew each time), the statement
        "write_plainly": 5,  # the same, with BEGIN and COMMIT
        "read": 2,
        "write": 3,
    }


async def test_a_plain_login_that_was_granted_the_roles_serves_as_well(database: Database, database_url: str) -> None:
    with _login(database_url, TENANT, UPKEEP) as url:
        served = Database(url)
        async with served.write(ACME) as connection:
            await connection.execute(_INSERT, _person("c"))
            assert await _names(connection) == ["a of acme", "b of acme", "c"]
        async with served.read(None) as connection:
            assert len(await _names(connection)) == 5
            assert await gaps(connection, metadata.tables) == []
        await served.close()


@pytest.mark.parametrize("granted", [[], [TENANT]])
async def test_a_login_without_the_roles_is_told_what_to_do(database_url: str, granted: list[str]) -> None:
    with _login(database_url, *granted) as url:
        served = Database(url)
        with pytest.raises(UnavailableError, match="cannot take the roles stories_tenant and stories_upkeep"):
            await served.check()
        await served.close()


FAULTS = {
    "organisations are not kept apart: friendships has no row-level security": (
        "ALTER TABLE friendships NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE friendships FORCE ROW LEVEL SECURITY",
    ),
    "the service may not read its revision: run `stories migrate`": (
        "REVOKE SELECT ON alembic_version FROM stories_upkeep",
        "GRANT SELECT ON alembic_version TO stories_upkeep",
    ),
}


@pytest.mark.parametrize("told", FAULTS)
async def test_the_doctor_names_what_is_wrong_with_the_wall(container: Container, database_url: str, told: str) -> None:
    broken, mended = FAULTS[told]
    doctor = container.doctor()
    assert await doctor.database_problem() is None
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(broken)
        try:
            assert await doctor.database_problem() == told
        finally:
            owner.execute(mended)


async def test_the_mutation_that_the_wall_is_tried_with_forgets_in_reads_and_writes(database_url: str) -> None:
    forgetful = ForgetfulDatabase(database_url)
    for use in (forgetful.read, forgetful.write):
        before = forgetful.forgotten
        async with use(None) as connection:
            await connection.execute(_NAMES.where(profiles.c.org_id == bindparam("org")), {"org": ACME})
        assert forgetful.forgotten == before + 1
    await forgetful.close()


@contextmanager
def _owned(login: str) -> Iterator[str]:
    """An empty database of a login's own, and its URL."""
    name = f"stories_test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(POSTGRES_URL, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} OWNER {make_url(login).username}")
        try:
            yield make_url(login).set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def test_an_owner_who_was_granted_the_roles_migrates_and_serves(database_url: str) -> None:
    with _login(database_url, TENANT, UPKEEP) as login, _owned(login) as url:
        migrate(url)
        database = Database(url)
        async with database.write(ACME) as connection:
            await connection.execute(_INSERT, _person("c"))
        async with database.read(OTHER) as connection:
            assert await _names(connection) == []
        async with database.read(ACME) as connection:
            assert await _names(connection) == ["c"]
        await database.close()
        with psycopg.connect(url) as owner:  # what a later migration does with rows
            assert owner.execute("UPDATE profiles SET company = 'c'").rowcount == 1


def test_an_owner_who_may_not_take_the_roles_is_told_who_has_to_grant_them(database_url: str) -> None:
    with _login(database_url) as login, _owned(login) as url, pytest.raises(UnavailableError, match="As a superuser"):
        migrate(url)


def test_taking_the_wall_down_and_raising_it_again_leaves_it_as_it_was(database_url: str) -> None:
    with _login(database_url, TENANT, UPKEEP) as login, _owned(login) as url:
        migrate(url)
        before = _walls(url)
        _migrate_down(url, "0004")
        down = _walls(url)
        migrate(url)
        assert (down, _walls(url)) == ([], before)


def _migrate_down(url: str, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["url"] = url
    command.downgrade(config, revision)


def _walls(url: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT tablename, policyname FROM pg_policies ORDER BY 1, 2").fetchall()

"""The wall around tables, for migrations: who may touch them, and whose rows are shown. SQLite has none."""

from __future__ import annotations

from typing import Final

from alembic import op

from application.ports.errors import UnavailableError
from infrastructure.sql.wall import ORG_SETTING, TENANT, UPKEEP

# Unset or empty: NULL, which equals nothing. A stable function of a setting, so that indexes find it as they find $1.
_OWN: Final = f"org_id = NULLIF(current_setting('{ORG_SETTING}', true), '')"
_POLICIES: Final = {TENANT: _OWN, UPKEEP: "true"}
_BOTH: Final = f"{TENANT}, {UPKEEP}"

# Roles belong to all databases of a server: another one may be making them at this moment.
_MAKE_ROLE: Final = """
DO $$ BEGIN
    CREATE ROLE {role} NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""
# So that one login can do all. Where another does the migrating, or this one may not, an operator grants them.
_JOIN: Final = f"""
DO $$ BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        EXECUTE format('GRANT {_BOTH} TO %I', current_user);
    END IF;
EXCEPTION WHEN insufficient_privilege OR unique_violation THEN NULL;
END $$
"""  # noqa: S608 - names of ours
_MISSING: Final = f"SELECT count(*) < 2 FROM pg_roles WHERE rolname IN ('{TENANT}', '{UPKEEP}')"  # noqa: S608 - as above
_MAY_MAKE_ROLES: Final = "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
# Else what a later migration writes to rows would silently find none.
_MAY_TAKE_ROLES: Final = f"SELECT pg_has_role(current_user, '{UPKEEP}', 'USAGE')"
_REFUSED: Final = (
    f"This login can neither make nor take the roles {_BOTH}. As a superuser: "
    f"CREATE ROLE {TENANT} NOLOGIN; CREATE ROLE {UPKEEP} NOLOGIN; "
    f'GRANT {_BOTH} TO the logins of the service. See "Roles" in docs/operations.md.'
)


def make_roles() -> None:
    """Make the roles of the wall, if they are missing, and let them into the schema.

    Raises:
        UnavailableError: this login may not; says what an operator has to do.
    """
    if not _has_walls():
        return
    if _is(_MISSING):
        if not _is(_MAY_MAKE_ROLES):
            raise UnavailableError(_REFUSED)
        for role in (TENANT, UPKEEP):
            op.execute(_MAKE_ROLE.format(role=role))
    op.execute(_JOIN)
    if not _is(_MAY_TAKE_ROLES):
        raise UnavailableError(_REFUSED)
    schema = _schema()
    op.execute(f"GRANT USAGE ON SCHEMA {schema} TO {_BOTH}")
    op.execute(f"GRANT SELECT ON alembic_version TO {_BOTH}")
    op.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {_BOTH}")
    op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT USAGE ON SEQUENCES TO {_BOTH}")


def raise_for(*tables: str) -> None:
    """Show the rows of a table, which has a column ``org_id``, to their organisation alone, and to upkeep."""
    if not _has_walls():
        return
    for table in tables:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {_BOTH}")
        for role, rows in _POLICIES.items():
            op.execute(f"CREATE POLICY {role} ON {table} TO {role} USING ({rows}) WITH CHECK ({rows})")


def take_down(*tables: str) -> None:
    """Undo `raise_for`; a table that is dropped takes its wall with it."""
    if not _has_walls():
        return
    for table in tables:
        for role in _POLICIES:
            op.execute(f"DROP POLICY {role} ON {table}")
        op.execute(f"REVOKE ALL ON {table} FROM {_BOTH}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY")


def forget_roles() -> None:
    """Undo `make_roles`, but for the roles: other databases of the server may use them."""
    if not _has_walls():
        return
    schema = _schema()
    op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} REVOKE USAGE ON SEQUENCES FROM {_BOTH}")
    op.execute(f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA {schema} FROM {_BOTH}")
    op.execute(f"REVOKE ALL ON alembic_version FROM {_BOTH}")
    op.execute(f"REVOKE ALL ON SCHEMA {schema} FROM {_BOTH}")


def _has_walls() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _is(question: str) -> bool:
    return bool(op.get_bind().exec_driver_sql(question).scalar_one())


def _schema() -> str:
    return str(op.get_bind().exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one())

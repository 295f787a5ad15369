"""Migrations: bring a database to the schema that this version needs."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.exc import OperationalError

from application.ports.errors import UnavailableError

_FOLDER = Path(__file__).parent / "migrations"


def migrate(url: str, revision: str = "head") -> None:
    """Bring the database at ``url`` to a revision; safe to repeat, and side by side on PostgreSQL. Blocks.

    Raises:
        UnavailableError: the database does not answer, or not in time.
    """
    try:
        command.upgrade(_config(url), revision)
    except OperationalError as error:
        raise UnavailableError(f"The database cannot be migrated: {error.orig}") from error


def head_revision() -> str:
    """The revision that this version needs."""
    head = ScriptDirectory.from_config(_config("sqlite://")).get_current_head()
    if head is None:
        raise LookupError("There are no migrations.")
    return head


def is_behind(revision: str | None) -> bool:
    """Whether a database at ``revision`` (None: empty) must be migrated for this version.

    A revision unknown to this version is one of a later version: it goes on serving while its successor takes over.
    """
    known = {script.revision for script in ScriptDirectory.from_config(_config("sqlite://")).walk_revisions()}
    return revision is None or (revision in known and revision != head_revision())


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["url"] = url
    return config

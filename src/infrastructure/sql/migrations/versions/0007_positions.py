"""Positions of events: one order for all who read them, and events that are not of a story."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from infrastructure.sql.dialect import Instant
from infrastructure.sql.migrations import wall

revision = "0007"
down_revision = "0006"

_Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_Json = sa.JSON().with_variant(JSONB(), "postgresql")
_WAITING = sa.text("published_at IS NULL")
_UNSEQUENCED = sa.text("position IS NULL")
_SHARED = "org_id, event_id, type, version, occurred_at, data, published_at"
# SQLite keeps an id as 32 digits; on the wire it has its hyphens.
_AS_WRITTEN = " || '-' || ".join(
    f"substr(story_id, {at}, {size})" for at, size in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
)


def upgrade() -> None:
    """Go one step on. What was written so far is read in the order of writing."""
    op.create_table(
        "event_cursors",
        sa.Column("org_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "name", name="event_cursors_pk"),
    )
    wall.raise_for("event_cursors")
    op.drop_index("outbox_waiting", "outbox")
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("outbox", "position", new_column_name="number")
        op.alter_column("outbox", "story_id", nullable=True)
        op.add_column("outbox", sa.Column("subject", sa.String(length=128)))
        op.add_column("outbox", sa.Column("position", sa.BigInteger()))
        op.execute("UPDATE outbox SET subject = story_id, position = number")
        op.alter_column("outbox", "subject", nullable=False)
    else:
        op.rename_table("outbox", "outbox_before")
        _create(
            sa.Column("number", _Number, autoincrement=True, nullable=False),
            sa.Column("story_id", sa.Uuid(), nullable=True),
            sa.Column("subject", sa.String(length=128), nullable=False),
            sa.Column("position", sa.BigInteger(), nullable=True),
            key="number",
        )
        _copy(
            f"number, position, story_id, subject, {_SHARED}", f"position, position, story_id, {_AS_WRITTEN}, {_SHARED}"
        )
    op.execute(
        "INSERT INTO event_cursors SELECT '', 'sequence', max(number) FROM outbox HAVING max(number) IS NOT NULL"
    )
    _index("outbox_waiting", "number", where=_WAITING)
    _index("outbox_unsequenced", "number", where=_UNSEQUENCED)
    op.create_index("outbox_position", "outbox", ["position"], unique=True)
    op.create_index("outbox_org_id_position", "outbox", ["org_id", "position"], unique=False)


def downgrade() -> None:
    """Go one step back. Events that are not of a story are gone: the version before knows no such thing."""
    for index in ("outbox_org_id_position", "outbox_position", "outbox_unsequenced", "outbox_waiting"):
        op.drop_index(index, "outbox")
    op.execute("DELETE FROM outbox WHERE story_id IS NULL")
    if op.get_bind().dialect.name == "postgresql":
        op.drop_column("outbox", "position")
        op.drop_column("outbox", "subject")
        op.alter_column("outbox", "story_id", nullable=False)
        op.alter_column("outbox", "number", new_column_name="position")
    else:
        op.rename_table("outbox", "outbox_before")
        _create(
            sa.Column("position", _Number, autoincrement=True, nullable=False),
            sa.Column("story_id", sa.Uuid(), nullable=False),
            key="position",
        )
        _copy(f"position, story_id, {_SHARED}", f"number, story_id, {_SHARED}")
    _index("outbox_waiting", "position", where=_WAITING)
    op.drop_table("event_cursors")


def _create(*columns: sa.Column[object], key: str) -> None:
    op.create_table(
        "outbox",
        *columns,
        sa.Column("org_id", sa.String(length=64), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("occurred_at", Instant(), nullable=False),
        sa.Column("data", _Json, nullable=False),
        sa.Column("published_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint(key, name="outbox_pk"),
        sa.UniqueConstraint("event_id", name="outbox_event_id_key"),
        sqlite_autoincrement=True,
    )


def _copy(into: str, of: str) -> None:
    op.execute(f"INSERT INTO outbox ({into}) SELECT {of} FROM outbox_before")  # noqa: S608 - names of ours
    op.drop_table("outbox_before")


def _index(name: str, *columns: str, where: sa.TextClause) -> None:
    op.create_index(name, "outbox", list(columns), unique=False, postgresql_where=where, sqlite_where=where)

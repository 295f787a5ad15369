"""Objects that an erasure waits for, and what finds the rows that name people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_NAMED = (
    ("past_audiences", "user_id"),
    ("reports", "reporter_id"),
    ("reports", "subject_id"),
    ("moderation_audit", "actor_id"),
)


def upgrade() -> None:
    """Go one step on."""
    op.add_column("objects", sa.Column("erased_for", sa.String(length=128)))
    named = sa.text("erased_for IS NOT NULL")
    op.create_index(
        "objects_of_erased", "objects", ["org_id", "erased_for"], postgresql_where=named, sqlite_where=named
    )
    for table, column in _NAMED:
        op.create_index(f"{table}_org_id_{column}", table, ["org_id", column])


def downgrade() -> None:
    """Go one step back."""
    for table, column in _NAMED:
        op.drop_index(f"{table}_org_id_{column}", table)
    op.drop_index("objects_of_erased", "objects")
    op.drop_column("objects", "erased_for")

"""People to be erased, and what finds the rows that name them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from infrastructure.sql.dialect import Instant
from infrastructure.sql.migrations import wall

revision = "0008"
down_revision = "0007"

_NAMED = {"close_friends": "friend_id", "mutes": "target_id", "uploads": "owner_id"}


def upgrade() -> None:
    """Go one step on."""
    op.create_table(
        "erasures",
        sa.Column("org_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=128), nullable=False),
        sa.Column("requested_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "user_id", name="erasures_pk"),
    )
    op.create_index("erasures_due_at", "erasures", ["due_at"])
    wall.raise_for("erasures")
    for table, column in _NAMED.items():
        op.create_index(f"{table}_org_id_{column}", table, ["org_id", column])


def downgrade() -> None:
    """Go one step back."""
    for table, column in _NAMED.items():
        op.drop_index(f"{table}_org_id_{column}", table)
    op.drop_table("erasures")

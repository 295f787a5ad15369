"""Whom a story was for until an event took it from them, so that they can be told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from infrastructure.sql.dialect import Instant
from infrastructure.sql.migrations import wall

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Go one step on."""
    op.create_table(
        "past_audiences",
        sa.Column("org_id", sa.String(length=64), nullable=False),
        sa.Column("story_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.String(length=128), nullable=False),
        sa.Column("owner_id", sa.String(length=128), nullable=False),
        sa.Column("visibility", sa.String(length=16), nullable=False),
        sa.Column("ended_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "story_id", "version", "user_id", name="past_audiences_pk"),
    )
    op.create_index("past_audiences_ended_at", "past_audiences", ["ended_at"])
    wall.raise_for("past_audiences")


def downgrade() -> None:
    """Go one step back."""
    op.drop_table("past_audiences")

"""When upkeep is next due."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from infrastructure.sql.dialect import Instant
from infrastructure.sql.migrations import wall

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Go one step on."""
    op.create_table(
        "upkeep_runs",
        sa.Column("org_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "name", name="upkeep_runs_pk"),
    )
    wall.raise_for("upkeep_runs")


def downgrade() -> None:
    """Go one step back."""
    op.drop_table("upkeep_runs")

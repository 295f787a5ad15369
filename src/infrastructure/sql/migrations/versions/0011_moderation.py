"""Reports, what moderators made of them, and since when somebody is blocked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from infrastructure.sql.dialect import Instant
from infrastructure.sql.migrations import wall

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Go one step on."""
    op.create_table(
        "reports",
        sa.Column("org_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("target_type", sa.String(length=8), nullable=False),
        sa.Column("target_id", sa.String(length=128), nullable=False),
        sa.Column("subject_id", sa.String(length=128), nullable=False),
        sa.Column("reporter_id", sa.String(length=128), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("details", sa.String()),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("closed_by", sa.String(length=128)),
        sa.Column("closed_at", Instant()),
        sa.PrimaryKeyConstraint("org_id", "id", name="reports_pk"),
    )
    op.create_index(
        "reports_open",
        "reports",
        ["org_id", "target_type", "target_id", "reporter_id"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
        sqlite_where=sa.text("status = 'open'"),
    )
    op.create_index("reports_oldest", "reports", ["org_id", "created_at", "id"])
    op.create_index("reports_of_status", "reports", ["org_id", "status", "created_at", "id"])
    op.create_table(
        "moderation_audit",
        sa.Column("org_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("actor_id", sa.String(length=128), nullable=False),
        sa.Column("act", sa.String(length=16), nullable=False),
        sa.Column("target_type", sa.String(length=8), nullable=False),
        sa.Column("target_id", sa.String(length=128), nullable=False),
        sa.Column("report_id", sa.Uuid()),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name="moderation_audit_pk"),
    )
    op.create_index(
        "moderation_audit_newest",
        "moderation_audit",
        ["org_id", sa.text("created_at DESC"), sa.text("id DESC")],
    )
    op.add_column("blocks", sa.Column("created_at", Instant()))
    wall.raise_for("reports", "moderation_audit")


def downgrade() -> None:
    """Go one step back."""
    op.drop_column("blocks", "created_at")
    op.drop_table("moderation_audit")
    op.drop_table("reports")

"""Webhooks, and what was sent to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from infrastructure.sql.dialect import Instant
from infrastructure.sql.migrations import wall

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Go one step on."""
    op.create_table(
        "webhooks",
        sa.Column("org_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("types", sa.JSON().with_variant(JSONB(), "postgresql")),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("lost_to", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failing_since", Instant()),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("given_up", sa.Integer(), nullable=False),
        sa.Column("disabled", sa.String(length=8)),
        sa.Column("replaying", sa.Boolean(), nullable=False),
        sa.Column("sent", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("lease", sa.Uuid()),
        sa.Column("leased_until", Instant()),
        sa.PrimaryKeyConstraint("org_id", "id", name="webhooks_pk"),
    )
    active = sa.text("disabled IS NULL")
    op.create_index("webhooks_due", "webhooks", ["due_at"], postgresql_where=active, sqlite_where=active)
    op.create_table(
        "webhook_deliveries",
        sa.Column("org_id", sa.String(length=64), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.Uuid()),
        sa.Column("type", sa.String(length=32)),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("sent_at", Instant(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("http_status", sa.Integer()),
        sa.Column("reason", sa.String(length=32)),
        sa.PrimaryKeyConstraint("org_id", "webhook_id", "number", name="webhook_deliveries_pk"),
        sa.ForeignKeyConstraint(
            ["org_id", "webhook_id"],
            ["webhooks.org_id", "webhooks.id"],
            name="webhook_deliveries_org_id_webhook_id_fk",
            ondelete="CASCADE",
        ),
    )
    dead = sa.text("status IN ('dead', 'queued')")
    op.create_index(
        "webhook_deliveries_dead",
        "webhook_deliveries",
        ["org_id", "webhook_id", "status", "position"],
        postgresql_where=dead,
        sqlite_where=dead,
    )
    wall.raise_for("webhooks", "webhook_deliveries")


def downgrade() -> None:
    """Go one step back."""
    op.drop_table("webhook_deliveries")
    op.drop_table("webhooks")

"""What the first of requests with one key was answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from infrastructure.sql.dialect import Instant

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Go one step on."""
    op.create_table(
        "idempotency_keys",
        sa.Column("org_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=128), nullable=False),
        sa.Column("route", sa.String(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("refused", sa.Boolean(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("answered_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "user_id", "route", "key", name="idempotency_keys_pk"),
    )
    op.create_index("idempotency_keys_answered_at", "idempotency_keys", ["answered_at"], unique=False)


def downgrade() -> None:
    """Go one step back."""
    op.drop_table("idempotency_keys")

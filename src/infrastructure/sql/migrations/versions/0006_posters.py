"""Posters of videos."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Go one step on."""
    op.add_column("stories", sa.Column("poster_key", sa.String()))


def downgrade() -> None:
    """Go one step back."""
    op.drop_column("stories", "poster_key")

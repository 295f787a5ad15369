"""What passed between people, when its facts are forgotten."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from infrastructure.sql.migrations import wall

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Go one step on."""
    op.create_table(
        "affinities",
        sa.Column("org_id", sa.String(length=64), nullable=False),
        sa.Column("actor_id", sa.String(length=128), nullable=False),
        sa.Column("owner_id", sa.String(length=128), nullable=False),
        sa.Column("points", sa.Float(), nullable=False),
        sa.Column("engaged", sa.Float(), nullable=False),
        sa.Column("chances", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "actor_id", "owner_id", name="affinities_pk"),
    )
    op.create_index("affinities_org_id_owner_id_actor_id", "affinities", ["org_id", "owner_id", "actor_id"])
    wall.raise_for("affinities")
    known = sa.text("frozen_at IS NULL")
    op.create_index(
        "stories_known", "stories", ["org_id", "owner_id", "id"], postgresql_where=known, sqlite_where=known
    )


def downgrade() -> None:
    """Go one step back."""
    op.drop_index("stories_known", "stories")
    op.drop_table("affinities")

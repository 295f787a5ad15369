"""Stories on community pages, and stories whose media lie elsewhere."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from infrastructure.sql.dialect import Instant

revision = "0002"
down_revision = "0001"

_ACTIVE = sa.text("status = 'Active'")
_ON_A_PAGE = sa.text("status = 'Active' AND page IS NOT NULL")
_NEWEST_FIRST = [sa.text("created_at DESC"), sa.text("id DESC")]


def upgrade() -> None:
    """Go one step on."""
    op.add_column("stories", sa.Column("changed_at", Instant(), nullable=True))
    op.add_column("stories", sa.Column("page", sa.String(length=128), nullable=True))
    op.add_column("stories", sa.Column("media_url", sa.String(), nullable=True))
    op.execute("UPDATE stories SET changed_at = coalesce(archived_at, published_at, created_at)")
    op.create_index(
        "stories_newest",
        "stories",
        ["org_id", *_NEWEST_FIRST],
        unique=False,
        postgresql_where=_ACTIVE,
        sqlite_where=_ACTIVE,
    )
    op.create_index(
        "stories_of_page",
        "stories",
        ["org_id", "page", *_NEWEST_FIRST],
        unique=False,
        postgresql_where=_ON_A_PAGE,
        sqlite_where=_ON_A_PAGE,
    )


def downgrade() -> None:
    """Go one step back. Linked stories are deleted: the version before knows no such thing."""
    op.drop_index("stories_of_page", "stories")
    op.drop_index("stories_newest", "stories")
    op.execute("DELETE FROM stories WHERE media_url IS NOT NULL")
    op.drop_column("stories", "media_url")
    op.drop_column("stories", "page")
    op.drop_column("stories", "changed_at")

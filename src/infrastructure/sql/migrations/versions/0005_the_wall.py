"""Row-level security: PostgreSQL itself keeps organisations apart."""

from __future__ import annotations

from infrastructure.sql.migrations import wall

revision = "0005"
down_revision = "0004"

TABLES = (
    *("profiles", "stories", "story_audience", "story_stats", "story_views", "story_reactions", "replies"),
    *("friendships", "close_friends", "mutes", "blocks", "uploads", "objects", "outbox"),
    *("idempotency_keys", "postings"),
)


def upgrade() -> None:
    """Go one step on."""
    wall.make_roles()
    wall.raise_for(*TABLES)


def downgrade() -> None:
    """Go one step back."""
    wall.take_down(*TABLES)
    wall.forget_roles()

"""Stories, people and the outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from infrastructure.sql.dialect import Instant

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Go one step on."""
    op.create_table(
        "blocks",
        sa.Column("org_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=128), nullable=False),
        sa.Column("target_id", sa.String(length=128), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("org_id", "user_id", "target_id", name="blocks_pk"),
    )
    op.create_index("blocks_org_id_target_id_user_id", "blocks", ["org_id", "target_id", "user_id"], unique=False)
    op.create_table(
        "close_friends",
        sa.Column("org_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=128), nullable=False),
        sa.Column("friend_id", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "user_id", "friend_id", name="close_friends_pk"),
    )
    op.create_table(
        "friendships",
        sa.Column("org_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=128), nullable=False),
        sa.Column("friend_id", sa.String(length=128), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "user_id", "friend_id", name="friendships_pk"),
    )
    op.create_index(
        "friendships_org_id_friend_id_user_id", "friendships", ["org_id", "friend_id", "user_id"], unique=False
    )
    op.create_table(
        "mutes",
        sa.Column("org_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=128), nullable=False),
        sa.Column("target_id", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "user_id", "target_id", name="mutes_pk"),
    )
    op.create_table(
        "objects",
        sa.Column("object_key", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(length=64), nullable=False),
        sa.Column("delete_after", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("object_key", name="objects_pk"),
    )
    op.create_index(
        "objects_delete_after",
        "objects",
        ["delete_after"],
        unique=False,
        postgresql_where=sa.text("delete_after IS NOT NULL"),
        sqlite_where=sa.text("delete_after IS NOT NULL"),
    )
    op.create_table(
        "outbox",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("org_id", sa.String(length=64), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("story_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("occurred_at", Instant(), nullable=False),
        sa.Column("data", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("published_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("position", name="outbox_pk"),
        sa.UniqueConstraint("event_id", name="outbox_event_id_key"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "outbox_waiting",
        "outbox",
        ["position"],
        unique=False,
        postgresql_where=sa.text("published_at IS NULL"),
        sqlite_where=sa.text("published_at IS NULL"),
    )
    op.create_table(
        "profiles",
        sa.Column("org_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=128), nullable=False),
        sa.Column("username", sa.String(), nullable=True),
        sa.Column("full_name", sa.String(), nullable=True),
        sa.Column("given_name", sa.String(), nullable=True),
        sa.Column("family_name", sa.String(), nullable=True),
        sa.Column("avatar_url", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("company", sa.String(), nullable=True),
        sa.Column("job_title", sa.String(), nullable=True),
        sa.Column("told_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "user_id", name="profiles_pk"),
    )
    op.create_table(
        "stories",
        sa.Column("org_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("visibility", sa.String(length=16), nullable=False),
        sa.Column("caption", sa.String(), nullable=True),
        sa.Column("content", sa.String(), nullable=True),
        sa.Column("background_color", sa.String(length=7), nullable=True),
        sa.Column("overlays", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("lifetime_seconds", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("published_at", Instant(), nullable=True),
        sa.Column("archived_at", Instant(), nullable=True),
        sa.Column("archive_reason", sa.String(length=12), nullable=True),
        sa.Column("failure_reason", sa.String(length=32), nullable=True),
        sa.Column("media_file_id", sa.Uuid(), nullable=True),
        sa.Column("media_key", sa.String(), nullable=True),
        sa.Column("thumbnail_key", sa.String(), nullable=True),
        sa.Column("mime_type", sa.String(length=64), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("placeholder", sa.String(), nullable=True),
        sa.Column("duration_seconds", sa.Float(), nullable=True),
        sa.Column("insights", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=True),
        sa.Column("frozen_at", Instant(), nullable=True),
        sa.Column("processing_due_at", Instant(), nullable=True),
        sa.Column("processing_held_until", Instant(), nullable=True),
        sa.Column("processing_attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("processing_percent", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name="stories_pk"),
    )
    op.create_index(
        "stories_active",
        "stories",
        ["org_id", "owner_id", sa.text("created_at DESC")],
        unique=False,
        postgresql_where=sa.text("status = 'Active'"),
        postgresql_include=["id", "expires_at", "visibility"],
        sqlite_where=sa.text("status = 'Active'"),
    )
    op.create_index(
        "stories_archived_media",
        "stories",
        ["archived_at"],
        unique=False,
        postgresql_where=sa.text("status = 'Archived' AND media_key IS NOT NULL"),
        sqlite_where=sa.text("status = 'Archived' AND media_key IS NOT NULL"),
    )
    op.create_index(
        "stories_due",
        "stories",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("status <> 'Archived'"),
        sqlite_where=sa.text("status <> 'Archived'"),
    )
    op.create_index(
        "stories_history",
        "stories",
        ["org_id", "owner_id", sa.text("created_at DESC"), sa.text("id DESC")],
        unique=False,
    )
    op.create_index(
        "stories_never_seen",
        "stories",
        ["archived_at"],
        unique=False,
        postgresql_where=sa.text("status = 'Archived' AND published_at IS NULL"),
        sqlite_where=sa.text("status = 'Archived' AND published_at IS NULL"),
    )
    op.create_index(
        "stories_processing",
        "stories",
        ["processing_due_at"],
        unique=False,
        postgresql_where=sa.text("status = 'Processing'"),
        sqlite_where=sa.text("status = 'Processing'"),
    )
    op.create_index(
        "stories_unfrozen",
        "stories",
        ["archived_at"],
        unique=False,
        postgresql_where=sa.text("status = 'Archived' AND frozen_at IS NULL"),
        sqlite_where=sa.text("status = 'Archived' AND frozen_at IS NULL"),
    )
    op.create_table(
        "uploads",
        sa.Column("org_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.String(length=128), nullable=False),
        sa.Column("object_key", sa.String(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(length=8), nullable=True),
        sa.Column("mime_type", sa.String(length=64), nullable=True),
        sa.Column("story_id", sa.Uuid(), nullable=True),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name="uploads_pk"),
        sa.UniqueConstraint("object_key", name="uploads_object_key_key"),
    )
    op.create_index("uploads_org_id_story_id", "uploads", ["org_id", "story_id"], unique=False)
    op.create_table(
        "replies",
        sa.Column("org_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("story_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.String(length=128), nullable=False),
        sa.Column("thread_id", sa.String(length=128), nullable=False),
        sa.Column("sender_id", sa.String(length=128), nullable=False),
        sa.Column("recipient_id", sa.String(length=128), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "story_id"],
            ["stories.org_id", "stories.id"],
            name="replies_org_id_story_id_fk",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name="replies_pk"),
    )
    op.create_index(
        "replies_org_id_recipient_id_created_at", "replies", ["org_id", "recipient_id", "created_at"], unique=False
    )
    op.create_index(
        "replies_org_id_sender_id_created_at", "replies", ["org_id", "sender_id", "created_at"], unique=False
    )
    op.create_index("replies_org_id_story_id_thread_id", "replies", ["org_id", "story_id", "thread_id"], unique=False)
    op.create_table(
        "story_audience",
        sa.Column("org_id", sa.String(length=64), nullable=False),
        sa.Column("story_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.String(length=128), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "story_id"],
            ["stories.org_id", "stories.id"],
            name="story_audience_org_id_story_id_fk",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "story_id", "user_id", name="story_audience_pk"),
    )
    op.create_index(
        "story_audience_org_id_user_id_story_id", "story_audience", ["org_id", "user_id", "story_id"], unique=False
    )
    op.create_table(
        "story_reactions",
        sa.Column("org_id", sa.String(length=64), nullable=False),
        sa.Column("story_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.String(length=128), nullable=False),
        sa.Column("owner_id", sa.String(length=128), nullable=False),
        sa.Column("feeling", sa.String(length=8), nullable=True),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("reacted_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "story_id"],
            ["stories.org_id", "stories.id"],
            name="story_reactions_org_id_story_id_fk",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "story_id", "user_id", name="story_reactions_pk"),
    )
    op.create_index(
        "story_reactions_org_id_user_id_story_id", "story_reactions", ["org_id", "user_id", "story_id"], unique=False
    )
    op.create_table(
        "story_stats",
        sa.Column("org_id", sa.String(length=64), nullable=False),
        sa.Column("story_id", sa.Uuid(), nullable=False),
        sa.Column("views", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("replies", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("like", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("love", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("haha", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("dislike", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("share", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "story_id"],
            ["stories.org_id", "stories.id"],
            name="story_stats_org_id_story_id_fk",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "story_id", name="story_stats_pk"),
    )
    op.create_table(
        "story_views",
        sa.Column("org_id", sa.String(length=64), nullable=False),
        sa.Column("story_id", sa.Uuid(), nullable=False),
        sa.Column("viewer_id", sa.String(length=128), nullable=False),
        sa.Column("owner_id", sa.String(length=128), nullable=False),
        sa.Column("viewed_at", Instant(), nullable=False),
        sa.Column("duration_seconds", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "story_id"],
            ["stories.org_id", "stories.id"],
            name="story_views_org_id_story_id_fk",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "story_id", "viewer_id", name="story_views_pk"),
    )
    op.create_index(
        "story_views_org_id_viewer_id_story_id", "story_views", ["org_id", "viewer_id", "story_id"], unique=False
    )


def downgrade() -> None:
    """Go one step back."""
    op.drop_index("story_views_org_id_viewer_id_story_id", table_name="story_views")
    op.drop_table("story_views")
    op.drop_table("story_stats")
    op.drop_index("story_reactions_org_id_user_id_story_id", table_name="story_reactions")
    op.drop_table("story_reactions")
    op.drop_index("story_audience_org_id_user_id_story_id", table_name="story_audience")
    op.drop_table("story_audience")
    op.drop_index("replies_org_id_story_id_thread_id", table_name="replies")
    op.drop_index("replies_org_id_sender_id_created_at", table_name="replies")
    op.drop_index("replies_org_id_recipient_id_created_at", table_name="replies")
    op.drop_table("replies")
    op.drop_index("uploads_org_id_story_id", table_name="uploads")
    op.drop_table("uploads")
    op.drop_index(
        "stories_unfrozen",
        table_name="stories",
        postgresql_where=sa.text("status = 'Archived' AND frozen_at IS NULL"),
        sqlite_where=sa.text("status = 'Archived' AND frozen_at IS NULL"),
    )
    op.drop_index(
        "stories_processing",
        table_name="stories",
        postgresql_where=sa.text("status = 'Processing'"),
        sqlite_where=sa.text("status = 'Processing'"),
    )
    op.drop_index(
        "stories_never_seen",
        table_name="stories",
        postgresql_where=sa.text("status = 'Archived' AND published_at IS NULL"),
        sqlite_where=sa.text("status = 'Archived' AND published_at IS NULL"),
    )
    op.drop_index("stories_history", table_name="stories")
    op.drop_index(
        "stories_due",
        table_name="stories",
        postgresql_where=sa.text("status <> 'Archived'"),
        sqlite_where=sa.text("status <> 'Archived'"),
    )
    op.drop_index(
        "stories_archived_media",
        table_name="stories",
        postgresql_where=sa.text("status = 'Archived' AND media_key IS NOT NULL"),
        sqlite_where=sa.text("status = 'Archived' AND media_key IS NOT NULL"),
    )
    op.drop_index(
        "stories_active",
        table_name="stories",
        postgresql_where=sa.text("status = 'Active'"),
        postgresql_include=["id", "expires_at", "visibility"],
        sqlite_where=sa.text("status = 'Active'"),
    )
    op.drop_table("stories")
    op.drop_table("profiles")
    op.drop_index(
        "outbox_waiting",
        table_name="outbox",
        postgresql_where=sa.text("published_at IS NULL"),
        sqlite_where=sa.text("published_at IS NULL"),
    )
    op.drop_table("outbox")
    op.drop_index(
        "objects_delete_after",
        table_name="objects",
        postgresql_where=sa.text("delete_after IS NOT NULL"),
        sqlite_where=sa.text("delete_after IS NOT NULL"),
    )
    op.drop_table("objects")
    op.drop_table("mutes")
    op.drop_index("friendships_org_id_friend_id_user_id", table_name="friendships")
    op.drop_table("friendships")
    op.drop_table("close_friends")
    op.drop_index("blocks_org_id_target_id_user_id", table_name="blocks")
    op.drop_table("blocks")

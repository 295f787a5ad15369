"""The tables. Every key begins with the organisation: nothing of one is ever found by the key of another."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from infrastructure.sql.dialect import Instant

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s",
        "fk": "%(table_name)s_%(column_0_N_name)s_fk",
        "pk": "%(table_name)s_pk",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
    }
)

_Json = JSON().with_variant(JSONB(), "postgresql")
_JsonOrNull = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_Position = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by INTEGER keys only


def _org() -> Column[str]:
    return Column("org_id", String(64), primary_key=True)


def _of_story(**options: Any) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["org_id", "story_id"], ["stories.org_id", "stories.id"], ondelete="CASCADE", **options)


profiles = Table(
    "profiles",
    metadata,
    _org(),
    Column("user_id", String(128), primary_key=True),
    Column("username", String),
    Column("full_name", String),
    Column("given_name", String),
    Column("family_name", String),
    Column("avatar_url", String),
    Column("email", String),
    Column("company", String),
    Column("job_title", String),
    Column("told_at", Instant, nullable=False),
)

stories = Table(
    "stories",
    metadata,
    _org(),
    Column("id", Uuid, primary_key=True),
    Column("owner_id", String(128), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("status", String(12), nullable=False),
    Column("version", Integer, nullable=False),
    Column("visibility", String(16), nullable=False),
    Column("caption", String),
    Column("content", String),
    Column("background_color", String(7)),
    Column("overlays", _Json, nullable=False),
    Column("lifetime_seconds", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("published_at", Instant),
    Column("archived_at", Instant),
    Column("archive_reason", String(12)),
    Column("failure_reason", String(32)),
    Column("changed_at", Instant),
    Column("page", String(128)),
    Column("media_url", String),
    Column("media_file_id", Uuid),
    Column("media_key", String),
    Column("thumbnail_key", String),
    Column("poster_key", String),
    Column("mime_type", String(64)),
    Column("width", Integer),
    Column("height", Integer),
    Column("placeholder", String),
    Column("duration_seconds", Float),
    Column("insights", _Json),
    Column("frozen_at", Instant),
    Column("processing_due_at", Instant),
    Column("processing_held_until", Instant),
    Column("processing_attempts", Integer, nullable=False, server_default=text("0")),
    Column("processing_percent", Integer, nullable=False, server_default=text("0")),
    # Feeds and profiles read active stories only; the index holds all they need to choose.
    Index(
        "stories_active",
        "org_id",
        "owner_id",
        text("created_at DESC"),
        postgresql_where=text("status = 'Active'"),
        postgresql_include=["id", "expires_at", "visibility"],
        sqlite_where=text("status = 'Active'"),
    ),
    # The community reads the active stories of everybody, or of a page, newest first.
    Index(
        "stories_newest",
        "org_id",
        text("created_at DESC"),
        text("id DESC"),
        postgresql_where=text("status = 'Active'"),
        sqlite_where=text("status = 'Active'"),
    ),
    Index(
        "stories_of_page",
        "org_id",
        "page",
        text("created_at DESC"),
        text("id DESC"),
        postgresql_where=text("status = 'Active' AND page IS NOT NULL"),
        sqlite_where=text("status = 'Active' AND page IS NOT NULL"),
    ),
    Index("stories_history", "org_id", "owner_id", text("created_at DESC"), text("id DESC")),
    # What is done with somebody's stories is looked for in those of which it is still known.
    Index(
        "stories_known",
        "org_id",
        "owner_id",
        "id",
        postgresql_where=text("frozen_at IS NULL"),
        sqlite_where=text("frozen_at IS NULL"),
    ),
    Index(
        "stories_due",
        "expires_at",
        postgresql_where=text("status <> 'Archived'"),
        sqlite_where=text("status <> 'Archived'"),
    ),
    Index(
        "stories_unfrozen",
        "archived_at",
        postgresql_where=text("status = 'Archived' AND frozen_at IS NULL"),
        sqlite_where=text("status = 'Archived' AND frozen_at IS NULL"),
    ),
    Index(
        "stories_archived_media",
        "archived_at",
        postgresql_where=text("status = 'Archived' AND media_key IS NOT NULL"),
        sqlite_where=text("status = 'Archived' AND media_key IS NOT NULL"),
    ),
    Index(
        "stories_never_seen",
        "archived_at",
        postgresql_where=text("status = 'Archived' AND published_at IS NULL"),
        sqlite_where=text("status = 'Archived' AND published_at IS NULL"),
    ),
    Index(
        "stories_processing",
        "processing_due_at",
        postgresql_where=text("status = 'Processing'"),
        sqlite_where=text("status = 'Processing'"),
    ),
)

story_audience = Table(
    "story_audience",
    metadata,
    _org(),
    Column("story_id", Uuid, primary_key=True),
    Column("user_id", String(128), primary_key=True),
    _of_story(),
    Index(None, "org_id", "user_id", "story_id"),
)

# Whom a story was for until its event of this version took it from them; a row without a user: all it was open to.
past_audiences = Table(
    "past_audiences",
    metadata,
    _org(),
    Column("story_id", Uuid, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("user_id", String(128), primary_key=True),
    Column("owner_id", String(128), nullable=False),
    Column("visibility", String(16), nullable=False),
    Column("ended_at", Instant, nullable=False),
    Index(None, "ended_at"),
    Index(None, "org_id", "user_id"),
)

# Narrow and apart from the story, so that a story much watched is not written again and again.
story_stats = Table(
    "story_stats",
    metadata,
    _org(),
    Column("story_id", Uuid, primary_key=True),
    *(
        Column(name, Integer, nullable=False, server_default=text("0"))
        for name in ("views", "replies", "like", "love", "haha", "dislike", "share")
    ),
    _of_story(),
)

story_views = Table(
    "story_views",
    metadata,
    _org(),
    Column("story_id", Uuid, primary_key=True),
    Column("viewer_id", String(128), primary_key=True),
    Column("owner_id", String(128), nullable=False),
    Column("viewed_at", Instant, nullable=False),
    Column("duration_seconds", Float, nullable=False),
    _of_story(),
    Index(None, "org_id", "viewer_id", "story_id"),
)

story_reactions = Table(
    "story_reactions",
    metadata,
    _org(),
    Column("story_id", Uuid, primary_key=True),
    Column("user_id", String(128), primary_key=True),
    Column("owner_id", String(128), nullable=False),
    Column("feeling", String(8)),
    Column("shared", Boolean, nullable=False),
    Column("reacted_at", Instant, nullable=False),
    _of_story(),
    Index(None, "org_id", "user_id", "story_id"),
)

replies = Table(
    "replies",
    metadata,
    _org(),
    Column("id", Uuid, primary_key=True),
    Column("story_id", Uuid, nullable=False),
    Column("owner_id", String(128), nullable=False),
    Column("thread_id", String(128), nullable=False),
    Column("sender_id", String(128), nullable=False),
    Column("recipient_id", String(128), nullable=False),
    Column("content", String, nullable=False),
    Column("created_at", Instant, nullable=False),
    _of_story(),
    Index(None, "org_id", "story_id", "thread_id"),
    Index(None, "org_id", "sender_id", "created_at"),
    Index(None, "org_id", "recipient_id", "created_at"),
)

# What one has given the stories of another that are over; see affinities.py for the unit.
affinities = Table(
    "affinities",
    metadata,
    _org(),
    Column("actor_id", String(128), primary_key=True),
    Column("owner_id", String(128), primary_key=True),
    Column("points", Float, nullable=False),
    Column("engaged", Float, nullable=False),
    Column("chances", Float, nullable=False),
    Index(None, "org_id", "owner_id", "actor_id"),
)

# One row for each of the two who has said so; confirmed once both have.
friendships = Table(
    "friendships",
    metadata,
    _org(),
    Column("user_id", String(128), primary_key=True),
    Column("friend_id", String(128), primary_key=True),
    Column("confirmed", Boolean, nullable=False),
    Index(None, "org_id", "friend_id", "user_id"),
)

close_friends = Table(
    "close_friends",
    metadata,
    _org(),
    Column("user_id", String(128), primary_key=True),
    Column("friend_id", String(128), primary_key=True),
    Index(None, "org_id", "friend_id"),
)

mutes = Table(
    "mutes",
    metadata,
    _org(),
    Column("user_id", String(128), primary_key=True),
    Column("target_id", String(128), primary_key=True),
    Index(None, "org_id", "target_id"),
)

blocks = Table(
    "blocks",
    metadata,
    _org(),
    Column("user_id", String(128), primary_key=True),
    Column("target_id", String(128), primary_key=True),
    Column("reason", String),
    Column("created_at", Instant),
    Index(None, "org_id", "target_id", "user_id"),
)

# What people have told the moderators: of one target everybody has one open report at most. They outlive what they are
# of, and so refer to it by no foreign key.
reports = Table(
    "reports",
    metadata,
    _org(),
    Column("id", Uuid, primary_key=True),
    Column("target_type", String(8), nullable=False),
    Column("target_id", String(128), nullable=False),
    Column("subject_id", String(128), nullable=False),
    Column("reporter_id", String(128), nullable=False),
    Column("reason", String, nullable=False),
    Column("details", String),
    Column("status", String(12), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("closed_by", String(128)),
    Column("closed_at", Instant),
    Index(
        "reports_open",
        "org_id",
        "target_type",
        "target_id",
        "reporter_id",
        unique=True,
        postgresql_where=text("status = 'open'"),
        sqlite_where=text("status = 'open'"),
    ),
    Index(None, "org_id", "reporter_id"),
    Index(None, "org_id", "subject_id"),
    Index("reports_oldest", "org_id", "created_at", "id"),
    Index("reports_of_status", "org_id", "status", "created_at", "id"),
)

moderation_audit = Table(
    "moderation_audit",
    metadata,
    _org(),
    Column("id", Uuid, primary_key=True),
    Column("actor_id", String(128), nullable=False),
    Column("act", String(16), nullable=False),
    Column("target_type", String(8), nullable=False),
    Column("target_id", String(128), nullable=False),
    Column("report_id", Uuid),
    Column("outcome", String(16), nullable=False),
    Column("created_at", Instant, nullable=False),
    Index(None, "org_id", "actor_id"),
    Index("moderation_audit_newest", "org_id", text("created_at DESC"), text("id DESC")),
)

uploads = Table(
    "uploads",
    metadata,
    _org(),
    Column("id", Uuid, primary_key=True),
    Column("owner_id", String(128), nullable=False),
    Column("object_key", String, unique=True),
    Column("size", BigInteger),
    Column("kind", String(8)),
    Column("mime_type", String(64)),
    Column("story_id", Uuid),
    Column("expires_at", Instant, nullable=False),
    Index(None, "org_id", "story_id"),
    Index(None, "org_id", "owner_id"),
)

# Every object that is, or may be, in the object store. NULL: in use. An erasure waits for those that were the person's.
objects = Table(
    "objects",
    metadata,
    Column("object_key", String, primary_key=True),
    Column("org_id", String(64), nullable=False),
    Column("delete_after", Instant),
    Column("erased_for", String(128)),
    Index(
        "objects_of_erased",
        "org_id",
        "erased_for",
        postgresql_where=text("erased_for IS NOT NULL"),
        sqlite_where=text("erased_for IS NOT NULL"),
    ),
    Index(
        None,
        "delete_after",
        postgresql_where=text("delete_after IS NOT NULL"),
        sqlite_where=text("delete_after IS NOT NULL"),
    ),
)

# Counted only where there are quotas. The row of all together has no user's id.
postings = Table(
    "postings",
    metadata,
    _org(),
    Column("user_id", String(128), primary_key=True),
    Column("day", Date, nullable=False),
    Column("stories", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
)

# What the first of requests with one key was answered; the key is the client's.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    _org(),
    Column("user_id", String(128), primary_key=True),
    Column("route", String, primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("refused", Boolean, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("answered_at", Instant, nullable=False),
    Index(None, "answered_at"),
)

# People to be erased; gone as soon as nothing is left of them.
erasures = Table(
    "erasures",
    metadata,
    _org(),
    Column("user_id", String(128), primary_key=True),
    Column("requested_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Index(None, "due_at"),
)

# `number` is the order of writing, `position` the order of reading; whoever reads sees positions appear in their order.
outbox = Table(
    "outbox",
    metadata,
    Column("number", _Position, primary_key=True, autoincrement=True),
    Column("org_id", String(64), nullable=False),
    Column("event_id", Uuid, nullable=False, unique=True),
    Column("story_id", Uuid),
    Column("subject", String(128), nullable=False),
    Column("type", String(32), nullable=False),
    Column("version", Integer),
    Column("occurred_at", Instant, nullable=False),
    Column("data", _Json, nullable=False),
    Column("position", BigInteger),
    Column("published_at", Instant),
    Index(
        "outbox_unsequenced", "number", postgresql_where=text("position IS NULL"), sqlite_where=text("position IS NULL")
    ),
    Index(
        "outbox_waiting",
        "number",
        postgresql_where=text("published_at IS NULL"),
        sqlite_where=text("published_at IS NULL"),
    ),
    Index(None, "position", unique=True),
    Index(None, "org_id", "position"),
    sqlite_autoincrement=True,
)

# The rows of what reads the events of all organisations have none.
event_cursors = Table(
    "event_cursors",
    metadata,
    _org(),
    Column("name", String(64), primary_key=True),
    Column("position", BigInteger, nullable=False),
)

# Where other services want to be told of events. A turn to send to one is somebody's as long as its lease lasts.
webhooks = Table(
    "webhooks",
    metadata,
    _org(),
    Column("id", Uuid, primary_key=True),
    Column("url", String, nullable=False),
    Column("types", _JsonOrNull),
    Column("secret", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("lost_to", BigInteger, nullable=False, server_default=text("0")),
    Column("attempts", Integer, nullable=False),
    Column("failing_since", Instant),
    Column("due_at", Instant, nullable=False),
    Column("given_up", Integer, nullable=False),
    Column("disabled", String(8)),
    Column("replaying", Boolean, nullable=False),
    Column("sent", BigInteger, nullable=False, server_default=text("0")),
    Column("lease", Uuid),
    Column("leased_until", Instant),
    Index(
        "webhooks_due",
        "due_at",
        postgresql_where=text("disabled IS NULL"),
        sqlite_where=text("disabled IS NULL"),
    ),
)

# The last that were sent to each, and those that were given up; ids, and no words.
webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    _org(),
    Column("webhook_id", Uuid, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    Column("event_id", Uuid),
    Column("type", String(32)),
    Column("status", String(12), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("sent_at", Instant, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("http_status", Integer),
    Column("reason", String(32)),
    ForeignKeyConstraint(["org_id", "webhook_id"], ["webhooks.org_id", "webhooks.id"], ondelete="CASCADE"),
    Index(
        "webhook_deliveries_dead",
        "org_id",
        "webhook_id",
        "status",
        "position",
        postgresql_where=text("status IN ('dead', 'queued')"),
        sqlite_where=text("status IN ('dead', 'queued')"),
    ),
)

# When upkeep is next due, whichever of the schedulers then does it; the rows are of no organisation.
upkeep_runs = Table(
    "upkeep_runs",
    metadata,
    _org(),
    Column("name", String(64), primary_key=True),
    Column("due_at", Instant, nullable=False),
)

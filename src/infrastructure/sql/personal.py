"""What is kept about people: every column that names somebody, what an export tells of it, what an erasure does.

A column that is not here fails a test: whoever adds a table decides both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, case, literal

from domain.friendship import FriendshipStatus
from infrastructure.sql.affinities import affinities_now
from infrastructure.sql.tables import (
    affinities,
    blocks,
    close_friends,
    erasures,
    friendships,
    idempotency_keys,
    moderation_audit,
    mutes,
    objects,
    outbox,
    past_audiences,
    postings,
    profiles,
    replies,
    reports,
    stories,
    story_audience,
    story_reactions,
    story_views,
    uploads,
)


@dataclass(frozen=True, slots=True)
class Told:
    """What an export tells of the rows that name a person.

    Attributes:
        type: of its records.
        order: the columns that, with the organisation and the person, are the key of a row; pages go by them.
        shows: what a record holds, by name.
        where: of these rows, those that are told of.
    """

    type: str
    order: tuple[Column[Any], ...]
    shows: Mapping[str, ColumnElement[Any]]
    where: ColumnElement[bool] | None = None


class Erasure(Enum):
    """What an erasure does with the rows that name a person in a column."""

    ROWS = auto()
    """They are deleted."""
    STORIES = auto()
    """They are stories of the person: deleted one by one, with their event, and their bytes."""
    ELSEWHERE = auto()
    """They are gone by the rule of another column: they hang on a story, or name the person there too."""
    VIEWS = auto()
    """They are deleted, and no longer count."""
    REACTIONS = auto()
    """As `VIEWS`."""
    REPLIES = auto()
    """As `VIEWS`."""
    LISTS = auto()
    """They are deleted; a story whose list is empty by that is for its owner alone."""
    UPLOADS = auto()
    """They are deleted, and the bytes go to the bin."""
    BYTES = auto()
    """They stand for bytes in the bin, and are gone when these are."""
    LAST = auto()
    """They say that there is something to erase: gone when nothing is left."""
    KEPT = auto()
    """They stay."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a column that names people means for their rights.

    Attributes:
        told: what an export tells of it, or why it tells nothing.
    """

    erasure: Erasure
    told: Told | str


_CARDS: Final = "told as their owner sees them, by a statement of their own"
_OF_STORY: Final = "told with the story, as a number; who it was has it told as theirs"
_SECRET: Final = "what others did for themselves is theirs"  # noqa: S105 - no password
_OFFICE: Final = "an id in the trail of what moderators did, which is not theirs to lose"
_EVENTS: Final = "ids of what the rest tells in full"


def _replies(kind: str, side: Column[str]) -> Told:
    return Told(
        kind,
        (replies.c.created_at, replies.c.id),
        {
            "replyId": replies.c.id,
            "storyId": replies.c.story_id,
            "userId": side,
            "content": replies.c.content,
            "createdAt": replies.c.created_at,
        },
    )


RULES: Final[Mapping[Column[Any], Rule]] = {
    profiles.c.user_id: Rule(
        Erasure.ROWS,
        Told(
            "profile",
            (),
            {
                "username": profiles.c.username,
                "fullName": profiles.c.full_name,
                "givenName": profiles.c.given_name,
                "familyName": profiles.c.family_name,
                "avatarUrl": profiles.c.avatar_url,
                "email": profiles.c.email,
                "company": profiles.c.company,
                "jobTitle": profiles.c.job_title,
                "toldAt": profiles.c.told_at,
            },
        ),
    ),
    stories.c.owner_id: Rule(Erasure.STORIES, _CARDS),
    friendships.c.user_id: Rule(
        Erasure.ROWS,
        Told(
            "friendship",
            (friendships.c.friend_id,),
            {
                "userId": friendships.c.friend_id,
                "status": case(
                    (friendships.c.confirmed, literal(FriendshipStatus.CONFIRMED.value)),
                    else_=literal(FriendshipStatus.REQUESTED.value),
                ),
            },
        ),
    ),
    affinities.c.actor_id: Rule(
        Erasure.ROWS,
        Told("affinity", (affinities.c.owner_id,), {"userId": affinities.c.owner_id, **affinities_now()}),
    ),
    affinities.c.owner_id: Rule(Erasure.ROWS, _SECRET),
    friendships.c.friend_id: Rule(
        Erasure.ROWS,
        Told(
            "friendship",
            (friendships.c.user_id,),
            {"userId": friendships.c.user_id, "status": literal(FriendshipStatus.PENDING.value)},
            where=~friendships.c.confirmed,
        ),
    ),
    close_friends.c.user_id: Rule(
        Erasure.ROWS, Told("closeFriend", (close_friends.c.friend_id,), {"userId": close_friends.c.friend_id})
    ),
    close_friends.c.friend_id: Rule(Erasure.ROWS, _SECRET),
    mutes.c.user_id: Rule(Erasure.ROWS, Told("mute", (mutes.c.target_id,), {"userId": mutes.c.target_id})),
    mutes.c.target_id: Rule(Erasure.ROWS, _SECRET),
    blocks.c.user_id: Rule(
        Erasure.ROWS,
        Told(
            "block",
            (blocks.c.target_id,),
            {"userId": blocks.c.target_id, "reason": blocks.c.reason, "createdAt": blocks.c.created_at},
        ),
    ),
    blocks.c.target_id: Rule(Erasure.ROWS, _SECRET),
    story_audience.c.user_id: Rule(Erasure.LISTS, _SECRET),
    uploads.c.owner_id: Rule(
        Erasure.UPLOADS,
        Told(
            "upload",
            (uploads.c.id,),
            {
                "mediaFileId": uploads.c.id,
                "size": uploads.c.size,
                "kind": uploads.c.kind,
                "mimeType": uploads.c.mime_type,
                "storyId": uploads.c.story_id,
                "expiresAt": uploads.c.expires_at,
            },
        ),
    ),
    story_views.c.viewer_id: Rule(
        Erasure.VIEWS,
        Told(
            "view",
            (story_views.c.story_id,),
            {
                "storyId": story_views.c.story_id,
                "ownerId": story_views.c.owner_id,
                "viewedAt": story_views.c.viewed_at,
                "viewDurationSeconds": story_views.c.duration_seconds,
            },
        ),
    ),
    story_views.c.owner_id: Rule(Erasure.ELSEWHERE, _OF_STORY),
    story_reactions.c.user_id: Rule(
        Erasure.REACTIONS,
        Told(
            "reaction",
            (story_reactions.c.story_id,),
            {
                "storyId": story_reactions.c.story_id,
                "ownerId": story_reactions.c.owner_id,
                "reaction": story_reactions.c.feeling,
                "shared": story_reactions.c.shared,
                "reactedAt": story_reactions.c.reacted_at,
            },
        ),
    ),
    story_reactions.c.owner_id: Rule(Erasure.ELSEWHERE, _OF_STORY),
    replies.c.sender_id: Rule(Erasure.REPLIES, _replies("replySent", replies.c.recipient_id)),
    replies.c.recipient_id: Rule(Erasure.REPLIES, _replies("replyReceived", replies.c.sender_id)),
    postings.c.user_id: Rule(
        Erasure.ROWS,
        Told("posted", (), {"day": postings.c.day, "stories": postings.c.stories, "bytes": postings.c.size}),
    ),
    idempotency_keys.c.user_id: Rule(
        Erasure.ROWS,
        Told(
            "request",
            (idempotency_keys.c.route, idempotency_keys.c.key),
            {
                "route": idempotency_keys.c.route,
                "key": idempotency_keys.c.key,
                "answeredAt": idempotency_keys.c.answered_at,
                "answer": idempotency_keys.c.answer,
            },
            # Whoever it was created for by name: its secret is the organisation's, and shown once.
            where=idempotency_keys.c.route != "POST /api/webhooks",
        ),
    ),
    replies.c.owner_id: Rule(Erasure.ELSEWHERE, "one of the two sides"),
    replies.c.thread_id: Rule(Erasure.ELSEWHERE, "one of the two sides"),
    reports.c.reporter_id: Rule(
        Erasure.ROWS,
        Told(
            "report",
            (reports.c.id,),
            {
                "reportId": reports.c.id,
                "targetType": reports.c.target_type,
                "targetId": reports.c.target_id,
                "reason": reports.c.reason,
                "details": reports.c.details,
                "createdAt": reports.c.created_at,
            },
        ),
    ),
    reports.c.subject_id: Rule(Erasure.ROWS, _SECRET),
    reports.c.target_id: Rule(Erasure.ELSEWHERE, "whom `subject_id` names as well, or a story"),
    reports.c.closed_by: Rule(Erasure.KEPT, _OFFICE),
    moderation_audit.c.actor_id: Rule(
        Erasure.KEPT,
        Told(
            "moderation",
            (moderation_audit.c.id,),
            {
                "action": moderation_audit.c.act,
                "targetType": moderation_audit.c.target_type,
                "targetId": moderation_audit.c.target_id,
                "outcome": moderation_audit.c.outcome,
                "createdAt": moderation_audit.c.created_at,
            },
        ),
    ),
    moderation_audit.c.target_id: Rule(Erasure.KEPT, _OFFICE),
    objects.c.erased_for: Rule(Erasure.BYTES, "only while an erasure waits for them"),
    erasures.c.user_id: Rule(Erasure.LAST, Told("erasure", (), {"requestedAt": erasures.c.requested_at})),
    outbox.c.subject: Rule(Erasure.KEPT, _EVENTS),
    past_audiences.c.user_id: Rule(Erasure.ROWS, _SECRET),
    past_audiences.c.owner_id: Rule(Erasure.KEPT, _EVENTS),
}
"""Every column that names people, in the order in which an export tells of it and an erasure goes through them."""

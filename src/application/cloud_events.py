"""Events as other services read them: CloudEvents 1.0 in JSON, the same bytes by whichever way they come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Struct, UnsetType

from application.ports.events import SequencedEvent
from application.queries.times import Timestamp, timestamp
from domain import events
from domain.events import Event

SCHEMAS_PATH: Final = "/schema/events.json"
"""Where the schemas of all types are, below the address of the service."""

_Kind = Literal["image", "video", "text"]
_Visibility = Literal["Public", "Friends", "CloseFriends", "OnlyMe", "Custom"]
_Reaction = Literal["like", "love", "haha", "dislike", "share"]


class StoryCreatedData(Struct, frozen=True, kw_only=True, rename="camel"):
    """A story was posted; if it holds media, it is being processed."""

    owner_id: str
    kind: _Kind
    visibility: _Visibility
    expires_at: Timestamp


class StoryPublishedData(Struct, frozen=True, kw_only=True, rename="camel"):
    """A story became visible to its audience."""

    owner_id: str
    kind: _Kind
    visibility: _Visibility
    expires_at: Timestamp


class StoryProcessingFailedData(Struct, frozen=True, kw_only=True, rename="camel"):
    """The uploaded file could not be made into a story."""

    owner_id: str
    reason: str


class StoryUpdatedData(Struct, frozen=True, kw_only=True, rename="camel"):
    """The owner changed caption, overlays or audience; which, and not to what."""

    owner_id: str
    changed: list[str]
    visibility: _Visibility


class StoryArchivedData(Struct, frozen=True, kw_only=True, rename="camel"):
    """A story left every feed; its owner still finds it in the archive."""

    owner_id: str
    reason: Literal["manual", "expired", "moderation"]


class StoryDeletedData(Struct, frozen=True, kw_only=True, rename="camel"):
    """A story is gone for good."""

    owner_id: str


class StoryViewedData(Struct, frozen=True, kw_only=True, rename="camel"):
    """Somebody saw the story for the first time."""

    owner_id: str
    viewer_id: str


class StoryReactedData(Struct, frozen=True, kw_only=True, rename="camel"):
    """Somebody's reaction to the story is new or another than before."""

    owner_id: str
    user_id: str
    reaction: _Reaction


class StoryReactionRemovedData(Struct, frozen=True, kw_only=True, rename="camel"):
    """Somebody took a reaction back."""

    owner_id: str
    user_id: str
    reaction: _Reaction


class StoryRepliedData(Struct, frozen=True, kw_only=True, rename="camel"):
    """Somebody wrote to the owner about the story, or the owner answered; the words are not told."""

    owner_id: str
    reply_id: UUID
    sender: str
    recipient: str


class UserErasedData(Struct, frozen=True, kw_only=True, rename="camel"):
    """Nothing is left of a person; who keeps something about them forgets it now."""

    user_id: str


DATA: Final[Mapping[type[Event], type[Struct]]] = {
    events.StoryCreated: StoryCreatedData,
    events.StoryPublished: StoryPublishedData,
    events.StoryProcessingFailed: StoryProcessingFailedData,
    events.StoryUpdated: StoryUpdatedData,
    events.StoryArchived: StoryArchivedData,
    events.StoryDeleted: StoryDeletedData,
    events.StoryViewed: StoryViewedData,
    events.StoryReacted: StoryReactedData,
    events.StoryReactionRemoved: StoryReactionRemovedData,
    events.StoryReplied: StoryRepliedData,
    events.UserErased: UserErasedData,
}
"""What each event tells, as it is written into the outbox."""

_SCHEMAS: Final = {event.type: data.__name__ for event, data in DATA.items()}


class CloudEvent(Struct, frozen=True, kw_only=True):
    """An event.

    Attributes:
        id: the same however often, and by whichever way, it comes.
        source: the address of the service.
        subject: the id of the story, or of the user if it is about a person.
        time: when it happened.
        dataschema: where the schema of `data` is.
        orgid: the organisation it happened in.
        position: rises from each event to the next, over all organisations; read on from here.
        version: of the story after this change, in its life-cycle events; rises by one with each.
    """

    specversion: Literal["1.0"] = "1.0"
    id: UUID
    source: str
    type: str
    subject: str
    time: Timestamp
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str
    orgid: str
    position: int
    version: int | UnsetType = UNSET
    data: Mapping[str, Any]


def cloud_event(event: SequencedEvent, source: str) -> bytes:
    """An event in JSON.

    Args:
        event: as it was written.
        source: the address of the service, without a slash at its end.
    """
    return msgspec.json.encode(
        CloudEvent(
            id=event.id,
            source=source,
            type=event.type,
            subject=event.subject,
            time=timestamp(event.at),
            dataschema=f"{source}{SCHEMAS_PATH}#/$defs/{_SCHEMAS[event.type]}",
            orgid=event.org,
            position=event.position,
            version=UNSET if event.version is None else event.version,
            data=event.data,
        )
    )

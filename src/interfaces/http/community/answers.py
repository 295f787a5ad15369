"""Answers of the community API that are no records: bare, without an envelope."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import UNSET, Struct, UnsetType

from application.queries.times import Timestamp
from domain.engagement import Reaction
from domain.values import StoryId, UserId
from interfaces.http.community.bodies import STORY


class Succeeded(Struct, frozen=True, kw_only=True):
    """It was done."""

    success: bool = True


class BlockAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """A block that stands.

    Attributes:
        reason: the first that was given.
        created_at: null where it was not written down yet.
    """

    target_id: UserId
    reason: str | None
    created_at: Timestamp | None


class Reacted(Struct, frozen=True, kw_only=True, rename="camel"):
    """What the caller said, and how many have said what, without zeros."""

    target_type: str = STORY
    target_id: StoryId
    reaction: Reaction
    reaction_counts: Mapping[Reaction, int]


class ReactionTakenBack(Struct, frozen=True, kw_only=True, rename="camel"):
    """It was taken back; how many still say what, without zeros."""

    success: bool = True
    target_type: str = STORY
    target_id: StoryId
    reaction_counts: Mapping[Reaction, int]


class ReactionCounts(Struct, frozen=True, kw_only=True, rename="camel"):
    """How many have said what, without zeros; to those who send a token also what they said themselves."""

    target_type: str = STORY
    target_id: StoryId
    reaction_counts: Mapping[Reaction, int]
    my_reaction: Reaction | UnsetType | None = UNSET
    shared: bool | UnsetType = UNSET

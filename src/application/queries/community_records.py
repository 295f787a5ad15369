"""The record: how a story looks on the community API, in one shape everywhere; null is not applicable."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import UNSET, Struct, UnsetType

from application.queries.times import Timestamp
from domain.content import Kind
from domain.engagement import Reaction
from domain.values import PageId, StoryId, UserId


class AuthorInfo(Struct, frozen=True, kw_only=True, rename="camel"):
    """An author, as their token told.

    Attributes:
        first_name: the given name; the whole name where the token tells no part of it.
    """

    first_name: str | None
    last_name: str | None
    image: str | None
    company: str | None
    job_title: str | None
    user_id: UserId


class CommunityContent(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a story shows.

    Attributes:
        url: where linked media lie; of an upload, a link signed for this reader.
    """

    type: Kind
    url: str | None
    caption: str | None
    text: str | None
    background_color: str | None


class CommunityView(Struct, frozen=True, kw_only=True):
    """Who saw a story, and when first; the user id in place of an e-mail that is not known."""

    email: str
    timestamp: Timestamp


class CommunityStoryData(Struct, frozen=True, kw_only=True, rename="camel"):
    """A story, as one reader sees it now.

    Attributes:
        author: the e-mail of the author, or their user id.
        duration: whole seconds of life.
        reaction_counts: by kind, without zeros.
        views: the latest of them, oldest first; there for the author and for admins alone.
    """

    author: str
    author_info: AuthorInfo
    page: PageId | None
    content: CommunityContent
    duration: int
    created_at: Timestamp
    expires_at: Timestamp
    view_count: int
    reaction_counts: Mapping[Reaction, int]
    is_viewed: bool
    my_reaction: Reaction | None
    views: tuple[CommunityView, ...] | UnsetType = UNSET


class CommunityStory(Struct, frozen=True, kw_only=True):
    """A story as a record.

    Attributes:
        sk: organisation, datatype and id.
        state: the status in lower case, by the clock.
        version: rises by one with every change of the story itself.
        modifydate: when the last of these was.
    """

    pk: StoryId
    sk: str
    id: StoryId
    datatype: str = "community_story"
    version: int
    state: str
    createdate: Timestamp
    modifydate: Timestamp
    author: str
    data: CommunityStoryData


class CommunityGroup(Struct, frozen=True, kw_only=True, rename="camel"):
    """The active stories of one author, oldest first.

    Attributes:
        has_unseen: whether the reader has not viewed them all; of one's own, false.
    """

    author: str
    author_info: AuthorInfo
    has_unseen: bool
    stories: tuple[CommunityStory, ...]

"""List the community: everybody's active stories that the caller sees, grouped by author."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from msgspec import Struct

from application.caller import Caller
from application.queries.community_records import CommunityGroup
from application.queries.get_recommended_feed import CursorInvalidError
from domain.values import PageId, StoryId

GROUPS_MAX: Final = 1_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_CURSOR = re.compile(r"([0-9a-f]{1,11})-([0-9a-f]{32})")


class ListCommunityStories(Struct, frozen=True, kw_only=True):
    """Ask for groups, by their newest story first.

    Attributes:
        page: only what was posted to this community page; None: everything.
        cursor: where the answer before has ended; None: from the start.
    """

    caller: Caller
    page: PageId | None = None
    cursor: str | None = None


class GroupPosition(Struct, frozen=True):
    """Where a group stands among all: by the newest story of it."""

    created_at: datetime
    story_id: StoryId


class CommunityGroups(Struct, frozen=True, kw_only=True):
    """A part of the community.

    Attributes:
        next_cursor: where the next part begins; None: this is the last.
    """

    groups: tuple[CommunityGroup, ...]
    next_cursor: str | None


class CommunityReader(Protocol):
    """Reads the community."""

    async def groups(
        self, caller: Caller, *, page: PageId | None, after: GroupPosition | None, limit: int
    ) -> tuple[tuple[CommunityGroup, ...], GroupPosition | None]:
        """Groups of what the caller may see now, of authors they have not muted, by the newest story first.

        With them the position of the last one, if there are more after it.
        """


@dataclass(frozen=True, slots=True)
class ListCommunityStoriesHandler:
    """Lists 1,000 authors at a time; a newer story moves its author to the front, and none is listed twice."""

    reader: CommunityReader

    async def __call__(self, query: ListCommunityStories) -> CommunityGroups:
        """List them.

        Raises:
            CursorInvalidError: a cursor of no form that is known.
        """
        after = None if query.cursor is None else _position(query.cursor)
        groups, last = await self.reader.groups(query.caller, page=query.page, after=after, limit=GROUPS_MAX)
        return CommunityGroups(groups=groups, next_cursor=None if last is None else _cursor(last))


def _cursor(position: GroupPosition) -> str:
    return f"{(position.created_at - _EPOCH) // _MILLISECOND:x}-{position.story_id.hex}"


def _position(cursor: str) -> GroupPosition:
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise CursorInvalidError("cursor", "Not a cursor of this list")
    return GroupPosition(_EPOCH + int(match[1], 16) * _MILLISECOND, StoryId(UUID(match[2])))

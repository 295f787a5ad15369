"""List the caller's friends and requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct

from application.caller import Caller
from application.queries.cards import pages
from domain.friendship import FriendshipStatus
from domain.values import UserId


class ListFriends(Struct, frozen=True, kw_only=True):
    """Ask for the caller's friends and requests, both ways."""

    caller: Caller
    page: int
    page_size: int


class Friend(Struct, frozen=True, kw_only=True, rename="camel"):
    """Somebody who is, or may become, a friend."""

    user_id: UserId
    username: str
    full_name: str | None
    avatar_url: str | None
    status: FriendshipStatus


class FriendPage(Struct, frozen=True, kw_only=True, rename="camel"):
    """One page of friends."""

    friends: tuple[Friend, ...]
    page: int
    page_size: int
    total_count: int
    total_pages: int


class FriendsReader(Protocol):
    """Reads friends."""

    async def friends(self, caller: Caller, *, offset: int, limit: int) -> tuple[Sequence[Friend], int]:
        """One page by user id, and how many there are."""


@dataclass(frozen=True, slots=True)
class ListFriendsHandler:
    """Lists them by id."""

    reader: FriendsReader

    async def __call__(self, query: ListFriends) -> FriendPage:
        """List them."""
        offset = (query.page - 1) * query.page_size
        friends, total = await self.reader.friends(query.caller, offset=offset, limit=query.page_size)
        return FriendPage(
            friends=tuple(friends),
            page=query.page,
            page_size=query.page_size,
            total_count=total,
            total_pages=pages(total, query.page_size),
        )

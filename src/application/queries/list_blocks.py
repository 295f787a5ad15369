"""List whom the caller has blocked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct

from application.caller import Caller
from application.queries.cards import pages
from application.queries.times import Timestamp
from domain.values import UserId


class ListBlocks(Struct, frozen=True, kw_only=True):
    """Ask for the caller's own blocks."""

    caller: Caller
    page: int
    page_size: int


class Block(Struct, frozen=True, kw_only=True, rename="camel"):
    """Somebody whom the caller has blocked.

    Attributes:
        reason: the caller's own note.
        created_at: null where it was not written down yet.
    """

    target_id: UserId
    username: str
    full_name: str | None
    avatar_url: str | None
    reason: str | None
    created_at: Timestamp | None


class BlockPage(Struct, frozen=True, kw_only=True, rename="camel"):
    """One page of blocks."""

    blocks: tuple[Block, ...]
    page: int
    page_size: int
    total_count: int
    total_pages: int


class BlocksReader(Protocol):
    """Reads blocks."""

    async def blocks(self, caller: Caller, *, offset: int, limit: int) -> tuple[Sequence[Block], int]:
        """One page by user id, and how many there are."""


@dataclass(frozen=True, slots=True)
class ListBlocksHandler:
    """Lists them by id; nobody learns who has blocked them."""

    reader: BlocksReader

    async def __call__(self, query: ListBlocks) -> BlockPage:
        """List them."""
        offset = (query.page - 1) * query.page_size
        blocks, total = await self.reader.blocks(query.caller, offset=offset, limit=query.page_size)
        return BlockPage(
            blocks=tuple(blocks),
            page=query.page,
            page_size=query.page_size,
            total_count=total,
            total_pages=pages(total, query.page_size),
        )

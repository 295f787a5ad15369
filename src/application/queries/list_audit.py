"""List what moderators did, for moderators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct

from application.caller import Caller
from application.oversight import MODERATORS
from application.queries.cards import pages
from application.queries.times import Timestamp
from domain.moderation import Act, Outcome, TargetType
from domain.values import AuditId, ReportId, UserId


class ListAudit(Struct, frozen=True, kw_only=True):
    """Ask for the audit trail."""

    caller: Caller
    page: int
    page_size: int


class AuditItem(Struct, frozen=True, kw_only=True, rename="camel"):
    """That a moderator has done something.

    Attributes:
        actor_id: the moderator.
        report_id: the report that was acted on; null: a story was removed without one.
        outcome: what it came to.
    """

    id: AuditId
    actor_id: UserId
    action: Act
    target_type: TargetType
    target_id: str
    report_id: ReportId | None
    outcome: Outcome
    created_at: Timestamp


class AuditPage(Struct, frozen=True, kw_only=True, rename="camel"):
    """One page of the audit trail."""

    entries: tuple[AuditItem, ...]
    page: int
    page_size: int
    total_count: int
    total_pages: int


class AuditReader(Protocol):
    """Reads the audit trail."""

    async def audit(self, caller: Caller, *, offset: int, limit: int) -> tuple[Sequence[AuditItem], int]:
        """One page, newest first, and how many entries there are."""


@dataclass(frozen=True, slots=True)
class ListAuditHandler:
    """Lists what was done, the last first."""

    reader: AuditReader

    async def __call__(self, query: ListAudit) -> AuditPage:
        """List it.

        Raises:
            RoleRequiredError: the caller is no moderator.
        """
        query.caller.require_role(*MODERATORS)
        offset = (query.page - 1) * query.page_size
        entries, total = await self.reader.audit(query.caller, offset=offset, limit=query.page_size)
        return AuditPage(
            entries=tuple(entries),
            page=query.page,
            page_size=query.page_size,
            total_count=total,
            total_pages=pages(total, query.page_size),
        )

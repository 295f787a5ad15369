"""List what was reported, for moderators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct

from application.caller import Caller
from application.oversight import MODERATORS
from application.queries.cards import pages
from application.queries.times import Timestamp
from domain.moderation import ReportStatus, TargetType
from domain.values import ReportId, UserId


class ListReports(Struct, frozen=True, kw_only=True):
    """Ask for reports.

    Attributes:
        status: of which; None: of any.
    """

    caller: Caller
    status: ReportStatus | None
    page: int
    page_size: int


class ReportItem(Struct, frozen=True, kw_only=True, rename="camel"):
    """A report.

    Attributes:
        target_id: of a story, which may have been deleted since, or of a person.
        target_user_id: whose story it is, or the person.
        closed_by: the moderator who has dismissed or resolved it; null while it is open.
    """

    id: ReportId
    target_type: TargetType
    target_id: str
    target_user_id: UserId
    reporter_id: UserId
    reason: str
    details: str | None
    status: ReportStatus
    created_at: Timestamp
    closed_by: UserId | None
    closed_at: Timestamp | None


class ReportPage(Struct, frozen=True, kw_only=True, rename="camel"):
    """One page of reports."""

    reports: tuple[ReportItem, ...]
    page: int
    page_size: int
    total_count: int
    total_pages: int


class ReportsReader(Protocol):
    """Reads reports."""

    async def reports(
        self, caller: Caller, status: ReportStatus | None, *, offset: int, limit: int
    ) -> tuple[Sequence[ReportItem], int]:
        """One page, oldest first, and how many there are."""


@dataclass(frozen=True, slots=True)
class ListReportsHandler:
    """Lists them as they wait: who has waited longest comes first."""

    reader: ReportsReader

    async def __call__(self, query: ListReports) -> ReportPage:
        """List them.

        Raises:
            RoleRequiredError: the caller is no moderator.
        """
        query.caller.require_role(*MODERATORS)
        offset = (query.page - 1) * query.page_size
        reports, total = await self.reader.reports(query.caller, query.status, offset=offset, limit=query.page_size)
        return ReportPage(
            reports=tuple(reports),
            page=query.page,
            page_size=query.page_size,
            total_count=total,
            total_pages=pages(total, query.page_size),
        )

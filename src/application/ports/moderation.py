"""Reports, and the trail of what moderators did, as a transaction sees them."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from domain.moderation import AuditEntry, Report, Target
from domain.values import ReportId, UserId


class Reports(Protocol):
    """Reports of the transaction's organisation; they outlive what they are of."""

    async def file(self, report: Report) -> Report:
        """Write a new report, and answer it; or the one that its reporter has open of the target already."""

    async def get(self, report_id: ReportId) -> Report | None:
        """Load a report, without holding it. None: there is none."""

    async def close(self, report: Report) -> None:
        """Write a report that is open no more.

        Raises:
            ReportClosedError: it was closed meanwhile.
        """

    async def hold(self, target: Target) -> None:
        """Let nobody else resolve all reports of a target until the transaction ends."""

    async def resolve_all(self, target: Target, *, by: UserId, at: datetime) -> None:
        """Resolve every report of a target that is open, however many; `hold` it first."""


class AuditTrail(Protocol):
    """What moderators did in the transaction's organisation."""

    async def add(self, entry: AuditEntry) -> None:
        """Write an entry."""

"""Resolve a report: find nothing wrong, or remove the story."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from application.caller import Caller
from application.oversight import MODERATORS
from application.ports.transactions import NewIds, Transaction, UnitOfWork
from application.removal import remove_story
from domain.errors import NotFoundError
from domain.moderation import Act, AuditEntry, Outcome, Report, ReportStatus
from domain.values import AuditId, ReportId


class ResolveReport(Struct, frozen=True, kw_only=True):
    """A moderator has looked at a report."""

    caller: Caller
    report_id: ReportId
    act: Act


class ResolvedReport(Struct, frozen=True, kw_only=True):
    """A report that is closed.

    Attributes:
        outcome: what the act came to; a story may have been over, or deleted, before.
    """

    id: ReportId
    status: ReportStatus
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class ResolveReportHandler:
    """Closes a report once: of two moderators one is told that the other was first."""

    unit_of_work: UnitOfWork
    new_id: NewIds

    async def __call__(self, command: ResolveReport) -> ResolvedReport:
        """Resolve it.

        Raises:
            RoleRequiredError: the caller is no moderator.
            NotFoundError: there is no such report.
            InvalidError: a story is to be removed, and the report is of a person.
            ReportClosedError: it was dismissed or resolved before.
        """
        caller = command.caller
        caller.require_role(*MODERATORS)
        async with self.unit_of_work.begin(caller.org) as tx:
            report = await tx.reports.get(command.report_id)
            if report is None:
                raise NotFoundError("There is no such report.")
            if command.act is Act.DISMISS:
                await self._dismiss(tx, caller, report)
                return ResolvedReport(id=report.id, status=ReportStatus.DISMISSED, outcome=Outcome.DISMISSED)
            outcome = await remove_story(tx, self.new_id, caller, report.story, report)
        return ResolvedReport(id=report.id, status=ReportStatus.RESOLVED, outcome=outcome)

    async def _dismiss(self, tx: Transaction, caller: Caller, report: Report) -> None:
        at = await tx.clock()
        await tx.reports.close(report.dismiss(by=caller.user, at=at))
        entry = AuditEntry(
            id=AuditId(self.new_id()),
            actor=caller.user,
            act=Act.DISMISS,
            target=report.target,
            report=report.id,
            outcome=Outcome.DISMISSED,
            at=at,
        )
        await tx.audit.add(entry)

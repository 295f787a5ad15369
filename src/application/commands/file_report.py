"""Report a story or a person to the moderators."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from application.caller import Caller
from application.people import require_other
from application.ports.stories import StoryAccess
from application.ports.transactions import NewIds, UnitOfWork
from application.queries.times import Timestamp, timestamp
from domain.errors import OwnStoryError, StoryNotFoundError
from domain.moderation import Report, ReportStatus, Target, TargetType, require_words
from domain.story import Access
from domain.values import ReportId, StoryId, UserId


class FileReport(Struct, frozen=True, kw_only=True):
    """The caller finds something wrong with a story or a person.

    Attributes:
        target: its id.
        reason: 1-200 code points, not blank.
        details: at most 2,000 code points.
    """

    caller: Caller
    target: StoryId | UserId
    reason: str
    details: str | None = None


class FiledReport(Struct, frozen=True, kw_only=True, rename="camel"):
    """A report, as the one who has filed it sees it."""

    id: ReportId
    target_type: TargetType
    target_id: str
    reason: str
    details: str | None
    status: ReportStatus
    created_at: Timestamp


class Filed(Struct, frozen=True, kw_only=True):
    """A report that is open.

    Attributes:
        before: whether it was filed earlier: of one target everybody has one open report at most.
    """

    report: FiledReport
    before: bool


@dataclass(frozen=True, slots=True)
class FileReportHandler:
    """Files what one may know of: a story one sees, or has seen before it was over; and any person."""

    unit_of_work: UnitOfWork
    new_id: NewIds

    async def __call__(self, command: FileReport) -> Filed:
        """File it.

        Raises:
            StoryNotFoundError: there is none, or it is hidden from the caller.
            OwnStoryError: it is the caller's own.
            InvalidError: they name themselves, or the texts are too long, blank or none.
        """
        caller = command.caller
        require_words(command.reason, command.details)  # before anything is told of what they are about
        async with self.unit_of_work.begin(caller.org) as tx:
            if isinstance(command.target, str):
                target, subject = Target.of_user(command.target), command.target
                require_other(caller.user, subject, "targetId")
            else:
                known = _require_known(await tx.stories.access(command.target, caller.user))
                target, subject = Target.of_story(command.target), known.owner
            report = Report(
                id=ReportId(self.new_id()),
                reporter=caller.user,
                target=target,
                subject=subject,
                reason=command.reason,
                details=command.details,
                at=await tx.clock(),
            )
            filed = await tx.reports.file(report)
        return Filed(report=_told(filed), before=filed.id != report.id)


def _require_known(known: StoryAccess | None) -> StoryAccess:
    """Let those pass who may know of a story that is not theirs: what is over may have been wrong, too."""
    if known is None or known.access is Access.HIDDEN:
        raise StoryNotFoundError
    if known.access is Access.OWNER:
        raise OwnStoryError
    return known


def _told(report: Report) -> FiledReport:
    return FiledReport(
        id=report.id,
        target_type=report.target.type,
        target_id=report.target.id,
        reason=report.reason,
        details=report.details,
        status=report.status,
        created_at=timestamp(report.at),
    )

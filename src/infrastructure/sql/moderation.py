"""Reports and the audit trail as rows: written by what people and moderators do, read for moderators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BindParameter, Row, Update, bindparam, func, insert, literal_column, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from application.caller import Caller
from application.queries.list_audit import AuditItem
from application.queries.list_reports import ReportItem
from application.queries.times import timestamp
from domain.errors import ReportClosedError
from domain.moderation import Act, AuditEntry, Outcome, Report, ReportStatus, Target, TargetType
from domain.values import OrgId, ReportId, UserId
from infrastructure.sql.database import Database, allow_long_statements
from infrastructure.sql.dialect import ENGINES, upsert_into
from infrastructure.sql.locks import hold_target
from infrastructure.sql.readers import count_of
from infrastructure.sql.tables import moderation_audit, reports

_ORG: BindParameter[str] = bindparam("of_org")
_is_open: Final = reports.c.status == literal_column(f"'{ReportStatus.OPEN}'")
"""Without a parameter, so that the index of open ones is used."""
_page: Final[dict[str, BindParameter[int]]] = {"limit": bindparam("limit"), "offset": bindparam("offset")}


def _file(engine: str) -> postgresql.Insert | sqlite.Insert:
    """An insert that answers the row which is there in its place, if there is one."""
    put = upsert_into(reports, engine)
    statement = put.on_conflict_do_update(
        index_elements=["org_id", "target_type", "target_id", "reporter_id"],
        index_where=text("status = 'open'"),
        set_={"reporter_id": put.excluded.reporter_id},  # itself: what is not touched is not returned
    )
    return statement.returning(*reports.c)  # type: ignore[return-value] # its row, and still an insert


_FILE: Final = {engine: _file(engine) for engine in ENGINES}
_GET: Final = select(reports).where(reports.c.org_id == _ORG, reports.c.id == bindparam("of_report"))
_CLOSE: Final = (
    update(reports)
    .where(reports.c.org_id == _ORG, reports.c.id == bindparam("of_report"), _is_open)
    .returning(reports.c.id)
)
_RESOLVE_ALL: Final[Update] = (
    update(reports)
    .where(
        reports.c.org_id == _ORG,
        reports.c.target_type == bindparam("of_type"),
        reports.c.target_id == bindparam("of_target"),
        _is_open,
    )
    .values(status=ReportStatus.RESOLVED.value)
)
_ADD: Final = insert(moderation_audit)

_REPORTS: Final = select(reports).where(reports.c.org_id == _ORG)
_OLDEST: Final = (reports.c.created_at, reports.c.id)
_COUNT_REPORTS: Final = select(func.count()).select_from(reports).where(reports.c.org_id == _ORG)
_of_status: Final = reports.c.status == bindparam("of_status")
_AUDIT: Final = (
    select(moderation_audit)
    .where(moderation_audit.c.org_id == _ORG)
    .order_by(moderation_audit.c.created_at.desc(), moderation_audit.c.id.desc())
    .limit(_page["limit"])
    .offset(_page["offset"])
)
_COUNT_AUDIT: Final = select(func.count()).select_from(moderation_audit).where(moderation_audit.c.org_id == _ORG)


class SqlReports:
    """As `Reports`."""

    def __init__(self, connection: AsyncConnection, org: OrgId) -> None:
        self._connection, self._org = connection, org

    async def file(self, report: Report) -> Report:
        """As `Reports`."""
        values = {
            "org_id": self._org,
            "id": report.id,
            "target_type": report.target.type.value,
            "target_id": report.target.id,
            "subject_id": report.subject,
            "reporter_id": report.reporter,
            "reason": report.reason,
            "details": report.details,
            "status": report.status.value,
            "created_at": report.at,
        }
        return _to_report((await self._connection.execute(_FILE[self._connection.dialect.name], values)).one())

    async def get(self, report_id: ReportId) -> Report | None:
        """As `Reports`."""
        key = {"of_org": self._org, "of_report": report_id}
        row = (await self._connection.execute(_GET, key)).one_or_none()
        return None if row is None else _to_report(row)

    async def close(self, report: Report) -> None:
        """As `Reports`."""
        closed = await self._connection.execute(
            _CLOSE,
            {
                "of_org": self._org,
                "of_report": report.id,
                "status": report.status.value,
                "closed_by": report.closed_by,
                "closed_at": report.closed_at,
            },
        )
        if closed.one_or_none() is None:
            raise ReportClosedError

    async def hold(self, target: Target) -> None:
        """As `Reports`."""
        await hold_target(self._connection, self._org, target.type, target.id)

    async def resolve_all(self, target: Target, *, by: UserId, at: datetime) -> None:
        """As `Reports`."""
        await allow_long_statements(self._connection)
        which = {"of_org": self._org, "of_type": target.type.value, "of_target": target.id}
        await self._connection.execute(_RESOLVE_ALL, {**which, "closed_by": by, "closed_at": at})


class SqlAuditTrail:
    """As `AuditTrail`."""

    def __init__(self, connection: AsyncConnection, org: OrgId) -> None:
        self._connection, self._org = connection, org

    async def add(self, entry: AuditEntry) -> None:
        """As `AuditTrail`."""
        await self._connection.execute(
            _ADD,
            {
                "org_id": self._org,
                "id": entry.id,
                "actor_id": entry.actor,
                "act": entry.act.value,
                "target_type": entry.target.type.value,
                "target_id": entry.target.id,
                "report_id": entry.report,
                "outcome": entry.outcome.value,
                "created_at": entry.at,
            },
        )


@dataclass(frozen=True, slots=True)
class SqlModerationReader:
    """Reads what moderators have before them, and what they did."""

    database: Database

    async def reports(
        self, caller: Caller, status: ReportStatus | None, *, offset: int, limit: int
    ) -> tuple[Sequence[ReportItem], int]:
        """As `ReportsReader`."""
        which = {"of_org": caller.org, **({} if status is None else {"of_status": status.value})}
        listed, counted = (each if status is None else each.where(_of_status) for each in (_REPORTS, _COUNT_REPORTS))
        paged = listed.order_by(*_OLDEST).limit(_page["limit"]).offset(_page["offset"])
        async with self.database.read(caller.org) as connection:
            rows = (await connection.execute(paged, {**which, "offset": offset, "limit": limit})).all()
            total = await count_of(connection, counted, which)
        return [_to_item(row) for row in rows], total

    async def audit(self, caller: Caller, *, offset: int, limit: int) -> tuple[Sequence[AuditItem], int]:
        """As `AuditReader`."""
        which = {"of_org": caller.org}
        async with self.database.read(caller.org) as connection:
            rows = (await connection.execute(_AUDIT, {**which, "offset": offset, "limit": limit})).all()
            total = await count_of(connection, _COUNT_AUDIT, which)
        return [_to_entry(row) for row in rows], total


def _to_report(row: Row[Any]) -> Report:
    return Report(
        id=ReportId(row.id),
        reporter=row.reporter_id,
        target=Target(TargetType(row.target_type), row.target_id),
        subject=row.subject_id,
        reason=row.reason,
        details=row.details,
        at=row.created_at,
        status=ReportStatus(row.status),
        closed_by=row.closed_by,
        closed_at=row.closed_at,
    )


def _to_item(row: Row[Any]) -> ReportItem:
    return ReportItem(
        id=row.id,
        target_type=TargetType(row.target_type),
        target_id=row.target_id,
        target_user_id=row.subject_id,
        reporter_id=row.reporter_id,
        reason=row.reason,
        details=row.details,
        status=ReportStatus(row.status),
        created_at=timestamp(row.created_at),
        closed_by=row.closed_by,
        closed_at=row.closed_at and timestamp(row.closed_at),
    )


def _to_entry(row: Row[Any]) -> AuditItem:
    return AuditItem(
        id=row.id,
        actor_id=row.actor_id,
        action=Act(row.act),
        target_type=TargetType(row.target_type),
        target_id=row.target_id,
        report_id=row.report_id,
        outcome=Outcome(row.outcome),
        created_at=timestamp(row.created_at),
    )

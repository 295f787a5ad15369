"""What was posted today, as one row for each who posts: of another day, it begins anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, case, select
from sqlalchemy.ext.asyncio import AsyncConnection

from application.ports.quotas import Today
from domain.values import OrgId, UserId
from infrastructure.sql.dialect import clock, upsert_into
from infrastructure.sql.tables import postings

_CLOCK = select(clock())
_TODAY = select(postings.c.stories, postings.c.size).where(
    postings.c.org_id == bindparam("of_org"),
    postings.c.user_id == bindparam("of_user"),
    postings.c.day >= bindparam("today"),
)


def _add(engine: str) -> Any:
    put = upsert_into(postings, engine)
    # Who has waited for another past midnight counts for the day that the other has begun.
    goes_on = postings.c.day >= put.excluded.day
    return put.on_conflict_do_update(
        index_elements=["org_id", "user_id"],
        set_={
            "stories": case((goes_on, postings.c.stories + put.excluded.stories), else_=put.excluded.stories),
            "size": case((goes_on, postings.c.size + put.excluded.size), else_=put.excluded.size),
            "day": case((goes_on, postings.c.day), else_=put.excluded.day),
        },
    ).returning(postings.c.stories, postings.c.size)


_ADD = {engine: _add(engine) for engine in ("postgresql", "sqlite")}


class SqlPostings:
    """As `Postings`."""

    def __init__(self, connection: AsyncConnection, org: OrgId) -> None:
        self._connection, self._org = connection, org

    async def today(self, user: UserId) -> Today:
        """As `Postings`."""
        now = await self._now()
        key = {"of_org": self._org, "of_user": user, "today": now.date()}
        row = (await self._connection.execute(_TODAY, key)).one_or_none()
        return Today(row.stories if row else 0, row.size if row else 0, _seconds_left(now))

    async def add(self, user: UserId, *, size: int) -> Today:
        """As `Postings`."""
        now = await self._now()
        counted = {"org_id": self._org, "user_id": user, "day": now.date(), "stories": 1, "size": size}
        row = (await self._connection.execute(_ADD[self._connection.dialect.name], counted)).one()
        return Today(row.stories, row.size, _seconds_left(now))

    async def _now(self) -> datetime:
        return (await self._connection.execute(_CLOCK)).scalar_one()


def _seconds_left(now: datetime) -> float:
    midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), tzinfo=UTC)
    return (midnight - now).total_seconds()

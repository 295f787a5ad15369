"""What is let go of after a story was archived: who viewed and reacted, and later its media. Totals stay."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, and_, bindparam, case, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.content import STILL_SECONDS
from domain.engagement import HIGH_FROM, LOW_BELOW
from domain.story import Status
from domain.values import OrgId, StoryId
from infrastructure.sql.affinities import keep_affinities
from infrastructure.sql.dialect import clock, seconds_from_now
from infrastructure.sql.locks import end_story
from infrastructure.sql.media import KEYS, discard_objects
from infrastructure.sql.tables import stories, story_reactions, story_views, uploads

_archived_before = and_(
    stories.c.status == Status.ARCHIVED.value, stories.c.archived_at <= seconds_from_now(-bindparam("after"))
)

_length = func.coalesce(stories.c.duration_seconds, STILL_SECONDS)
_watched = story_views.c.duration_seconds / _length

INSIGHTS = (
    func.coalesce(func.avg(story_views.c.duration_seconds), 0.0).label("average"),
    func.count(case((_watched < LOW_BELOW, 1))).label("low"),
    func.count(case((and_(_watched >= LOW_BELOW, _watched < HIGH_FROM), 1))).label("medium"),
    func.count(case((_watched >= HIGH_FROM, 1))).label("high"),
)
"""What the views of a story come to; of `story_views` joined with `stories`."""

_UNFROZEN = (
    select(stories.c.org_id, stories.c.id)
    .where(_archived_before, stories.c.frozen_at.is_(None))
    .order_by(stories.c.archived_at)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True, key_share=True)
)
_org: BindParameter[str] = bindparam("of_org", type_=stories.c.org_id.type)
_ids: BindParameter[UUID] = bindparam("ids", expanding=True)
_INSIGHTS = (
    select(stories.c.id, *INSIGHTS)
    .select_from(
        stories.outerjoin(
            story_views, and_(story_views.c.org_id == stories.c.org_id, story_views.c.story_id == stories.c.id)
        )
    )
    .where(stories.c.org_id == _org, stories.c.id.in_(_ids))
    .group_by(stories.c.id)
)
_FREEZE = (
    update(stories)
    .where(stories.c.org_id == _org, stories.c.id == bindparam("of_story"))
    .values(frozen_at=clock(), insights=bindparam("frozen", type_=stories.c.insights.type))
)
_FORGET = [
    delete(table).where(table.c.org_id == _org, table.c.story_id.in_(_ids)) for table in (story_views, story_reactions)
]

_upload = exists().where(uploads.c.org_id == stories.c.org_id, uploads.c.story_id == stories.c.id).correlate(stories)
_never_seen = and_(
    stories.c.status == Status.ARCHIVED.value,
    stories.c.published_at.is_(None),
    or_(stories.c.media_key.is_not(None), _upload),
)
_MEDIA = (
    select(stories.c.id, *KEYS)
    .where(or_(_never_seen, and_(bindparam("ever"), _archived_before, stories.c.media_key.is_not(None))))
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True, key_share=True)
)
_UPLOADS = select(uploads.c.object_key).where(uploads.c.story_id.in_(_ids))
_DROP_UPLOADS = delete(uploads).where(uploads.c.story_id.in_(_ids))
_DROP = update(stories).where(stories.c.id.in_(_ids)).values(dict.fromkeys(KEYS))


async def freeze_analytics(connection: AsyncConnection, after_seconds: float, limit: int) -> int:
    """As `SystemTransaction`."""
    rows = (await connection.execute(_UNFROZEN, {"after": after_seconds, "limit": limit})).all()
    of_org: dict[OrgId, list[UUID]] = {}
    for row in rows:
        await end_story(connection, StoryId(row.id))  # views that are under way come first, and are counted
        of_org.setdefault(row.org_id, []).append(row.id)
    for org in sorted(of_org):  # in one order: nobody waits in a circle
        await _freeze(connection, org, of_org[org])
    return len(rows)


async def _freeze(connection: AsyncConnection, org: OrgId, ids: list[UUID]) -> None:
    these = {"of_org": org, "ids": ids}
    await keep_affinities(connection, org, ids)
    rows = (await connection.execute(_INSIGHTS, these)).all()
    await connection.execute(_FREEZE, [{"of_org": org, "of_story": row.id, "frozen": _frozen(row)} for row in rows])
    for forget in _FORGET:
        await connection.execute(forget, these)


async def drop_media(connection: AsyncConnection, after_seconds: float | None, limit: int) -> int:
    """As `SystemTransaction`."""
    parameters = {"ever": after_seconds is not None, "after": after_seconds or 0.0, "limit": limit}
    rows = (await connection.execute(_MEDIA, parameters)).all()
    ids = [row.id for row in rows]
    if not ids:
        return 0
    sent = (await connection.execute(_UPLOADS, {"ids": ids})).scalars()
    await discard_objects(connection, [*sent, *(key for row in rows for key in row[1:] if key)])
    await connection.execute(_DROP_UPLOADS, {"ids": ids})
    await connection.execute(_DROP, {"ids": ids})
    return len(ids)


def _frozen(row: Any) -> dict[str, float]:
    return {"average": float(row.average), "low": row.low, "medium": row.medium, "high": row.high}

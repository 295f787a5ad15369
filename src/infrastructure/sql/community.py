"""The community in SQL: everybody's stories by author, and records from rows. One statement per question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import Boolean, Label, Row, Select, and_, bindparam, case, func, or_, select, tuple_

from application.caller import ANONYMOUS, Caller
from application.oversight import oversees
from application.ports.people import Role
from application.ports.stories import StoryAccess
from application.queries.community_records import (
    AuthorInfo,
    CommunityContent,
    CommunityGroup,
    CommunityStory,
    CommunityStoryData,
    CommunityView,
)
from application.queries.get_community_story import KnownRecord
from application.queries.list_community_stories import GroupPosition
from application.queries.times import timestamp
from domain.content import Kind
from domain.engagement import Reaction
from domain.story import Access, Status
from domain.values import PageId, StoryId
from infrastructure.sql import visibility
from infrastructure.sql.cards import MediaLinks, link_expiry, reaction_counts, select_cards, shown_at, status_now
from infrastructure.sql.database import Database
from infrastructure.sql.dialect import ENGINES, milliseconds
from infrastructure.sql.readers import who
from infrastructure.sql.tables import profiles, stories, story_views

_DATATYPE: Final = "community_story"
_VIEWS_OF_ONE: Final = 1_000
_VIEWS_IN_LIST: Final = 100
"""How many views a record shows at most, the latest; the story API pages through all of them."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FRONT: Final = GroupPosition(datetime(9999, 12, 31, tzinfo=UTC), StoryId(UUID(int=2**128 - 1)))


def _views(engine: str) -> Label[Any]:
    """The latest views of a story as JSON, for its author and for admins alone."""
    gather, pair = (
        (func.json_group_array, func.json_array) if engine == "sqlite" else (func.json_agg, func.json_build_array)
    )
    viewers = profiles.alias("viewers")
    latest = (
        select(
            func.coalesce(viewers.c.email, story_views.c.viewer_id).label("email"),
            milliseconds(story_views.c.viewed_at).label("at"),
        )
        .select_from(
            story_views.outerjoin(
                viewers,
                and_(viewers.c.org_id == story_views.c.org_id, viewers.c.user_id == story_views.c.viewer_id),
            )
        )
        .where(story_views.c.org_id == stories.c.org_id, story_views.c.story_id == stories.c.id)
        .order_by(story_views.c.viewed_at.desc(), story_views.c.viewer_id)
        .limit(bindparam("most_views"))
        .correlate(stories)
        .subquery("latest")
    )
    gathered = select(gather(pair(latest.c.email, latest.c.at))).scalar_subquery()
    return case((or_(visibility.owned, bindparam("admin", type_=Boolean)), gathered)).label("seen_by")


_OF_RECORD: Final = (
    stories.c.version,
    stories.c.changed_at,
    stories.c.page,
    stories.c.lifetime_seconds,
    profiles.c.given_name,
    profiles.c.family_name,
    profiles.c.email,
    profiles.c.company,
    profiles.c.job_title,
)
_RECORD: Final = {
    engine: select_cards(
        visibility.access.label("access"),
        visibility.active.label("active"),
        visibility.reported.label("reported"),
        *_OF_RECORD,
        _views(engine),
    ).where(stories.c.id == bindparam("story"))
    for engine in ENGINES
}

_other = stories.alias("other")


def _groups(engine: str, *, paged: bool) -> Select[Any]:
    """Stories of the authors that come after a position, in the order of their groups.

    An author stands where their newest story does. From the newest on, by the index, the first such stories are taken
    and the rest is never looked at: what this costs does not grow with the community.
    """
    of_page = [stories.c.page == bindparam("page")] if paged else []
    newest = (
        select(_other.c.id)
        .where(
            _other.c.org_id == visibility.org,
            _other.c.owner_id == stories.c.owner_id,
            *(visibility.of(condition, _other) for condition in (*of_page, visibility.in_community)),
        )
        .order_by(_other.c.created_at.desc(), _other.c.id.desc())
        .limit(1)
        .correlate(stories)
        .scalar_subquery()
    )
    authors = (
        select(stories.c.owner_id, stories.c.created_at, stories.c.id)
        .where(
            stories.c.org_id == visibility.org,
            *of_page,
            tuple_(stories.c.created_at, stories.c.id)
            < tuple_(
                bindparam("after_at", type_=stories.c.created_at.type), bindparam("after_id", type_=stories.c.id.type)
            ),
            visibility.in_community,
            stories.c.id == newest,
        )
        .order_by(stories.c.created_at.desc(), stories.c.id.desc())
        .limit(bindparam("limit"))
        .cte("authors")
    )
    return (
        select_cards(authors.c.created_at.label("newest_at"), authors.c.id.label("newest"), *_OF_RECORD, _views(engine))
        .join(authors, authors.c.owner_id == stories.c.owner_id)
        .where(*of_page, visibility.in_community)
        .order_by(authors.c.created_at.desc(), authors.c.id.desc(), stories.c.created_at, stories.c.id)
    )


_ALL: Final = {engine: _groups(engine, paged=False) for engine in ENGINES}
_OF_PAGE: Final = {engine: _groups(engine, paged=True) for engine in ENGINES}


@dataclass(frozen=True, slots=True)
class SqlCommunityReader:
    """Reads the community.

    Attributes:
        expose_email: whether those without a token see the e-mail of authors.
    """

    database: Database
    links: MediaLinks
    expose_email: bool

    async def record(self, caller: Caller, story_id: StoryId) -> KnownRecord | None:
        """As `RecordReader`."""
        parameters = {**_reader(caller, _VIEWS_OF_ONE), "story": story_id, "target": str(story_id)}
        async with self.database.read(caller.org) as connection:
            row = (await connection.execute(_RECORD[self.database.dialect], parameters)).one_or_none()
        if row is None:
            return None
        known = StoryAccess(Access(row.access), row.owner_id, row.active)
        return KnownRecord(
            known=known, reported=bool(row.reported), record=self._record(row, caller, _role(row, caller))
        )

    async def groups(
        self, caller: Caller, *, page: PageId | None, after: GroupPosition | None, limit: int
    ) -> tuple[tuple[CommunityGroup, ...], GroupPosition | None]:
        """As `CommunityReader`."""
        statements = _ALL if page is None else _OF_PAGE
        start = after or _FRONT
        parameters = {
            **_reader(caller, _VIEWS_IN_LIST),
            "page": page,
            "after_at": start.created_at,
            "after_id": start.story_id,
            "limit": limit + 1,  # whether there are more is seen by one more
        }
        async with self.database.read(caller.org) as connection:
            rows = (await connection.execute(statements[self.database.dialect], parameters)).all()
        # A story that ends while the statement runs may leave its author in two places; the first is theirs.
        by_author: dict[str, dict[UUID, Row[Any]]] = {}
        for row in rows:
            by_author.setdefault(row.owner_id, {}).setdefault(row.id, row)
        shown = [list(of_author.values()) for of_author in by_author.values()][:limit]
        last = shown[-1][0] if len(by_author) > limit else None
        groups = tuple(self._group(of_author, caller) for of_author in shown)
        return groups, last and GroupPosition(last.newest_at, StoryId(last.newest))

    def _group(self, rows: Sequence[Row[Any]], caller: Caller) -> CommunityGroup:
        stories = tuple(self._record(row, caller) for row in rows)
        newest = stories[-1].data
        return CommunityGroup(
            author=newest.author,
            author_info=newest.author_info,
            has_unseen=newest.author_info.user_id != caller.user and not all(story.data.is_viewed for story in stories),
            stories=stories,
        )

    def _record(self, row: Row[Any], caller: Caller, role: Role | None = None) -> CommunityStory:
        author = row.email if row.email and (self.expose_email or caller.user != ANONYMOUS) else row.owner_id
        status = status_now(row)
        over_by_the_clock = status is Status.ARCHIVED and row.status != Status.ARCHIVED
        return CommunityStory(
            pk=row.id,
            sk=f"{caller.org}/{_DATATYPE}/{row.id}",
            id=row.id,
            version=row.version,
            state=status.lower(),
            createdate=timestamp(row.created_at),
            modifydate=timestamp(row.expires_at if over_by_the_clock else row.changed_at),
            author=author,
            data=CommunityStoryData(
                author=author,
                author_info=_author_info(row),
                page=row.page,
                content=CommunityContent(
                    type=Kind(row.kind),
                    url=shown_at(row, caller, self.links, expires_at=link_expiry(row, role), role=role),
                    caption=row.caption,
                    text=row.content,
                    background_color=row.background_color,
                ),
                duration=row.lifetime_seconds,
                created_at=timestamp(row.created_at),
                expires_at=timestamp(row.expires_at),
                view_count=row.views,
                reaction_counts=reaction_counts(row),
                is_viewed=bool(row.viewed),
                my_reaction=row.feeling and Reaction(row.feeling),
                views=_seen_by(row, caller),
            ),
        )


def _reader(caller: Caller, most_views: int) -> dict[str, Any]:
    return {**who(caller), "admin": Role.ADMIN in caller.roles, "most_views": most_views}


def _role(row: Row[Any], caller: Caller) -> Role | None:
    """By which of their roles the caller looks at a story that is hidden from them, or over; None: by none."""
    if row.access in {Access.OWNER, Access.VISIBLE} or not oversees(caller.roles, reported=bool(row.reported)):
        return None
    return Role.ADMIN if Role.ADMIN in caller.roles else Role.MODERATOR


def _author_info(row: Row[Any]) -> AuthorInfo:
    parts = row.given_name or row.family_name
    return AuthorInfo(
        first_name=row.given_name if parts else row.full_name,
        last_name=row.family_name,
        image=row.avatar_url,
        company=row.company,
        job_title=row.job_title,
        user_id=row.owner_id,
    )


def _seen_by(row: Row[Any], caller: Caller) -> tuple[CommunityView, ...] | UnsetType:
    if caller.user != row.owner_id and Role.ADMIN not in caller.roles:
        return UNSET
    views = msgspec.json.decode(row.seen_by) if isinstance(row.seen_by, str) else row.seen_by or []
    return tuple(
        CommunityView(email=email, timestamp=timestamp(_EPOCH + timedelta(milliseconds=at)))
        for email, at in sorted(views, key=lambda view: (view[1], view[0]))
    )

"""What is kept about one person, as an export tells of it: pages of rows, each begun where the last one ended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Column, ColumnElement, Row, Select, bindparam, select, tuple_

from application.caller import Caller
from application.queries.export_user import Record
from application.queries.times import timestamp
from infrastructure.sql import visibility
from infrastructure.sql.cards import MediaLinks, allowed_users, select_cards, to_owner_card
from infrastructure.sql.database import Database
from infrastructure.sql.dialect import ENGINES
from infrastructure.sql.personal import RULES, Told
from infrastructure.sql.readers import who
from infrastructure.sql.tables import stories

PAGE: Final = 200
"""Rows read at once; of the largest, stories and replies, a page is some MB."""

_STORY_ORDER: Final = (stories.c.created_at, stories.c.id)


def _after(order: Sequence[Column[Any]]) -> ColumnElement[bool]:
    """Behind the row that the page before ended with."""
    return tuple_(*order) > tuple_(*(bindparam(f"after_{n}", type_=each.type) for n, each in enumerate(order)))


def _pages(statement: Select[Any], order: Sequence[Column[Any]]) -> tuple[Select[Any], Select[Any]]:
    """The first page, and those behind it; each row ends with what its place is known by."""
    ordered = statement.add_columns(*order).order_by(*order).limit(PAGE)
    return ordered, ordered.where(_after(order)) if order else ordered


def _select(person: Column[Any], told: Told) -> Select[Any]:
    """The rows that name a person in one column."""
    shown = select(*(value.label(name) for name, value in told.shows.items()))
    named = shown.where(person.table.c.org_id == visibility.org, person == visibility.viewer)
    return named if told.where is None else named.where(told.where)


_TOLD: Final = {
    person: (rule.told, _pages(_select(person, rule.told), rule.told.order))
    for person, rule in RULES.items()
    if isinstance(rule.told, Told)
}
_STORIES: Final = {
    engine: _pages(
        select_cards(allowed_users(engine), stories.c.page, stories.c.insights).where(
            stories.c.owner_id == visibility.viewer
        ),
        _STORY_ORDER,
    )
    for engine in ENGINES
}


@dataclass(frozen=True, slots=True)
class SqlExportReader:
    """As `ExportReader`. No connection is held while the reader of a page takes its time."""

    database: Database
    links: MediaLinks

    async def records(self, caller: Caller) -> AsyncIterator[Sequence[Record]]:
        """As `ExportReader`."""
        async for rows in self._rows(caller, _STORIES[self.database.dialect], len(_STORY_ORDER)):
            yield [self._story(row, caller) for row in rows]
        for told, pages in _TOLD.values():
            async for rows in self._rows(caller, pages, len(told.order)):
                yield [_record(told, row) for row in rows]

    async def _rows(
        self, caller: Caller, pages: tuple[Select[Any], Select[Any]], width: int
    ) -> AsyncIterator[Sequence[Row[Any]]]:
        statement, after = pages[0], dict[str, Any]()
        while True:
            async with self.database.read(caller.org) as connection:
                rows = (await connection.execute(statement, {**who(caller), **after})).all()
            if rows:
                yield rows
            if len(rows) < PAGE:
                return
            statement, after = pages[1], {f"after_{n}": rows[-1][n - width] for n in range(width)}

    def _story(self, row: Row[Any], caller: Caller) -> Record:
        allowed = msgspec.json.decode(row.allowed) if isinstance(row.allowed, str) else row.allowed
        card = msgspec.to_builtins(to_owner_card(row, caller, self.links, allowed))
        return {**card, "type": "story", "kind": card["type"], "page": row.page, "insights": row.insights}


def _record(told: Told, row: Row[Any]) -> Record:
    return {"type": told.type, **{name: _plain(value) for name, value in zip(told.shows, row, strict=False)}}


def _plain(value: object) -> object:
    match value:
        case datetime():
            return timestamp(value)
        case bytes():  # an answer that was kept: JSON
            return msgspec.json.decode(value)
        case _:
            return msgspec.to_builtins(value)

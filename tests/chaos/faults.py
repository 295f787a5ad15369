"""Faults to plant into processes of the rig, which must see each: so that its zeros mean something."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from sqlalchemy import func, literal, select, update

from application.queries.get_story import GetStory, GetStoryHandler
from infrastructure.sql import database as of_database
from infrastructure.sql import engagement as of_engagement
from infrastructure.sql import event_cursors
from infrastructure.sql import outbox as of_outbox
from infrastructure.sql.tables import outbox as table
from tests.http.authorisation.plants import PLANTS, planted

# Modules of this very process, which is made faulty before it begins; to the type checker, anything.
database: Any = of_database
engagement: Any = of_engagement
outbox: Any = of_outbox
_kept: list[Any] = []
"""What lasts as long as the process."""


def _plant(name: str) -> None:
    context = planted(PLANTS[name])
    context.__enter__()
    _kept.append(context)


def cursor_relay() -> None:
    """Positions are given behind the highest number seen; what commits late, with a lower one, is passed over."""
    write = outbox.write

    async def slowly(*arguments: Any) -> None:
        await write(*arguments)
        await asyncio.sleep(random.uniform(0, 0.1))

    async def sequence(connection: Any, limit: int) -> int:
        last = await event_cursors.position_of(connection, outbox.SEQUENCE)
        given = await connection.execute(
            update(table).where(table.c.number > last, table.c.position.is_(None)).values(position=table.c.number)
        )
        highest = (await connection.execute(select(func.max(table.c.position)))).scalar_one()
        if given.rowcount:
            await event_cursors.move(connection, outbox.SEQUENCE, highest)
        return int(given.rowcount)

    outbox.write, outbox.sequence = slowly, sequence


def missing_expiry() -> None:
    """Nothing is over by the clock."""
    _plant("time never ends")


def counter_outside() -> None:
    """Views are counted a moment after their transaction, by another."""
    count, record = engagement._COUNT_VIEW, engagement.SqlViews.record  # noqa: SLF001 - what is to be broken
    engagement._COUNT_VIEW = select(literal(1))  # noqa: SLF001 - as above: it does nothing now

    async def recorded(self: Any, story_id: Any, *arguments: Any) -> Any:
        first = await record(self, story_id, *arguments)
        if first is not None:
            engine, org = self._connection.engine, self._org

            async def later() -> None:
                await asyncio.sleep(0.5)
                async with engine.begin() as connection, database.rows_of(connection, org, transaction=True):
                    await connection.execute(count, {"of_org": org, "of_story": story_id})

            _kept.append(asyncio.create_task(later()))
        return first

    engagement.SqlViews.record = recorded


def cached_allow() -> None:
    """Who has seen a story once sees it from memory."""
    ask, cached = GetStoryHandler.__call__, dict[Any, Any]()

    async def remembered(self: GetStoryHandler, query: GetStory) -> Any:
        key = (query.caller.org, query.caller.user, query.story_id)
        if key not in cached:
            cached[key] = await ask(self, query)
        return cached[key]

    GetStoryHandler.__call__ = remembered  # type: ignore[method-assign]


def forgotten_org() -> None:
    """No statement asks for the organisation, and the wall is open."""
    _plant("all organisations are one")
    rows_of = database.rows_of

    def all_rows(connection: Any, org: Any, *, transaction: bool) -> AbstractAsyncContextManager[None]:
        rows: AbstractAsyncContextManager[None] = rows_of(
            connection, org if transaction else None, transaction=transaction
        )
        return rows

    database.rows_of = all_rows


FAULTS: Final[dict[str, Callable[[], None]]] = {
    each.__name__: each for each in (cursor_relay, missing_expiry, counter_outside, cached_allow, forgotten_org)
}

"""Transactions: the write side of SQL. Stateless: what belongs to one transaction lives in its own object."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from application.ports.transactions import NewIds, OutboxEvent
from domain.events import Event
from domain.story import Story
from domain.values import OrgId, StoryId, UserId
from infrastructure.sql import archives, outbox, reconcile, upkeep
from infrastructure.sql.database import Database, allow_long_statements
from infrastructure.sql.dialect import clock
from infrastructure.sql.engagement import SqlReactions, SqlReplies, SqlViews
from infrastructure.sql.erasures import SqlErasures, due_erasures
from infrastructure.sql.graph import SqlGraph
from infrastructure.sql.media import SqlBin, SqlProcessing, SqlUploads
from infrastructure.sql.moderation import SqlAuditTrail, SqlReports
from infrastructure.sql.past_audiences import forget_past_audiences
from infrastructure.sql.postings import SqlPostings
from infrastructure.sql.requests import SqlRequests, forget_answers
from infrastructure.sql.social import SqlProfiles, SqlSocial
from infrastructure.sql.stories import SqlStories, save_stories
from infrastructure.sql.webhooks import SqlWebhooks

_CLOCK = select(clock())


@dataclass(frozen=True, slots=True)
class SqlUnitOfWork:
    """Begins transactions.

    Attributes:
        committed: called after every commit of events.
    """

    database: Database
    new_id: NewIds
    committed: Callable[[], None]

    @asynccontextmanager
    async def begin(self, org: OrgId) -> AsyncIterator[SqlTransaction]:
        """As `UnitOfWork`."""
        async with self._telling(org) as connection:
            yield SqlTransaction(connection, org, self.new_id)

    @asynccontextmanager
    async def begin_system(self) -> AsyncIterator[SqlSystemTransaction]:
        """As `UnitOfWork`."""
        async with self._telling(None) as connection:
            await allow_long_statements(connection)
            yield SqlSystemTransaction(connection, self.new_id)

    @asynccontextmanager
    async def _telling(self, org: OrgId | None) -> AsyncIterator[AsyncConnection]:
        async with self.database.write(org) as connection:
            outbox.take_written(connection)  # what a transaction wrote that was rolled back
            yield connection
            written = outbox.take_written(connection)
        if written:
            self.committed()


class SqlTransaction:
    """A transaction in one organisation."""

    def __init__(self, connection: AsyncConnection, org: OrgId, new_id: NewIds) -> None:
        self._connection, self._new_id = connection, new_id
        self.stories = SqlStories(connection, org, new_id)
        self.views = SqlViews(connection, org)
        self.reactions = SqlReactions(connection, org)
        self.replies = SqlReplies(connection, org)
        self.social = SqlSocial(connection, org)
        self.profiles = SqlProfiles(connection, org)
        self.graph = SqlGraph(connection, org)
        self.erasures = SqlErasures(connection, org)
        self.uploads = SqlUploads(connection, org)
        self.processing = SqlProcessing(connection, org)
        self.bin = SqlBin(connection, org)
        self.postings = SqlPostings(connection, org)
        self.reports = SqlReports(connection, org)
        self.audit = SqlAuditTrail(connection, org)
        self.webhooks = SqlWebhooks(connection, org)
        self.requests = SqlRequests(connection)

    async def clock(self) -> datetime:
        """As `Transaction`."""
        return (await self._connection.execute(_CLOCK)).scalar_one()

    async def publish(self, event: Event) -> None:
        """As `Transaction`."""
        await outbox.write(self._connection, [event], self._new_id)


class SqlSystemTransaction:
    """A transaction over all organisations."""

    def __init__(self, connection: AsyncConnection, new_id: NewIds) -> None:
        self._connection, self._new_id = connection, new_id

    async def clock(self) -> datetime:
        """As `SystemTransaction`."""
        return (await self._connection.execute(_CLOCK)).scalar_one()

    async def due_stories(self, *, limit: int) -> Sequence[Story]:
        """As `SystemTransaction`."""
        return await upkeep.due_stories(self._connection, limit)

    async def save(self, stories: Sequence[Story]) -> None:
        """As `SystemTransaction`."""
        await save_stories(self._connection, stories, self._new_id)

    async def sequence(self, *, limit: int) -> int:
        """As `SystemTransaction`."""
        return await outbox.sequence(self._connection, limit)

    async def undispatched(self, *, limit: int) -> Sequence[OutboxEvent]:
        """As `SystemTransaction`."""
        return await outbox.undispatched(self._connection, limit)

    async def dispatched(self, events: Sequence[OutboxEvent]) -> None:
        """As `SystemTransaction`."""
        await outbox.mark(self._connection, events)

    async def forget_events(self, *, after_seconds: float, readers: Collection[str], limit: int) -> int:
        """As `SystemTransaction`."""
        return await outbox.forget(self._connection, after_seconds, readers, limit)

    async def claim_upkeep(self, name: str, *, seconds: float) -> bool:
        """As `SystemTransaction`."""
        return await upkeep.claim(self._connection, name, seconds)

    async def return_upkeep(self, name: str) -> None:
        """As `SystemTransaction`."""
        await upkeep.give_back(self._connection, name)

    async def overdue_processing(self, *, lease_seconds: float, limit: int) -> Sequence[tuple[OrgId, StoryId]]:
        """As `SystemTransaction`."""
        return await upkeep.overdue_processing(self._connection, lease_seconds, limit)

    async def freeze_analytics(self, *, after_seconds: float, limit: int) -> int:
        """As `SystemTransaction`."""
        return await archives.freeze_analytics(self._connection, after_seconds, limit)

    async def drop_media(self, *, after_seconds: float | None, limit: int) -> int:
        """As `SystemTransaction`."""
        return await archives.drop_media(self._connection, after_seconds, limit)

    async def due_objects(self, *, lease_seconds: float, limit: int) -> Sequence[str]:
        """As `SystemTransaction`."""
        return await upkeep.due_objects(self._connection, lease_seconds, limit)

    async def forget_objects(self, keys: Iterable[str]) -> None:
        """As `SystemTransaction`."""
        await upkeep.forget_objects(self._connection, keys)

    async def forget_answers(self, *, limit: int) -> int:
        """As `SystemTransaction`."""
        return await forget_answers(self._connection, limit)

    async def forget_audiences(self, *, after_seconds: float, limit: int) -> int:
        """As `SystemTransaction`."""
        return await forget_past_audiences(self._connection, after_seconds, limit)

    async def due_erasures(self, *, lease_seconds: float, limit: int) -> Sequence[tuple[OrgId, UserId]]:
        """As `SystemTransaction`."""
        return await due_erasures(self._connection, lease_seconds, limit)

    async def known_objects(self, keys: Sequence[str]) -> Collection[str]:
        """As `SystemTransaction`."""
        return await reconcile.known_objects(self._connection, keys)

    async def adopt_objects(self, keys: Sequence[str]) -> None:
        """As `SystemTransaction`."""
        await reconcile.adopt_objects(self._connection, keys)

    async def kept_objects(self, *, after: str, limit: int) -> Sequence[str]:
        """As `SystemTransaction`."""
        return await reconcile.kept_objects(self._connection, after, limit)

    async def drop_missing(self, keys: Sequence[str]) -> Sequence[StoryId]:
        """As `SystemTransaction`."""
        return await reconcile.drop_missing(self._connection, keys)

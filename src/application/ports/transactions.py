"""Transactions: all or nothing, with the events of what was done."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from application.ports.erasures import Erasures
from application.ports.graph import Graph
from application.ports.media import Bin, Processing, Uploads
from application.ports.moderation import AuditTrail, Reports
from application.ports.people import Profiles, Social
from application.ports.quotas import Postings
from application.ports.requests import Requests
from application.ports.stories import ReactionBook, Replies, Stories, Views
from application.ports.webhooks import Webhooks
from domain.events import Event
from domain.story import Story
from domain.values import OrgId, StoryId, UserId


class Transaction(Protocol):
    """All or nothing: what is written through it, and the events of it, are committed together."""

    @property
    def stories(self) -> Stories: ...  # noqa: D102 - named by their types
    @property
    def views(self) -> Views: ...  # noqa: D102
    @property
    def reactions(self) -> ReactionBook: ...  # noqa: D102
    @property
    def replies(self) -> Replies: ...  # noqa: D102
    @property
    def social(self) -> Social: ...  # noqa: D102
    @property
    def profiles(self) -> Profiles: ...  # noqa: D102
    @property
    def graph(self) -> Graph: ...  # noqa: D102
    @property
    def erasures(self) -> Erasures: ...  # noqa: D102
    @property
    def uploads(self) -> Uploads: ...  # noqa: D102
    @property
    def processing(self) -> Processing: ...  # noqa: D102
    @property
    def bin(self) -> Bin: ...  # noqa: D102
    @property
    def postings(self) -> Postings: ...  # noqa: D102
    @property
    def reports(self) -> Reports: ...  # noqa: D102
    @property
    def audit(self) -> AuditTrail: ...  # noqa: D102
    @property
    def webhooks(self) -> Webhooks: ...  # noqa: D102
    @property
    def requests(self) -> Requests: ...  # noqa: D102

    async def clock(self) -> datetime:
        """Time of the database, read now (UTC, milliseconds); read it after what may wait for a lock."""

    async def publish(self, event: Event) -> None:
        """Write an event that belongs to no aggregate's own list."""


class OutboxEvent(Struct, frozen=True, kw_only=True):
    """An event as it was written with its change.

    Attributes:
        number: rises in the order of writing; not gapless, and not the order of commits.
        id: the same however often it is told.
        story: what it happened to; None: no story.
        type: its name on the wire.
    """

    number: int
    id: UUID
    org: OrgId
    story: StoryId | None
    type: str


class SystemTransaction(Protocol):
    """A transaction of the service's own upkeep, over all organisations."""

    async def due_stories(self, *, limit: int) -> Sequence[Story]:
        """Stories the clock has archived and nobody else is moving at the moment, longest over first."""

    async def save(self, stories: Sequence[Story]) -> None:
        """Write changed stories and their events.

        Raises:
            ConcurrentChangeError: a stored version is not the one that was loaded.
        """

    async def sequence(self, *, limit: int) -> int:
        """Give the oldest committed events that have no position the next ones; how many events.

        None, if another transaction is at it. Whoever sees a position sees all before it: there will never be another
        event with a lower one. The later of a story's life-cycle events has the higher position.
        """

    async def undispatched(self, *, limit: int) -> Sequence[OutboxEvent]:
        """Events that have a position, that nobody has dispatched and nobody else holds, oldest first."""

    async def dispatched(self, events: Sequence[OutboxEvent]) -> None:
        """They have been dispatched."""

    async def forget_events(self, *, after_seconds: float, readers: Collection[str], limit: int) -> int:
        """Forget the oldest events, if they are older than that and dispatched, at most so many; how many.

        None that one of ``readers``, cursors by their names, has not passed; nor any behind one that stays. Webhooks
        that have not passed them are told so.
        """

    async def claim_upkeep(self, name: str, *, seconds: float) -> bool:
        """Whether upkeep of that name is due: it is the caller's turn then, and not due again for so many seconds."""

    async def return_upkeep(self, name: str) -> None:
        """It could not be done: it is due again at once."""

    async def overdue_processing(self, *, lease_seconds: float, limit: int) -> Sequence[tuple[OrgId, StoryId]]:
        """Stories that wait to be processed and nobody holds (any more); they count as held for the lease given."""

    async def freeze_analytics(self, *, after_seconds: float, limit: int) -> int:
        """Freeze the insights of stories archived so long ago, and forget who viewed and reacted; how many stories."""

    async def drop_media(self, *, after_seconds: float | None, limit: int) -> int:
        """Give the media of stories archived so long ago to the bin; how many stories.

        None: never. The media of archived stories that were never published: at once.
        """

    async def due_objects(self, *, lease_seconds: float, limit: int) -> Sequence[str]:
        """Keys to delete now; they count as held for the lease given."""

    async def forget_objects(self, keys: Iterable[str]) -> None:
        """Their bytes are gone, and with them the uploads they were."""

    async def forget_answers(self, *, limit: int) -> int:
        """Forget first answers that are over, at most so many; how many."""

    async def forget_audiences(self, *, after_seconds: float, limit: int) -> int:
        """Forget whom stories were for until events so long ago, at most so many rows; how many."""

    async def due_erasures(self, *, lease_seconds: float, limit: int) -> Sequence[tuple[OrgId, UserId]]:
        """People to be erased whom nobody works on (any more); they count as held for the lease given."""

    async def known_objects(self, keys: Sequence[str]) -> Collection[str]:
        """Those of the keys that have a row."""

    async def adopt_objects(self, keys: Sequence[str]) -> None:
        """Give objects that have no row into the bin, to be deleted at once."""

    async def kept_objects(self, *, after: str, limit: int) -> Sequence[str]:
        """Keys of objects that are in use, by their order, from the first behind ``after`` on."""

    async def drop_missing(self, keys: Sequence[str]) -> Sequence[StoryId]:
        """Take back that these objects are there; the stories that are without media by that."""

    async def clock(self) -> datetime:
        """As in `Transaction`."""


class UnitOfWork(Protocol):
    """Begins transactions; keeps nothing between them."""

    def begin(self, org: OrgId) -> AbstractAsyncContextManager[Transaction]:
        """A transaction in one organisation: committed at the end, rolled back if anything is raised."""

    def begin_system(self) -> AbstractAsyncContextManager[SystemTransaction]:
        """A transaction over all organisations, for the service's own upkeep."""


class NewIds(Protocol):
    """Makes ids that sort by the time they were made (UUIDv7)."""

    def __call__(self) -> UUID:
        """An id nobody has."""

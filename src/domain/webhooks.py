"""Webhooks: where another service wants to be told of events, and what becomes of one that does not take them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self
from uuid import UUID

from domain.errors import ConflictError, InvalidError
from domain.events import ALL
from domain.values import OrgId, WebhookId, WebhookUrl

WEBHOOKS_MAX: Final = 20
"""Of one organisation."""
RETRY_FIRST_SECONDS: Final = 2.0
"""The first pause is at most so long, each later one at most twice as long as the one before."""
RETRY_MOST_SECONDS: Final = 600.0
"""No pause is longer: so long, at most, after a target is back, it is told of what it has missed."""
GIVEN_UP_MAX: Final = 2
"""So many events given up one after the other, and the webhook is disabled: it is not the events that are wrong."""

TYPES: Final = tuple(event.type for event in ALL)


class TooManyWebhooksError(ConflictError):
    """The organisation has as many webhooks as it may have."""

    detail = f"An organisation has at most {WEBHOOKS_MAX} webhooks. Delete one first."


class DisabledReason(StrEnum):
    """Why nothing is sent to a webhook."""

    GONE = "gone"
    """Its target has answered that it is not there any more (410)."""
    FAILING = "failing"
    """Too many events had to be given up."""


class DeliveryStatus(StrEnum):
    """What came of sending an event to a webhook."""

    DELIVERED = "delivered"
    FAILED = "failed"
    """It is tried again."""
    DEAD = "dead"
    """It was tried for long enough; it is sent again if somebody asks for it."""
    QUEUED = "queued"
    """It was dead, and is to be sent again."""
    GAP = "gap"
    """It can no longer be sent: events up to this position were forgotten, as they are after a while."""


def event_types(names: Iterable[str]) -> frozenset[str]:
    """The types of events that a webhook wants.

    Raises:
        InvalidError: none, or one that there is not.
    """
    wanted = frozenset(names)
    if not wanted or not wanted <= {*TYPES}:
        raise InvalidError("types", f"One or more of {', '.join(TYPES)}; absent: all")
    return wanted


def in_order(types: frozenset[str] | None) -> tuple[str, ...] | None:
    """Types of events, by the order of a story's life; None: all."""
    return None if types is None else tuple(each for each in TYPES if each in types)


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A target, and how far it has come.

    Attributes:
        types: of the events that it wants; None: of all.
        position: of the last event that is done with: delivered, given up, or not wanted.
        attempts: how often the next one was tried in vain.
        failing_since: when that was for the first time (UTC).
        due_at: nothing is sent before (UTC).
        given_up: how many events were given up since one was delivered.
        disabled: why nothing is sent; None: it is.
        replaying: whether some that were given up are to be sent again, before all others.
    """

    id: WebhookId
    org: OrgId
    url: WebhookUrl
    types: frozenset[str] | None
    created_at: datetime
    position: int
    attempts: int = 0
    failing_since: datetime | None = None
    due_at: datetime
    given_up: int = 0
    disabled: DisabledReason | None = None
    replaying: bool = False

    def wants(self, event_type: str) -> bool:
        """Whether it is told of events of a type."""
        return self.types is None or event_type in self.types

    def passes(self, position: int) -> Self:
        """All up to a position is done with."""
        return replace(self, position=max(self.position, position))

    def delivered(self, position: int, *, at: datetime) -> Self:
        """It took an event."""
        return replace(self.passes(position), attempts=0, failing_since=None, given_up=0, due_at=at)

    def failed(
        self, position: int, *, at: datetime, patience_seconds: float, jitter: float, pause_seconds: float = 0.0
    ) -> Self:
        """It did not take an event: it is tried again after a pause, or given up if that went on for too long.

        Args:
            position: of the event.
            at: when (UTC).
            patience_seconds: how long an event is tried.
            jitter: 0 to 1, by chance: the part of the longest pause that is waited, so that not all come at once.
            pause_seconds: how long the target asks for.
        """
        since = self.failing_since or at
        if at - since >= timedelta(seconds=patience_seconds):
            return self._gives_up(position, at)
        longest = min(RETRY_MOST_SECONDS, RETRY_FIRST_SECONDS * 2.0 ** min(self.attempts, 30))
        pause = max(jitter * longest, min(pause_seconds, RETRY_MOST_SECONDS))
        return replace(
            self,
            attempts=self.attempts + 1,
            failing_since=since,
            due_at=at + timedelta(milliseconds=round(pause * 1_000)),
        )

    def gone(self) -> Self:
        """Its target is not there any more; the event stays the next one, should it come back."""
        return replace(self, disabled=DisabledReason.GONE)

    def resumes(self, *, at: datetime, position: int | None = None, replaying: bool = False) -> Self:
        """Somebody asks for it to be told at once, whatever became of it before.

        Args:
            at: when (UTC).
            position: after which it is told everything again; None: after the last it was told.
            replaying: whether there are events that were given up and are sent again.
        """
        return replace(
            self,
            position=self.position if position is None else position,
            attempts=0,
            failing_since=None,
            due_at=at,
            given_up=0,
            disabled=None,
            replaying=self.replaying or replaying,
        )

    def replayed(self) -> Self:
        """Those that were given up have all been sent again."""
        return replace(self, replaying=False)

    def _gives_up(self, position: int, at: datetime) -> Self:
        given_up = self.given_up + 1
        return replace(
            self.passes(position),
            attempts=0,
            failing_since=None,
            due_at=at,
            given_up=given_up,
            disabled=DisabledReason.FAILING if given_up >= GIVEN_UP_MAX else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """That an event was sent to a webhook, or cannot be any more.

    Attributes:
        position: of the event; of a gap: of the last that is missing.
        event: its id; None: of a gap.
        type: its type; None: of a gap.
        attempt: which one it was, from 1.
        at: when it was sent (UTC).
        seconds: how long that took.
        http_status: what the target answered; None: it did not.
        reason: why there was no answer, in a word.
    """

    position: int
    event: UUID | None = None
    type: str | None = None
    status: DeliveryStatus
    attempt: int = 0
    at: datetime
    seconds: float = 0.0
    http_status: int | None = None
    reason: str | None = None

"""Replay what was given up at webhooks, of any organisation, for whoever runs the service."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby

from msgspec import Struct

from application.caller import Caller
from application.commands.replay_webhook import ReplayWebhook, ReplayWebhookHandler
from application.ports.people import Role
from application.queries.list_dead_letters import DeadDelivery, DeadLettersReader
from domain.errors import NotFoundError
from domain.values import OrgId, UserId, WebhookId

OPERATOR = UserId("operator")


class ReplayDeadLetters(Struct, frozen=True, kw_only=True):
    """Replay what was given up.

    Attributes:
        only: what, by its ids; empty: all.
    """

    only: frozenset[str]


@dataclass(frozen=True, slots=True)
class ReplayDeadLettersHandler:
    """Replays it, webhook by webhook."""

    reader: DeadLettersReader
    replay: ReplayWebhookHandler

    async def __call__(self, command: ReplayDeadLetters) -> int:
        """Replay it, and answer how many events."""
        dead = [each for each in await self.reader.dead() if not command.only or each.id in command.only]
        replayed = 0
        for (org, webhook_id), letters in groupby(sorted(dead, key=_of), key=_of):
            caller = Caller(org=org, user=OPERATOR, roles=frozenset({Role.SERVICE}))
            only = [letter.number for letter in letters]
            with suppress(NotFoundError):  # it was deleted meanwhile
                done = await self.replay(ReplayWebhook(caller=caller, webhook_id=webhook_id, only=only))
                replayed += done.dead_letters
        return replayed


def _of(letter: DeadDelivery) -> tuple[OrgId, WebhookId]:
    return letter.org, letter.webhook_id

"""The broker: queues, middleware, and wake-ups as messages. A message only says where to look; the truth is in SQL."""

from __future__ import annotations

import asyncio
from typing import Final

import dramatiq
from dramatiq import Broker, Middleware
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker
from dramatiq.errors import BrokerConnectionError
from dramatiq.middleware import AgeLimit, Callbacks, CurrentMessage, Retries, ShutdownNotifications, TimeLimit
from redis.exceptions import RedisError

from application.ports.errors import UnavailableError
from application.ports.work import Policy
from domain.values import OrgId, StoryId

QUEUES: Final = {
    Policy.PROCESS_MEDIA: "media",
    Policy.EMPTY_BIN: "upkeep",
    Policy.CLEAN_ARCHIVES: "upkeep",
}
"""Media have a queue of their own: they are slow, and nothing else should wait for them."""

_HEARTBEAT_MILLISECONDS: Final = 15_000
"""How soon the broker takes a message back from a worker that has died."""
_MAINTENANCE_CHANCE: Final = 100_000
"""Of a million commands, how many also look for messages to take back."""
_TIME_LIMIT_MILLISECONDS: Final = 900_000
"""Longer than the longest video may take; a worker that dies meanwhile is noticed by its lease, not by this."""
_SOCKET_SECONDS: Final = 30
_MESSAGE_AGE_MILLISECONDS: Final = 3_600_000
"""Older wake-ups are dropped: whatever is still undone has been woken again since."""


def open_broker(redis_url: str | None, *, namespace: str) -> Broker:
    """A broker over Redis, or within this process if there is no URL. Nothing is connected yet."""
    middleware: list[Middleware] = [
        AgeLimit(max_age=_MESSAGE_AGE_MILLISECONDS),
        TimeLimit(time_limit=_TIME_LIMIT_MILLISECONDS),
        ShutdownNotifications(),
        Callbacks(),
        Retries(max_retries=3, min_backoff=1_000, max_backoff=30_000),
        CurrentMessage(),
    ]
    broker: Broker
    if redis_url is None:
        broker = StubBroker(middleware=middleware)
    else:
        joined = "&" if "?" in redis_url else "?"
        broker = RedisBroker(  # type: ignore[no-untyped-call]
            url=f"{redis_url}{joined}socket_timeout={_SOCKET_SECONDS}",  # by URL: a keyword would be ignored
            namespace=namespace,
            middleware=middleware,
            heartbeat_timeout=_HEARTBEAT_MILLISECONDS,
            maintenance_chance=_MAINTENANCE_CHANCE,
        )
    for queue in set(QUEUES.values()):
        broker.declare_queue(queue)
    return broker


class BrokerWakeups:
    """As `Wakeups`."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def wake(self, policy: Policy, org: OrgId, story_id: StoryId) -> None:
        """As `Wakeups`."""
        message: dramatiq.Message[None] = dramatiq.Message(
            queue_name=QUEUES[policy], actor_name=policy.value, args=(org, str(story_id)), kwargs={}, options={}
        )
        try:
            await asyncio.to_thread(self._broker.enqueue, message)
        except (RedisError, BrokerConnectionError) as error:
            raise UnavailableError("The broker does not answer.") from error

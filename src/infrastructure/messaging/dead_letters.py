"""Dead letters: messages that workers have given up on, as the broker keeps them in Redis for a week."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import BrokerConnectionError
from msgspec import Struct
from redis.exceptions import RedisError

from application.ports.errors import UnavailableError
from infrastructure.messaging.broker import QUEUES


class DeadLetter(Struct, frozen=True, kw_only=True):
    """A message that was given up.

    Attributes:
        at: when it was given up.
        reason: the last line of what went wrong; empty: it is not known.
    """

    id: str
    queue: str
    policy: str
    org: str
    story: str
    at: datetime
    reason: str


class DeadLetters:
    """The dead letters of all queues, oldest first."""

    def __init__(self, broker: RedisBroker) -> None:
        self._broker = broker
        self._redis: Any = broker.client

    def all(self) -> Sequence[DeadLetter]:
        """All there are. Blocks.

        Raises:
            UnavailableError: Redis does not answer.
        """
        with _translated():
            return sorted(
                (_letter(queue, *found) for queue in sorted(set(QUEUES.values())) for found in self._messages(queue)),
                key=lambda letter: letter.at,
            )

    def replay(self, only: frozenset[str]) -> int:
        """Send them again, or ``only`` those with these ids if there are any, and answer how many. Blocks.

        Each is sent before it is removed: killed in between, it is there twice, which policies bear.

        Raises:
            UnavailableError: Redis does not answer.
        """
        replayed = 0
        with _translated():
            for queue in sorted(set(QUEUES.values())):
                for letter, message, _ in list(self._messages(queue)):
                    if not only or letter in only:
                        self._broker.enqueue(_anew(message, queue))
                        self._redis.zrem(self._name(queue), letter)
                        self._redis.hdel(f"{self._name(queue)}.msgs", letter)
                        replayed += 1
        return replayed

    def _messages(self, queue: str) -> Iterator[tuple[str, Message[Any], datetime]]:
        for found, milliseconds in self._redis.zrange(self._name(queue), 0, -1, withscores=True):
            data = self._redis.hget(f"{self._name(queue)}.msgs", found)
            if data is not None:
                yield found.decode(), Message.decode(data), datetime.fromtimestamp(milliseconds / 1000, UTC)

    def _name(self, queue: str) -> str:
        return f"{self._broker.namespace}:{queue}.XQ"


def _anew(message: Message[Any], queue: str) -> Message[Any]:
    """The message as if it had never been tried, and were of now: old ones are dropped."""
    return Message(
        queue_name=queue, actor_name=message.actor_name, args=message.args, kwargs=message.kwargs, options={}
    )


def _letter(queue: str, letter: str, message: Message[Any], at: datetime) -> DeadLetter:
    org, story = message.args
    lines = str(message.options.get("traceback", "")).strip().splitlines()
    return DeadLetter(
        id=letter,
        queue=queue,
        policy=message.actor_name,
        org=str(org),
        story=str(story),
        at=at,
        reason=lines[-1] if lines else "",
    )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (RedisError, BrokerConnectionError) as error:
        raise UnavailableError("Redis does not answer.") from error

"""Forgetting events: the old ones, from the oldest on, and none that somebody still has to read."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from application.policies.forget_events import ForgetEvents
from infrastructure.sql.outbox import PURGED
from infrastructure.sql.tables import outbox
from tests.stage import Stage

DAY = 86_400


async def left(stage: Stage, *readers: str, after_seconds: float = DAY) -> list[int | None]:
    """What is left after forgetting."""
    await ForgetEvents(stage.container.unit_of_work(), after_seconds, readers)()
    return [event.position for event in await stage.events()]


async def aged(stage: Stage, *positions: int) -> None:
    """A day and a moment pass for these events, which are dispatched."""
    async with stage.container.database().write(None) as connection:
        for event in await stage.events():
            if event.position in positions:
                await connection.execute(
                    update(outbox)
                    .where(outbox.c.number == event.number)
                    .values(occurred_at=event.occurred_at - timedelta(seconds=DAY + 1), published_at=event.occurred_at)
                )


async def posted(stage: Stage) -> None:
    """Two stories, and thus four events."""
    for _ in range(2):
        await stage.post_text("alice")
    await stage.container.sequence_events()()


async def test_old_events_are_forgotten_and_the_others_stay(stage: Stage) -> None:
    await posted(stage)
    assert await left(stage) == [1, 2, 3, 4]
    await aged(stage, 1, 2)
    assert await left(stage, after_seconds=DAY * 2) == [1, 2, 3, 4]
    assert await left(stage) == [3, 4]
    assert await stage.container.event_cursors().position(PURGED) == 2
    assert await left(stage, after_seconds=0.0) == [3, 4], "nobody has dispatched them"


async def test_what_a_reader_has_not_passed_stays_however_old(stage: Stage) -> None:
    await posted(stage)
    await aged(stage, 1, 2, 3, 4)
    cursors = stage.container.event_cursors()
    assert await left(stage, "stream") == [1, 2, 3, 4]
    await cursors.move("stream", 3)
    assert await left(stage, "stream", "other") == [1, 2, 3, 4]
    await cursors.move("other", 2)
    assert await left(stage, "stream", "other") == [3, 4]
    assert await left(stage, "stream") == [4]
    assert await left(stage) == []


async def test_none_is_forgotten_behind_one_that_stays(stage: Stage) -> None:
    await posted(stage)
    await aged(stage, 1, 3, 4)
    assert await left(stage) == [2, 3, 4]


async def test_what_has_no_position_stays(stage: Stage) -> None:
    await stage.post_text("alice")
    assert await left(stage, after_seconds=0.0) == [None, None]


async def test_more_than_a_batch_is_forgotten_in_one_go(stage: Stage) -> None:
    async with stage.container.unit_of_work().begin_system() as tx:
        assert await tx.forget_events(after_seconds=0, readers=(), limit=1) == 0
    await posted(stage)
    await aged(stage, 1, 2, 3, 4)
    async with stage.container.unit_of_work().begin_system() as tx:
        assert await tx.forget_events(after_seconds=DAY, readers=(), limit=3) == 3
    assert await stage.container.forget_events()() == 0, "by default they are kept for three days"
    assert await left(stage) == []

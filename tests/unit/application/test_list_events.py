"""Events for other services: of their organisation, in order, from any position on that is still kept."""

from __future__ import annotations

import msgspec
import pytest
from msgspec import structs

from application.ports.people import Role
from application.queries.list_events import ListEvents, ListEventsHandler, PositionGoneError
from domain.errors import RoleRequiredError
from infrastructure.sql import event_cursors
from infrastructure.sql.outbox import PURGED
from tests.stage import Stage


async def positions(stage: Stage, after: int | None = None, limit: int = 1_000) -> list[int]:
    """What a service reads after a position."""
    service = structs.replace(stage.caller("app"), roles=frozenset({Role.SERVICE}))
    query = ListEvents(caller=service, after=after, limit=limit, wait=0)
    return [msgspec.json.decode(line)["position"] for line in await stage.container.list_events()(query)]


async def test_a_service_reads_on_from_where_it_stopped(stage: Stage) -> None:
    for _ in range(3):
        await stage.post_text("alice")
    assert await positions(stage) == []
    await stage.container.sequence_events()()
    assert await positions(stage) == [1, 2, 3, 4, 5, 6]
    assert await positions(stage, after=0, limit=2) == [1, 2]
    assert await positions(stage, after=4) == [5, 6]
    assert await positions(stage, after=6) == []


async def test_nothing_is_told_of_another_organisation(stage: Stage) -> None:
    elsewhere = Stage(stage.container, "another")
    for town in (stage, elsewhere, stage):
        await town.post_text("alice")
    await stage.container.sequence_events()()
    assert await positions(stage) == [1, 2, 5, 6]
    assert await positions(elsewhere) == [3, 4]
    assert await positions(Stage(stage.container, "empty")) == []


@pytest.mark.parametrize("role", [None, Role.MODERATOR, Role.ADMIN])
async def test_it_takes_a_service_to_read_them(stage: Stage, role: Role | None) -> None:
    who = structs.replace(stage.caller("alice"), roles=frozenset({role} if role else ()))
    with pytest.raises(RoleRequiredError):
        await stage.container.list_events()(ListEvents(caller=who, after=None, limit=1, wait=0))


async def test_who_comes_back_too_late_is_told_so_and_may_begin_anew(stage: Stage) -> None:
    await stage.post_text("alice")
    await stage.container.sequence_events()()
    async with stage.container.database().write(None) as connection:
        await event_cursors.move(connection, PURGED, 1)
    for late in (0, 0):
        with pytest.raises(PositionGoneError):
            await positions(stage, after=late)
    assert await positions(stage, after=1) == [2]
    assert len(await positions(stage)) == 2


class Arriving:
    """Something arrives while somebody waits, so many times; time passes otherwise."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.now, self.waits = stage, 0.0, list[float]()

    async def wait(self, known: int, seconds: float) -> int:
        self.waits.append(seconds)
        self.now += 4
        town = Stage(self.stage.container, "another") if len(self.waits) == 1 else self.stage
        await town.post_text("alice")
        await self.stage.container.sequence_events()()
        return known + 2


async def test_who_would_rather_wait_is_answered_when_something_happens_in_their_organisation(stage: Stage) -> None:
    arriving = Arriving(stage)
    handler = ListEventsHandler(
        stage.container.event_reader(), arriving, source="http://stories.test", clock=lambda: arriving.now
    )
    service = structs.replace(stage.caller("app"), roles=frozenset({Role.SERVICE}))
    lines = await handler(ListEvents(caller=service, after=None, limit=10, wait=10))
    assert [msgspec.json.decode(line)["position"] for line in lines] == [3, 4]
    assert arriving.waits == [10, 6]


async def test_who_has_waited_long_enough_is_answered_with_nothing(stage: Stage) -> None:
    arriving = Arriving(stage)
    handler = ListEventsHandler(stage.container.event_reader(), arriving, source="", clock=lambda: arriving.now)
    service = structs.replace(Stage(stage.container, "empty").caller("app"), roles=frozenset({Role.SERVICE}))
    assert await handler(ListEvents(caller=service, after=None, limit=10, wait=10)) == []
    assert arriving.waits == [10, 6, 2]

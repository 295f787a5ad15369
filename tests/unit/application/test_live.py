"""Live updates: who hears what, in which order, and what happens to those who are slow, late or too many."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from application.live import BATCH, REPLAYED_MAX, WAITING_MAX, Ending, Frame, Hub, Listener, TooManyListenersError
from application.ports.errors import UnavailableError
from application.ports.events import SequencedEvent
from application.ports.live import Hearer
from domain.values import OrgId, StoryId, UserId
from tests.patience import PATIENCE_SECONDS
from tests.stage import caller
from tests.unit.application.doubles import Meanwhile, nothing

STORY = StoryId(UUID("01890000-0000-7000-8000-000000000000"))
AT = datetime(2026, 11, 25, 12, tzinfo=UTC)
HERE, THERE = OrgId("test"), OrgId("other")


class Log:
    """As `EventReader` and `LiveAudience`: a list of events, each with those who may hear of it.

    Attributes:
        forgotten: up to which position nothing is kept.
        while_reading: happens after events were read.
        while_looking: happens while it is looked where the events end.
        while_asking: happens while it is found out who may hear.
    """

    def __init__(self) -> None:
        self.kept: list[tuple[SequencedEvent, dict[str, str]]] = []
        self.forgotten = 0
        self.while_reading: Meanwhile = nothing
        self.while_asking: Meanwhile = nothing
        self.while_looking: Meanwhile = nothing
        self.asked: list[tuple[OrgId, list[int], set[str]]] = []

    def add(self, of_type: str = "story.published", hear: str = "", org: OrgId = HERE, **data: Any) -> int:
        """Something happens; ``hear`` names those who may hear of it, with ``-`` those who see it no longer."""
        position = len(self.kept) + 1
        event = SequencedEvent(
            position=position,
            id=STORY,
            org=org,
            type=of_type,
            subject=str(STORY),
            version=None,
            at=AT,
            data={"ownerId": "alice", **data},
        )
        self.kept.append((event, {name.lstrip("-+"): name[0] for name in hear.split()}))
        return position

    async def last(self) -> int:
        await self.while_looking()
        return len(self.kept)

    async def purged(self) -> int:
        return self.forgotten

    async def after(self, org: OrgId | None, position: int, *, limit: int) -> Sequence[SequencedEvent]:
        kept = self.kept[max(position, self.forgotten) :]
        await self.while_reading()
        return [event for event, _ in kept if org in {None, event.org}][:limit]

    async def hearers(self, org: OrgId, positions: Sequence[int], listening: Collection[UserId]) -> Sequence[Hearer]:
        self.asked.append((org, list(positions), set(listening)))
        await self.while_asking()
        found = []
        for event, hear in self.kept:
            if event.position in positions and event.org == org:
                for user in listening:
                    way = hear.get(user)
                    if way is not None and way != "-":
                        found.append(Hearer(event.position, user, before=False))
                    if way in {"-", "+"}:
                        found.append(Hearer(event.position, user, before=True))
        return found


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def hub(log: Log) -> Hub:
    return Hub(log, log, user_max=3, all_max=5)


def waiting(listener: Listener) -> list[dict[str, Any]]:
    """What waits for somebody; they have it then."""
    frames = []
    while listener.waits:
        next_one = listener.next()
        with pytest.raises(StopIteration) as stopped:
            next_one.send(None)
        frames.append(message(stopped.value.value))
    return frames


def message(frame: Frame) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(frame.body)
    assert decoded.keys() == {"id", "type", "time", "storyId", "userId", "data"}
    assert decoded["id"] == str(frame.position)
    assert decoded["type"] == frame.type
    return decoded


def ids(frames: list[dict[str, Any]]) -> list[int]:
    return [int(frame["id"]) for frame in frames]


async def missed(hub: Hub, listener: Listener, after: int) -> list[dict[str, Any]]:
    return [message(frame) async for frame in hub.missed(listener, after)]


async def test_an_event_reaches_all_places_of_those_who_may_hear_of_it_and_nobody_else(hub: Hub, log: Log) -> None:
    async with (
        hub.listening(caller("bob")) as bob,
        hub.listening(caller("bob")) as bobs_phone,
        hub.listening(caller("carol")) as carol,
        hub.listening(caller("bob", THERE)) as namesake,
    ):
        log.add(hear="bob", kind="text", visibility="Friends", expiresAt="2026-11-26T12:00:00.000Z")
        assert await hub.deliver() == 1
        heard = waiting(bob)
        assert heard == waiting(bobs_phone)
        assert heard == [
            {
                "id": "1",
                "type": "story.published",
                "time": "2026-11-25T12:00:00.000Z",
                "storyId": str(STORY),
                "userId": "alice",
                "data": {"kind": "text", "expiresAt": "2026-11-26T12:00:00.000Z"},
            }
        ]
        assert waiting(carol) == waiting(namesake) == []
        assert log.asked == [(HERE, [1], {"bob", "carol"})]
        assert await hub.deliver() == 0


async def test_what_happened_before_somebody_came_is_not_told_to_them(hub: Hub, log: Log) -> None:
    log.add(hear="bob")
    async with hub.listening(caller("bob")) as bob:
        assert await hub.deliver() == 0
        log.add(hear="bob")
        assert await hub.deliver() == 1
        assert ids(waiting(bob)) == [2]


async def test_without_anybody_there_nothing_is_read(hub: Hub, log: Log) -> None:
    log.add(hear="bob")
    assert await hub.deliver() == 0
    assert log.asked == []
    async with hub.listening(caller("bob")) as bob:
        log.add(hear="bob")
        await hub.deliver()
        assert ids(waiting(bob)) == [2]


async def test_of_two_who_come_at_the_same_moment_none_misses_what_happens_in_it(hub: Hub, log: Log) -> None:
    first: list[Listener] = []
    arrived = hub.listening(caller("carol"))

    async def arrive() -> None:
        log.while_looking = nothing
        first.append(await arrived.__aenter__())
        log.add(hear="bob carol")

    log.while_looking = arrive
    async with hub.listening(caller("bob")) as bob:
        await hub.deliver()
        assert ids(waiting(first[0])) == [1]
        assert ids(waiting(bob)) == [1]
        await arrived.__aexit__(None, None, None)


async def test_whoever_comes_while_a_batch_is_told_hears_of_it_by_looking_back_and_not_twice(
    hub: Hub, log: Log
) -> None:
    async with hub.listening(caller("carol")):
        log.add(hear="bob carol")
        arrived = hub.listening(caller("bob"))
        late: list[Listener] = []

        async def arrive() -> None:
            log.while_asking = nothing
            late.append(await arrived.__aenter__())

        log.while_asking = arrive
        await hub.deliver()
        log.add(hear="bob")
        await hub.deliver()
        assert ids(await missed(hub, late[0], 0)) == [1]
        assert ids(waiting(late[0])) == [2]
        await arrived.__aexit__(None, None, None)


async def test_whoever_comes_after_events_were_read_and_before_it_is_asked_who_is_here_hears_them_once(
    hub: Hub, log: Log
) -> None:
    async with hub.listening(caller("carol")):
        log.add(hear="bob")
        arrived = hub.listening(caller("bob"))
        late: list[Listener] = []

        async def arrive() -> None:
            log.while_reading = nothing
            late.append(await arrived.__aenter__())

        log.while_reading = arrive
        await hub.deliver()
        assert ids(await missed(hub, late[0], 0) + waiting(late[0])) == [1]
        await arrived.__aexit__(None, None, None)


async def test_when_the_database_is_away_nobody_is_told_and_later_everybody_once(hub: Hub, log: Log) -> None:
    async def away() -> None:
        log.while_asking = nothing
        raise UnavailableError("away")

    async with hub.listening(caller("bob")) as bob:
        log.add(hear="bob carol")
        log.while_asking = away
        with pytest.raises(UnavailableError):
            await hub.deliver()
        async with hub.listening(caller("carol")) as carol:
            log.add(hear="bob carol")
            assert await hub.deliver() == 2
            assert ids(waiting(bob)) == [1, 2]
            assert ids(await missed(hub, carol, 0)) == [1]
            assert ids(waiting(carol)) == [2]


async def test_more_than_a_batch_is_told_in_order_of_events(hub: Hub, log: Log) -> None:
    async with hub.listening(caller("bob")) as bob, hub.listening(caller("carol", THERE)) as carol:
        for number in range(BATCH + 2):
            log.add(hear="bob carol" if number % 10 == 0 else "", org=(HERE, THERE)[number % 20 == 0])
        assert await hub.deliver() == BATCH
        assert await hub.deliver() == 2
        assert ids(waiting(bob)) == [number + 1 for number in range(BATCH + 2) if number % 20 == 10]
        assert ids(waiting(carol)) == [number + 1 for number in range(BATCH + 2) if number % 20 == 0]


async def test_what_others_do_with_a_story_is_told_to_whom_it_concerns(hub: Hub, log: Log) -> None:
    async with hub.listening(caller("alice")) as alice, hub.listening(caller("bob")) as bob:
        log.add("story.viewed", "alice", viewerId="bob")
        log.add("story.reacted", "alice", userId="bob", reaction="love")
        log.add("story.reaction_removed", "alice", userId="bob", reaction="love")
        log.add("story.replied", "alice", replyId="r", sender="bob", recipient="alice")
        log.add("story.replied", "alice bob", replyId="s", sender="alice", recipient="bob")
        log.add("story.viewed", "bob", ownerId="dave", viewerId="bob")
        log.add("story.created", "bob")
        await hub.deliver()
        heard = waiting(alice)
        assert [(each["type"], each["userId"], each["data"]) for each in heard] == [
            ("story.viewed", "bob", {"viewerId": "bob"}),
            ("story.reacted", "bob", {"userId": "bob", "reaction": "love"}),
            ("story.reaction_removed", "bob", {"userId": "bob", "reaction": "love"}),
            ("story.replied", "bob", {"replyId": "r", "sender": "bob", "recipient": "alice"}),
            ("story.replied", "alice", {"replyId": "s", "sender": "alice", "recipient": "bob"}),
        ]
        assert ids(waiting(bob)) == [5]
        assert log.asked == [(HERE, [1, 2, 3, 4, 5], {"alice", "bob"})], "nobody here is concerned by the others"


async def test_a_batch_that_concerns_nobody_asks_nothing(hub: Hub, log: Log) -> None:
    async with hub.listening(caller("bob")) as bob:
        log.add("story.viewed", "", viewerId="carol")
        log.add(hear="bob", org=THERE)
        assert await hub.deliver() == 2
        assert log.asked == []
        assert hub.reached(bob) == 2


async def test_of_an_archived_and_of_a_deleted_story_those_hear_who_saw_it_and_not_why(hub: Hub, log: Log) -> None:
    async with hub.listening(caller("bob")) as bob:
        log.add("story.archived", "-bob", reason="moderation")
        log.add("story.deleted", "-bob")
        await hub.deliver()
        heard = [(each["type"], each["userId"], each["data"]) for each in waiting(bob)]
        assert heard == [("story.archived", "alice", {}), ("story.deleted", "alice", {})]


async def test_a_change_is_told_without_what_is_the_owners_affair(hub: Hub, log: Log) -> None:
    async with (
        hub.listening(caller("kept")) as kept,
        hub.listening(caller("new")) as new,
        hub.listening(caller("out")) as out,
    ):
        log.add("story.updated", "+kept new -out", changed=["caption", "audience"], visibility="Custom")
        await hub.deliver()
        assert [(each["type"], each["data"]) for each in waiting(kept)] == [("story.updated", {"changed": ["caption"]})]
        assert [(each["type"], each["data"]) for each in waiting(new)] == [("story.updated", {"changed": ["caption"]})]
        assert [(each["type"], each["data"]) for each in waiting(out)] == [("story.deleted", {})]


async def test_another_audience_is_told_to_those_alone_for_whom_something_changed(hub: Hub, log: Log) -> None:
    async with (
        hub.listening(caller("kept")) as kept,
        hub.listening(caller("new")) as new,
        hub.listening(caller("out")) as out,
    ):
        log.add("story.updated", "+kept new -out", changed=["audience"], visibility="Custom")
        await hub.deliver()
        assert waiting(kept) == []
        assert [(each["type"], each["data"]) for each in waiting(new)] == [("story.updated", {"changed": []})]
        assert [(each["type"], each["data"]) for each in waiting(out)] == [("story.deleted", {})]


async def test_somebody_who_waits_hears_at_once(hub: Hub, log: Log) -> None:
    async with hub.listening(caller("bob")) as bob:
        hearing = asyncio.create_task(bob.next())
        await asyncio.sleep(0)
        log.add(hear="bob")
        await hub.deliver()
        log.add(hear="bob")
        await hub.deliver()
        async with asyncio.timeout(PATIENCE_SECONDS):
            frame = await hearing
        assert frame is not None
        assert frame.position == 1
        assert hub.reached(bob) == 1, "the second waits"
        assert ids(waiting(bob)) == [2]
        assert hub.reached(bob) == 2


async def test_who_does_not_take_what_waits_is_left_and_who_does_is_not(hub: Hub, log: Log) -> None:
    async with hub.listening(caller("slow")) as slow, hub.listening(caller("quick")) as quick:
        for _ in range(WAITING_MAX + 1):
            log.add(hear="slow quick")
        heard = []
        while await hub.deliver():
            heard += ids(waiting(quick))
        assert slow.ending is Ending.SLOW
        assert quick.ending is None
        assert heard == list(range(1, WAITING_MAX + 2))
        assert not slow.waits
        assert await slow.next() is None
        async with asyncio.timeout(PATIENCE_SECONDS):
            await slow.over()
        log.add(hear="slow")
        await hub.deliver()
        slow.end(Ending.STOPPING)
        assert slow.ending is Ending.SLOW, "the first reason stands"


async def test_who_waits_is_told_that_it_is_over(hub: Hub) -> None:
    async with hub.listening(caller("bob")) as bob:
        hearing = asyncio.create_task(bob.next())
        await asyncio.sleep(0)
        hub.stop()
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await hearing is None
        assert bob.ending is Ending.STOPPING
    async with hub.listening(caller("bob")) as late:
        assert late.ending is Ending.STOPPING


async def test_what_cannot_be_delivered_is_left_out_and_everybody_knows(hub: Hub, log: Log) -> None:
    async def broken() -> None:
        log.while_asking = nothing
        raise ZeroDivisionError

    async with hub.listening(caller("bob")) as bob:
        log.add(hear="bob")
        log.while_asking = broken
        with pytest.raises(ZeroDivisionError):
            await hub.deliver()
        hub.skip()
        assert bob.ending is Ending.SLOW
        async with hub.listening(caller("carol")) as carol:
            log.add(hear="carol")
            assert await hub.deliver() == 1
            assert ids(waiting(carol)) == [2]


async def test_a_user_and_all_together_can_listen_at_so_many_places(hub: Hub) -> None:
    async with (
        hub.listening(caller("bob")),
        hub.listening(caller("bob")),
        hub.listening(caller("bob")),
    ):
        with pytest.raises(TooManyListenersError) as refused:
            async with hub.listening(caller("bob")):
                pass
        assert refused.value.by_user
        async with hub.listening(caller("bob", THERE)), hub.listening(caller("carol")):
            assert hub.count == 5
            with pytest.raises(TooManyListenersError) as refused:
                async with hub.listening(caller("dave")):
                    pass
            assert not refused.value.by_user
        async with hub.listening(caller("dave")):
            assert hub.count == 4
    assert hub.count == 0


async def test_who_comes_back_hears_what_they_missed_and_then_what_is_new(hub: Hub, log: Log) -> None:
    for number in range(2 * BATCH + 10):
        log.add(hear="bob" if number % 100 == 0 else "carol", org=(HERE, THERE)[number % 3 == 1])
    async with hub.listening(caller("bob")) as bob:
        log.add(hear="bob")
        await hub.deliver()
        expected = [position for position in range(201, 2 * BATCH + 11, 100) if (position - 1) % 3 != 1]
        assert ids(await missed(hub, bob, 150)) == expected
        assert ids(waiting(bob)) == [2 * BATCH + 11]
        assert await missed(hub, bob, bob.position) == []


async def test_who_comes_back_too_late_is_told_to_read_anew_and_goes_on_from_there(hub: Hub, log: Log) -> None:
    for _ in range(10):
        log.add(hear="bob")
    log.forgotten = 5
    async with hub.listening(caller("bob")) as bob:
        assert ids(await missed(hub, bob, 5)) == [6, 7, 8, 9, 10]
        assert await missed(hub, bob, 4) == [
            {"id": "10", "type": "resync", "time": None, "storyId": None, "userId": None, "data": {}}
        ]
        log.add(hear="bob")
        await hub.deliver()
        assert ids(waiting(bob)) == [11]


async def test_what_is_forgotten_while_it_is_read_is_noticed(hub: Hub, log: Log) -> None:
    for _ in range(BATCH + 10):
        log.add(hear="bob")

    async def forget() -> None:
        log.forgotten = BATCH + 5

    async with hub.listening(caller("bob")) as bob:
        looking = hub.missed(bob, 0)
        assert (await anext(looking)).position == 1
        await forget()
        assert [frame.type async for frame in looking][BATCH - 1 :] == ["resync"]


async def test_who_has_missed_too_much_is_told_to_read_anew(hub: Hub, log: Log) -> None:
    for _ in range(REPLAYED_MAX + 1):
        log.add("story.viewed", ownerId="carol", viewerId="dave")
    async with hub.listening(caller("bob")) as bob:
        assert [frame["type"] for frame in await missed(hub, bob, 0)] == ["resync"]
        assert await missed(hub, bob, 1) == []


async def test_who_comes_from_a_process_that_was_quicker_is_told_nothing_twice(hub: Hub, log: Log) -> None:
    async with hub.listening(caller("carol")), hub.listening(caller("bob")) as bob:
        for _ in range(3):
            log.add(hear="bob")
        assert await missed(hub, bob, 2) == []
        await hub.deliver()
        assert ids(waiting(bob)) == [3]


async def test_who_names_a_position_that_never_was_is_told_to_read_anew(hub: Hub, log: Log) -> None:
    log.add(hear="bob")
    async with hub.listening(caller("bob")) as bob:
        assert [frame["type"] for frame in await missed(hub, bob, 99)] == ["resync"]
        log.add(hear="bob")
        await hub.deliver()
        assert ids(waiting(bob)) == [2]


async def test_frames_that_came_before_it_was_known_that_they_were_had_are_dropped(hub: Hub, log: Log) -> None:
    async with hub.listening(caller("bob")) as bob:
        for _ in range(3):
            log.add(hear="bob")
        await hub.deliver()
        assert await missed(hub, bob, 2) == []
        assert ids([message(frame) for frame in [await bob.next()] if frame]) == [3]


async def test_looking_back_ends_when_it_is_over(hub: Hub, log: Log) -> None:
    for _ in range(2 * BATCH):
        log.add(hear="bob")
    async with hub.listening(caller("bob")) as bob:
        looking = hub.missed(bob, 0)
        await anext(looking)
        bob.end(Ending.UNPROVEN)
        assert len([frame async for frame in looking]) == BATCH - 1

"""Nothing that was acknowledged is lost, and nothing happens twice, whatever is killed; and the rig would see it."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.chaos.check import is_quiet, violations
from tests.chaos.faults import FAULTS
from tests.chaos.load import Ledger, Person
from tests.chaos.rig import Rig
from tests.processes import eventually

pytestmark = [
    *(pytest.mark.e2e, pytest.mark.slow, pytest.mark.postgres, pytest.mark.redis),
    pytest.mark.timeout(7_200),
]

KILLS: Final = int(os.environ.get("CHAOS_KILLS", "12"))
"""How often something is killed or hung; `make chaos` says how often."""
SEED: Final = int(os.environ.get("CHAOS_SEED", "1"))
PEOPLE: Final = 6
WHOLE: Final = "CHAOS_KILLS" in os.environ


@pytest.fixture
def fault() -> str | None:
    """What is wrong with the service."""
    return None


@pytest.fixture
def rig(fault: str | None) -> Iterator[Rig]:
    """The rig, with everything running."""
    with tempfile.TemporaryDirectory(prefix="stories-chaos-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as another user
        rig = Rig(Path(folder), SEED, fault)
        try:
            rig.start_all()
            yield rig
        finally:
            rig.close()


async def lived_through(rig: Rig, kills: int, *, seconds: float, pace: float = 0.4) -> Ledger:
    """People go on living while this and that is killed, so often and for so long at least."""
    ledger, until = Ledger(), asyncio.Event()
    await asyncio.to_thread(rig.make_webhook)
    people = [
        Person(rig.url, await asyncio.to_thread(rig.token, f"user-{number}"), f"user-{number}", ledger, SEED + number)
        for number in range(PEOPLE)
    ]
    living = [asyncio.create_task(person.live(people, until)) for person in people]
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(seconds))
        group.create_task(rig.disturb(kills, pace=pace))
    until.set()
    await asyncio.gather(*living)
    await asyncio.to_thread(rig.heal)
    return ledger


async def test_nothing_is_lost_and_nothing_done_twice_whatever_is_killed(rig: Rig) -> None:
    ledger = await lived_through(rig, KILLS, seconds=6)
    await asyncio.to_thread(eventually, lambda: is_quiet(rig), "everything has followed", seconds=120)
    found = violations(rig, ledger)
    made = {"answers": ledger.answers, "stories": len(ledger.posted), "views": len(ledger.viewed)}
    again = len(rig.hook.taken) - len({*rig.hook.taken})
    told = {"events": len(rig.stream()), "told again by the webhook": again, "violations": len(found)}
    sys.stdout.write(f"\n{sum(rig.kills.values())} kills {dict(rig.kills)}: {made | told}\n")
    assert found == []
    assert ledger.posted
    assert ledger.viewed


SEEN: Final = {
    "cursor_relay": "an event without a position: ",
    "missing_expiry": "a story was seen after its end",
    "counter_outside": "a count is not what it counts: ",
    "cached_allow": "an archived story was seen",
    "forgotten_org": "200 for a story of another organisation",
}
"""By what each fault is to be seen."""


@pytest.mark.skipif(not WHOLE, reason="by make chaos: 20 s each")
@pytest.mark.parametrize("fault", FAULTS)
async def test_the_rig_sees_a_fault_that_is_planted(rig: Rig, fault: str) -> None:
    ledger = await lived_through(rig, 6 if fault == "counter_outside" else 0, seconds=12)
    await asyncio.sleep(3)
    found = violations(rig, ledger)
    assert [each for each in found if each.startswith(SEEN[fault])], found

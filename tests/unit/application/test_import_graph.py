"""Importing a graph, as a use case: who may, and that lines hold in their order over batches."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from msgspec import structs

from application.commands.import_graph import (
    BATCH,
    BlockRecord,
    FriendshipRecord,
    Imported,
    ImportGraph,
    ImportReport,
    Line,
    ProfileRecord,
)
from application.ports.people import Profile, Role
from domain.errors import RoleRequiredError
from domain.values import UserId
from tests.stage import Stage

ALICE, BOB = UserId("alice"), UserId("bob")


async def run(stage: Stage, *lines: Line, role: Role = Role.SERVICE) -> ImportReport:
    """Import lines."""
    caller = structs.replace(stage.caller("app"), roles=frozenset({role}))
    return await stage.container.import_graph()(ImportGraph(caller=caller, lines=_each(lines)))


async def _each(lines: tuple[Line, ...]) -> AsyncIterator[Line]:
    for line in lines:
        yield line


async def test_only_a_service_imports_and_nothing_is_read_for_others(stage: Stage) -> None:
    with pytest.raises(RoleRequiredError):
        await run(stage, (1, "never read"), role=Role.ADMIN)


async def test_what_a_line_says_holds_against_a_line_of_an_earlier_batch(stage: Stage) -> None:
    filling = [(number, "bad") for number in range(2, BATCH + 1)]
    told = ProfileRecord(ALICE, Profile(username="ally"))
    first: list[Line] = [(1, BlockRecord(BOB, ALICE)), *filling]
    report = await run(stage, *first, (BATCH + 1, FriendshipRecord(ALICE, BOB)), (BATCH + 2, told), (BATCH + 3, told))
    assert report.blocks == Imported(imported=1, unchanged=0)
    assert report.friendships == Imported(imported=0, unchanged=0)
    assert report.profiles == Imported(imported=1, unchanged=1)
    assert report.bad == BATCH

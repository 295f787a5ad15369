"""The table catches a wrong predicate: each fault planted is seen, and only where it makes a difference."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from tests.http.authorisation.cells import Cell
from tests.http.authorisation.plants import PLANTS, planted
from tests.http.authorisation.play import Player, only

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

STORY, FEED = "GET /api/story/{story}", "GET /api/story/feed/{me}?limit=100"

SEEN: Final[dict[str, tuple[set[str], set[str]]]] = {
    "blocks are not asked for": ({"blocked", "blocker"}, {"Active", "Clock"}),
    "everybody is a friend": (
        {
            "close, no friend",
            "requested",
            "listed",
            "stranger",
            "moderator",
            "admin",
            "service",
            "service for stranger",
        },
        {"Active", "Clock"},
    ),
    "a request makes friends": ({"requested"}, {"Active", "Clock"}),
    "everybody is a close friend": ({"friend", "stranger"}, {"Active", "Clock"}),
    "everybody is listed": ({"friend", "close friend", "stranger"}, {"Active", "Clock"}),
    "nobody is muted": ({"muter"}, {"Active"}),
    "time never ends": ({"friend", "muter", "stranger"}, {"Clock"}),
    "what is archived is shown": ({"friend", "muter", "stranger"}, {"Manual"}),
    "what was never shown was seen": ({"friend", "muter", "stranger"}, {"Processing"}),
    "everybody is the owner": ({"friend", "stranger", "blocked"}, {"Active", "Clock", "Processing"}),
    "all organisations are one": ({"owner elsewhere"}, {"Active"}),
}
"""For each plant: some who are to see more than they may, and in which states."""

WALLED: Final = ("all organisations are one", "postgresql")
"""The plant that makes no difference there: row-level security keeps organisations apart by itself."""


@pytest.mark.parametrize("plant", PLANTS)
async def test_a_wrong_predicate_is_caught(player: Player, cells: list[Cell], plant: str, engine: str) -> None:
    who, when = SEEN[plant]
    request = FEED if plant == "nobody is muted" else STORY
    with planted(PLANTS[plant]):
        report = await player.play(only(cells, request, *when))
    if (plant, engine) == WALLED:
        assert report.played
        assert not report.wrong, str(report)
        return
    assert report.wrong, "nothing was seen of it"
    assert who <= {wrong.cell.actor for wrong in report.wrong}, str(report)
    assert when <= {wrong.cell.state for wrong in report.wrong}, str(report)


def _pretended(cells: list[Cell], request: str, actor: str, expected: str) -> list[Cell]:
    """A cell as it would stand in a wrong table."""
    return [
        replace(cell, expected=expected)
        for cell in only(cells, request, "Active")
        if (cell.actor, cell.visibility) == (actor, "Public")
    ]


async def test_what_ought_to_be_refused_and_is_done_is_reported_as_done(player: Player, cells: list[Cell]) -> None:
    replies = "POST /api/story/{story}/replies"
    report = await player.play(_pretended(cells, replies, "listed", "404"))
    assert [wrong.got for wrong in report.wrong] == ["201"]
    assert report.changed == [replies]


async def test_a_refusal_that_reads_otherwise_is_told_apart(player: Player, cells: list[Cell]) -> None:
    hidden = only(cells, STORY, "Deleted")[:1]
    report = await player.play([*hidden, *_pretended(cells, "GET {upload link}", "owner", "404")])
    assert [wrong.got for wrong in report.wrong] == ["404n"]
    assert len(report.hidden) == 2

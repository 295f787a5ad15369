"""Who may do what: every cell of the table, asked over HTTP, on both engines."""

from __future__ import annotations

import pytest

from tests.http.authorisation.cells import Cell
from tests.http.authorisation.play import Player

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


async def test_every_cell_of_the_table_is_as_it_says(player: Player, served_cells: list[Cell]) -> None:
    report = await player.play(served_cells)
    assert not report.wrong, str(report)
    assert not report.changed, str(report)
    assert report.played == len(served_cells)
    assert len(report.hidden) == 1, report.hidden

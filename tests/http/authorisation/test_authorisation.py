"""Who may do what: every cell of the table, asked over HTTP, on both engines."""

from __future__ import annotations

import pytest

from tests.http.authorisation.cells import Cell, all_cells
from tests.http.authorisation.play import Player, only

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

REQUESTS = list(dict.fromkeys(cell.request for cell in all_cells()))


@pytest.mark.parametrize("request_", REQUESTS)
async def test_every_cell_of_a_request_is_as_the_table_says(player: Player, cells: list[Cell], request_: str) -> None:
    mine = [cell for cell in cells if cell.request == request_]
    report = await player.play(mine)
    assert not report.wrong, str(report)
    assert not report.changed, str(report)
    assert report.played == len(mine)
    # What must tell nothing reads the same whatever was asked for: as the first cell of this kind in the table.
    await player.ask(only(cells, "GET /api/story/{story}", "Deleted")[:1], report)
    assert len(report.hidden) == 1, report.hidden

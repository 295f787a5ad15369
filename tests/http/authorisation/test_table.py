"""The table itself: it leaves nothing out."""

from __future__ import annotations

from collections import Counter

import httpx
import pytest

from domain.audience import Visibility
from tests.http.authorisation.actors import ACTORS
from tests.http.authorisation.cells import ABOUT_STORIES, CODES, NO_REQUEST, Cell, classes, described, sections
from tests.http.authorisation.conftest import Theatre
from tests.http.authorisation.scene import STATES
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.slow

NOT_ABOUT_ANYBODY = {"GET /health/live", "GET /health/ready", "GET /metrics"}


@pytest.mark.parametrize("audience", ["audience", "feed"])
def test_every_actor_is_something_to_every_story(audience: str) -> None:
    found = classes(audience)
    assert found.keys() == ACTORS.keys()
    assert all(by_visibility.keys() == set(Visibility) for by_visibility in found.values())


def test_every_state_has_a_column_and_every_value_a_meaning() -> None:
    for file in ABOUT_STORIES:
        states, defaults, requests = sections(file)
        assert tuple(states) == STATES
        values = {value for section in (defaults, *requests) for row in section.rows.values() for value in row}
        assert values <= {"in", "out", "200", "201", "204", NO_REQUEST, *CODES}


def test_it_has_a_cell_for_every_combination_and_no_two_for_one(cells: list[Cell]) -> None:
    assert len(cells) >= 3_500
    counted = Counter((cell.request, cell.actor, cell.visibility, cell.state) for cell in cells)
    assert set(counted.values()) == {1}
    about_stories = Counter(cell.request for cell in cells if cell.state)
    for request, count in about_stories.items():
        asked = len(ACTORS) - (2 if "link}" in request else 0)  # a link has no token to be of elsewhere, or to lie
        assert count == asked * len(Visibility) * len(STATES), request
    about_people = Counter(cell.request for cell in cells if not cell.state)
    assert set(about_people.values()) == {len(ACTORS)}


async def test_every_request_that_the_service_knows_is_in_it(theatre: Theatre, cells: list[Cell]) -> None:
    async with httpx.AsyncClient(base_url=theatre.url, timeout=PATIENCE_SECONDS) as client:
        paths = (await client.get("/schema/openapi.json")).json()["paths"]
    known = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    written = {described(cell.request) for cell in cells}
    served = {described(request) for request in known - NOT_ABOUT_ANYBODY}
    assert served == written

"""Whether the service lives and works, asked by whoever keeps it running."""

from __future__ import annotations

from tests.http.town import Town, refused


async def test_the_process_says_that_it_lives_to_anybody(town: Town) -> None:
    response = await town.stranger().get("/health/live")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_it_is_ready_when_its_database_and_its_media_answer_and_names_them(town: Town) -> None:
    response = await town.stranger().get("/health/ready")
    assert response.status_code == 200
    told = response.json()
    waiting = told.pop("waiting")
    assert told == {"status": "ok", "stores": {"database": "ok", "media": "ok"}}
    assert waiting.keys() == {"events", "unsequenced", "overdue", "processing", "objects", "erasures", "webhooks"}
    assert waiting["unsequenced"].keys() == {"count", "oldestSeconds"}


async def test_a_probe_may_ask_by_head(town: Town) -> None:
    response = await town.stranger().head("/health/ready")
    assert (response.status_code, response.content) == (200, b"")


async def test_nothing_else_is_told_about_health(town: Town) -> None:
    refused(await town.stranger().get("/health"), 404, "not_found")
    refused(await town.stranger().post("/health/live"), 405, "method_not_allowed")

"""The rooms hold what the published descriptions say they hold."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from domain.audience import Visibility
from domain.story import Story

SRC = Path(__file__).parents[2] / "src"


@pytest.mark.says(
    "story:architecture domain-layer-domain  ",
    "story:architecture domain-layer-domain ",
    "story:architecture domain-layer-domain",
)
def test_the_domain_has_the_aggregate_its_values_and_its_events() -> None:
    assert all(callable(getattr(Story, behaviour)) for behaviour in ("post", "archive", "expire", "delete"))
    assert {module.stem for module in (SRC / "domain").glob("*.py")} >= {"story", "values", "audience", "events"}
    assert {"Public", "Friends", "OnlyMe"} <= set(Visibility)


@pytest.mark.says(
    "story:architecture application-layer-application commands-create-archive queries-get-feed  ",
    "story:architecture application-layer-application commands-create-archive queries-get-feed ",
    "story:architecture application-layer-application commands-create-archive queries-get-feed",
)
@pytest.mark.parametrize(
    ("room", "handler"),
    [
        ("commands.post_story", "PostStoryHandler"),
        ("commands.archive_story", "ArchiveStoryHandler"),
        ("commands.delete_story", "DeleteStoryHandler"),
        ("commands.react_to_story", "ReactToStoryHandler"),
        ("commands.track_view", "TrackViewHandler"),
        ("queries.get_recommended_feed", "GetRecommendedFeedHandler"),
        ("queries.get_story", "GetStoryHandler"),
        ("queries.list_viewers", "ListViewersHandler"),
        ("queries.list_history", "ListHistoryHandler"),
    ],
)
def test_every_command_and_query_has_a_module_of_its_own(room: str, handler: str) -> None:
    assert callable(getattr(import_module(f"application.{room}"), handler))

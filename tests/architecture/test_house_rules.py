"""Our own rules hold in src and tests, and each catches the bait laid for it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture import house_rules

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src"
TESTS = ROOT / "tests"

Rule = Callable[[Path], list[str]]

WHERE_THEY_HOLD: list[tuple[Rule, Path]] = [
    (house_rules.names_say_what_lives_there, SRC),
    (house_rules.names_say_what_lives_there, TESTS),
    (house_rules.domain_imports_the_standard_library_only, SRC),
    (house_rules.application_imports_domain_and_msgspec_only, SRC),
    (house_rules.domain_is_pure, SRC),
    (house_rules.doubles_are_adapters, TESTS),
    (house_rules.nothing_is_left_for_later, SRC),
    (house_rules.a_handler_is_called_with_its_message, SRC),
]

BAITS: list[tuple[Rule, str, str]] = [
    (house_rules.names_say_what_lives_there, "domain/utils.py", ""),
    (house_rules.names_say_what_lives_there, "application/story_helpers.py", ""),
    (house_rules.names_say_what_lives_there, "infrastructure/common/clock.py", ""),
    (house_rules.names_say_what_lives_there, "domain/base.py", ""),
    (house_rules.names_say_what_lives_there, "infrastructure/session_manager.py", ""),
    (house_rules.domain_imports_the_standard_library_only, "domain/story.py", "import attrs"),
    (house_rules.domain_imports_the_standard_library_only, "domain/story.py", "def f():\n    from msgspec import json"),
    (house_rules.application_imports_domain_and_msgspec_only, "application/ports.py", "from pydantic import BaseModel"),
    (house_rules.application_imports_domain_and_msgspec_only, "application/ports.py", "import infrastructure.sql"),
    (house_rules.domain_is_pure, "domain/story.py", "async def publish(): ..."),
    (house_rules.domain_is_pure, "domain/story.py", "from time import monotonic"),
    (house_rules.domain_is_pure, "domain/story.py", "import os.path"),
    (house_rules.domain_is_pure, "domain/story.py", "at = datetime.now(tz=UTC)"),
    (house_rules.domain_is_pure, "domain/story.py", "key = uuid.uuid4()"),
    (house_rules.domain_is_pure, "domain/story.py", "text = open('story.txt')"),
    (house_rules.doubles_are_adapters, "unit/test_story.py", "from unittest.mock import patch"),
    (house_rules.doubles_are_adapters, "unit/test_story.py", "import unittest.mock"),
    (house_rules.doubles_are_adapters, "unit/test_story.py", "def test_it(mocker): ..."),
    (house_rules.doubles_are_adapters, "unit/test_story.py", "store = MagicMock()"),
    (house_rules.doubles_are_adapters, "unit/test_story.py", "monkeypatch.setattr(story, 'archive', None)"),
    (house_rules.nothing_is_left_for_later, "domain/story.py", "# TODO: expire"),
    (house_rules.nothing_is_left_for_later, "domain/story.py", "x = 1  # FIXME(me) expire"),
    (
        house_rules.a_handler_is_called_with_its_message,
        "application/commands/archive_story.py",
        "class ArchiveStory: ...",
    ),
    (
        house_rules.a_handler_is_called_with_its_message,
        "application/commands/archive_story.py",
        "class ArchiveStoryHandler:\n    def handle(self, command): ...",
    ),
    (
        house_rules.a_handler_is_called_with_its_message,
        "application/queries/get_story.py",
        "class GetStoryHandler:\n    async def __call__(self, query, actor): ...",
    ),
    (
        house_rules.a_handler_is_called_with_its_message,
        "application/queries/get_story.py",
        "class GetStoryHandler(Handler):\n    async def __call__(self, query): ...",
    ),
]

CLEAN = {
    "domain/story.py": "from datetime import datetime\n\n\ndef archive(at: datetime) -> None: ...\n",
    "application/ports.py": "from typing import Protocol\n\nfrom msgspec import Struct\n\nimport domain.story\n",
    "application/commands/archive_story.py": (
        "class ArchiveStoryHandler:\n    async def __call__(self, command): ...\n\n    def _due(self): ...\n"
    ),
    "application/queries/cards.py": "class StoryCard: ...\n",
    "unit/test_settings.py": "def test_it(monkeypatch):\n    monkeypatch.setenv('PORT', '1')\n",
}


def plant(tree: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text, encoding="utf-8")
    return tree


def name_of(value: object) -> str | None:
    return getattr(value, "__name__", None) or (value.name if isinstance(value, Path) else None)


@pytest.mark.parametrize(("rule", "tree"), WHERE_THEY_HOLD, ids=name_of)
def test_the_house_keeps_its_rule(rule: Rule, tree: Path) -> None:
    assert rule(tree) == []


@pytest.mark.parametrize(("rule", "name", "text"), BAITS, ids=name_of)
def test_a_rule_catches_its_bait(rule: Rule, name: str, text: str, tmp_path: Path) -> None:
    plant(tmp_path, CLEAN)
    assert rule(tmp_path) == [], "without the bait there is nothing to find"

    plant(tmp_path, {name: text})

    assert [each for each in rule(tmp_path) if each.startswith(name.rpartition("/")[0])]


def test_every_rule_has_a_place_and_a_bait() -> None:
    assert {rule for rule, _ in WHERE_THEY_HOLD} == {rule for rule, _, _ in BAITS}

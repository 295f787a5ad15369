"""Every sentence of the published descriptions is named by a test that holds the service to it."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

TESTS: Final = Path(__file__).parents[1]
SOURCES: Final = {"story": "story_api.toml", "community": "community_api.toml"}
CLAUSES: Final = {"settled", "motive", "later"}
MOTIVES_MAX: Final = 20

Sentences = Mapping[str, str | Mapping[str, str]]


def published() -> dict[str, str | dict[str, str]]:
    """Every sentence, by its name."""
    return {
        f"{source}:{section} {name}": sentence
        for source, file in SOURCES.items()
        for section, sentences in tomllib.loads((TESTS / "sources" / file).read_text()).items()
        for name, sentence in sentences.items()
    }


def named(tree: Path) -> Iterator[str]:
    """Every sentence that a test names: ``@pytest.mark.says("source:section name name", ...)``."""
    for path in sorted(tree.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="mark"), attr="says"), args=arguments):
                    for argument in arguments:
                        section, *names = ast.literal_eval(argument).split()
                        yield from (f"{section} {name}" for name in names)


def broken(sentences: Sentences, names: set[str]) -> list[str]:
    """What is wrong with who says what."""
    bound = {name for name, sentence in sentences.items() if not _kinds(sentence) & {"motive", "later"}}
    return sorted(
        [f"no test names {name}" for name in bound - names]
        + [f"there is no {name}" for name in names - sentences.keys()]
        + [f"{name} is named, and said to bind nobody" for name in names & (sentences.keys() - bound)]
        + [f"{name} says two things of itself" for name, sentence in sentences.items() if len(_kinds(sentence)) > 1]
    )


def _kinds(sentence: str | Mapping[str, str]) -> set[str]:
    return set() if isinstance(sentence, str) else {*sentence} - {"says"}


def test_every_sentence_is_named_by_a_test_and_no_test_names_another() -> None:
    assert broken(published(), set(named(TESTS))) == []


def test_a_sentence_is_a_sentence_with_at_most_one_clause_about_it() -> None:
    for name, sentence in published().items():
        assert _kinds(sentence) <= CLAUSES, name
        assert sentence if isinstance(sentence, str) else all(sentence.values()) and sentence["says"], name


def test_few_sentences_are_motives() -> None:
    motives = [name for name, sentence in published().items() if "motive" in _kinds(sentence)]
    assert len(motives) <= MOTIVES_MAX


@pytest.mark.parametrize(
    ("sentences", "names", "found"),
    [
        ({"s:a one": "One."}, set(), "no test names s:a one"),
        ({}, {"s:a two"}, "there is no s:a two"),
        ({"s:a one": {"says": "One.", "motive": "why not"}}, {"s:a one"}, "s:a one is named, and said to bind nobody"),
        ({"s:a one": {"says": "One.", "settled": "so", "motive": "why"}}, set(), "s:a one says two things of itself"),
    ],
)
def test_what_is_wrong_is_found(sentences: Sentences, names: set[str], found: str) -> None:
    assert broken(sentences, names) == [found]


def test_names_are_read_where_they_stand(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text('@pytest.mark.says("s:a one two", "s:b three")\ndef test_it(): ...\n')
    assert set(named(tmp_path)) == {"s:a one", "s:a two", "s:b three"}

"""Every attack on the list has a test that carries its number, and no test carries another."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.http.attacks import ATTACKS

TESTS = Path(__file__).parents[1]


def _marked(tree: ast.AST) -> Iterator[int]:
    """The numbers in ``@pytest.mark.attack(...)``, on tests alone."""
    for test in ast.walk(tree):
        if isinstance(test, ast.FunctionDef | ast.AsyncFunctionDef) and test.name.startswith("test_"):
            for mark in test.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.attack":
                    yield from (ast.literal_eval(number) for number in mark.args)


def test_every_attack_has_a_test_of_its_own_number() -> None:
    files = sorted(TESTS.rglob("test_*.py"))
    marked = [number for file in files for number in _marked(ast.parse(file.read_text(encoding="utf-8")))]
    assert set(marked) == set(ATTACKS)


def test_a_mark_is_read_where_it_stands_and_nowhere_else() -> None:
    source = """
@pytest.mark.attack(3, 7)
@pytest.mark.slow
async def test_it(): ...

@pytest.mark.attack(9)
def a_double(): ...

@pytest.mark.attacks(8)
def test_another(): ...
"""
    assert list(_marked(ast.parse(source))) == [3, 7]

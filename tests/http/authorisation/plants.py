"""Faults to plant: one predicate taken out of every statement, in the driver's seat, with no code changed.

Found by their shape, not by their name: a new statement that forgets nothing is hit as well as an old one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Engine, Table, event, false, true
from sqlalchemy.sql import ClauseElement, operators
from sqlalchemy.sql.elements import BinaryExpression, BindParameter, ColumnClause
from sqlalchemy.sql.selectable import Exists
from sqlalchemy.sql.visitors import iterate, replacement_traverse

from infrastructure.sql.dialect import clock
from infrastructure.sql.tables import blocks, close_friends, friendships, mutes, stories, story_audience

Instead = Callable[[ClauseElement], ClauseElement | None]
"""What stands in place of a part of a statement; None: the part itself."""


def _asks(table: Table) -> Callable[[ClauseElement], bool]:
    """Whether a part asks if there is a row in a table."""
    return lambda part: isinstance(part, Exists) and any(inner is table for inner in iterate(part))


def _compares(column: ColumnClause[Any], with_what: Callable[[ClauseElement], bool]) -> Callable[[ClauseElement], bool]:
    """Whether a part compares a column with something."""

    def does(part: ClauseElement) -> bool:
        if not isinstance(part, BinaryExpression):
            return False
        sides = (part.left, part.right)
        return any(side is column for side in sides) and any(with_what(side) for side in sides)

    return does


def _parameter(name: str) -> Callable[[ClauseElement], bool]:
    return lambda part: isinstance(part, BindParameter) and part.key == name


def _value(value: str) -> Callable[[ClauseElement], bool]:
    return lambda part: isinstance(part, BindParameter) and part.value == value


def _never_published(part: ClauseElement) -> bool:
    return isinstance(part, BinaryExpression) and part.operator is operators.is_ and part.left is stories.c.published_at


def _put(matches: Callable[[ClauseElement], bool], instead: Callable[[], ClauseElement]) -> Instead:
    return lambda part: instead() if matches(part) else None


PLANTS: Final[dict[str, Instead]] = {
    "blocks are not asked for": _put(_asks(blocks), false),
    "everybody is a friend": _put(_asks(friendships), true),
    "a request makes friends": _put(lambda part: part is friendships.c.confirmed, true),
    "everybody is a close friend": _put(_asks(close_friends), true),
    "everybody is listed": _put(_asks(story_audience), true),
    "nobody is muted": _put(_asks(mutes), false),
    "time never ends": _put(_compares(stories.c.expires_at, lambda side: isinstance(side, clock)), true),
    "what is archived is shown": _put(_compares(stories.c.status, _value("Active")), true),
    "what was never shown was seen": _put(_never_published, false),
    "everybody is the owner": _put(_compares(stories.c.owner_id, _parameter("viewer")), true),
    "all organisations are one": _put(_compares(stories.c.org_id, _parameter("org")), true),
}


@contextmanager
def planted(instead: Instead) -> Iterator[None]:
    """Every statement of this process, with the fault in it."""

    def replace(element: Any, **_: Any) -> Any:
        return instead(element)

    def spoil(_connection: object, statement: Any, multi: Any, parameters: Any, _options: object) -> Any:
        return replacement_traverse(statement, {}, replace), multi, parameters

    event.listen(Engine, "before_execute", spoil, retval=True)
    try:
        yield
    finally:
        event.remove(Engine, "before_execute", spoil)

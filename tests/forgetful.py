"""A database whose statements have all forgotten the organisation: what is left to keep two apart is the wall."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BindParameter, ClauseElement, ColumnClause, literal_column, or_
from sqlalchemy import event as events
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import BinaryExpression

from infrastructure.sql.database import Database


class ForgetfulDatabase(Database):
    """Holds every comparison of an ``org_id`` with a parameter for true, in every statement that it runs."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.forgotten = 0
        events.listen(self._writing.sync_engine, "before_execute", self._forget, retval=True)
        if self.dialect == "sqlite":  # an engine of its own
            events.listen(self._reading.sync_engine, "before_execute", self._forget, retval=True)

    def _forget(self, _: object, statement: Any, many: Any, one: Any, __: object) -> tuple[Any, Any, Any]:
        return visitors.replacement_traverse(statement, {}, self._truth), many, one

    def _truth(self, element: Any, **_: object) -> ClauseElement | None:
        if not isinstance(element, BinaryExpression) or element.operator is not operators.eq:
            return None
        sides = (element.left, element.right)
        if not any(isinstance(side, ColumnClause) and side.name == "org_id" for side in sides):
            return None
        if not any(isinstance(side, BindParameter) for side in sides):
            return None
        self.forgotten += 1
        return or_(element, literal_column("1 = 1")).self_group()

"""First answers to requests that may come again, as rows written in the transaction of what they tell of."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, delete, literal, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from application.ports.requests import FirstAnswer, RequestInProgressError, RequestKey
from infrastructure.sql.dialect import clock, seconds_from_now, upsert_into
from infrastructure.sql.locks import hold_request
from infrastructure.sql.tables import idempotency_keys

KEPT_SECONDS: Final = 86_400.0

_KEY: Final = ("org_id", "user_id", "route", "key")
_over = idempotency_keys.c.answered_at <= seconds_from_now(literal(-KEPT_SECONDS))


def _keep(engine: str) -> postgresql.Insert | sqlite.Insert:
    """An insert; an answer that is over, and not forgotten yet, makes room."""
    put = upsert_into(idempotency_keys, engine).values(answered_at=clock())
    new = {name: put.excluded[name] for name in ("fingerprint", "refused", "answer", "answered_at")}
    return put.on_conflict_do_update(index_elements=_KEY, set_=new)


_FIRST = select(idempotency_keys.c.fingerprint, idempotency_keys.c.refused, idempotency_keys.c.answer).where(
    *(idempotency_keys.c[name] == bindparam(name) for name in _KEY), ~_over
)
_KEEP = {engine: _keep(engine) for engine in ("postgresql", "sqlite")}
_key = tuple_(*(idempotency_keys.c[name] for name in _KEY))
_FORGET = delete(idempotency_keys).where(
    _key.in_(
        select(*(idempotency_keys.c[name] for name in _KEY))
        .where(_over)
        .limit(bindparam("limit"))
        .with_for_update(skip_locked=True)
    )
)


class SqlRequests:
    """As `Requests`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def hold(self, request: RequestKey) -> FirstAnswer | None:
        """As `Requests`."""
        # Two statements: the second must see what was committed before the first has got its lock.
        if not await hold_request(self._connection, *_values(request).values()):
            raise RequestInProgressError
        row = (await self._connection.execute(_FIRST, _values(request))).one_or_none()
        return None if row is None else FirstAnswer(fingerprint=row[0], refused=row[1], answer=row[2])

    async def keep(self, request: RequestKey, answer: bytes, *, refused: bool) -> None:
        """As `Requests`."""
        row = {**_values(request), "fingerprint": request.fingerprint, "refused": refused, "answer": answer}
        await self._connection.execute(_KEEP[self._connection.dialect.name], row)


async def forget_answers(connection: AsyncConnection, limit: int) -> int:
    """As `SystemTransaction`."""
    return (await connection.execute(_FORGET, {"limit": limit})).rowcount


def _values(request: RequestKey) -> dict[str, str]:
    return {"org_id": request.org, "user_id": request.user, "route": request.route, "key": request.key}

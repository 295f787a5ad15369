"""The social graph as rows, many at a time: each statement takes a whole batch, as one value of JSON."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import structs
from sqlalchemy import (
    JSON,
    BindParameter,
    Column,
    ColumnElement,
    Delete,
    Select,
    String,
    Table,
    and_,
    bindparam,
    delete,
    func,
    select,
    true,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from application.ports.graph import Pair
from application.ports.people import Profile
from domain.values import OrgId, UserId
from infrastructure.sql.dialect import ENGINES, clock, upsert_into
from infrastructure.sql.locks import lock_graph
from infrastructure.sql.tables import blocks, close_friends, friendships, profiles

_TOLD: Final = Profile.__struct_fields__
_ORG: BindParameter[str] = bindparam("of_org", type_=String)


def _cells(engine: str, width: int) -> list[ColumnElement[Any]]:
    """The columns of a batch, which is a list of lists of texts."""
    if engine == "postgresql":
        rows = func.jsonb_array_elements(bindparam("rows", type_=JSONB)).table_valued(Column("value", JSONB))
        return [rows.c.value[number].astext for number in range(width)]
    listed = func.json_each(bindparam("rows", type_=JSON)).table_valued("value")
    return [func.json_extract(listed.c.value, f"$[{number}]", type_=String) for number in range(width)]


def _looked_up(engine: str, table: Table, wanted: ColumnElement[Any]) -> Select[Any]:
    """The keys of the batch, each with what its row of a table says; without a row: None.

    A subquery for each, not a join: an import fills tables of which the planner knows nothing yet, and it would read
    all of them, again and again. And the keys are taken out of JSON behind an OFFSET: behind the wall no index is used
    with what a function makes at that moment.
    """
    key = _key(table)
    keys = select(*(cell.label(column.name) for cell, column in zip(_cells(engine, len(key)), key, strict=True)))
    asked = keys.offset(0).subquery("asked")
    same = and_(table.c.org_id == _ORG, *(column == asked.c[column.name] for column in key))
    return select(*asked.c, select(wanted).where(same).scalar_subquery())


def _added(engine: str, table: Table, **values: ColumnElement[Any]) -> Any:
    """An insert of the pairs of the batch, with the other values; those that are there already are left out."""
    key = [column.name for column in _key(table)]
    # WHERE: or SQLite takes ON CONFLICT for a part of a join.
    rows = select(_ORG, *_cells(engine, len(key)), *values.values()).where(true())
    return upsert_into(table, engine).from_select(["org_id", *key, *values], rows).on_conflict_do_nothing()


def _befriended(engine: str) -> Any:
    """As `_added`; who was asked is a friend by it."""
    key = ["org_id", "user_id", "friend_id"]
    rows = select(_ORG, *_cells(engine, 2), true()).where(true())
    put = upsert_into(friendships, engine).from_select([*key, "confirmed"], rows)
    return put.on_conflict_do_update(index_elements=key, set_={"confirmed": put.excluded.confirmed})


def _removed(table: Table) -> Delete:
    one, other = _key(table)
    return delete(table).where(table.c.org_id == _ORG, one == bindparam("one"), other == bindparam("other"))


def _key(table: Table) -> Sequence[Column[Any]]:
    """The columns of a table's key beside the organisation."""
    return list(table.primary_key.columns)[1:]


def _known(engine: str) -> Select[Any]:
    columns = [profiles.c[name] for name in _TOLD]
    row = func.jsonb_build_array(*columns) if engine == "postgresql" else func.json_array(*columns)
    return _looked_up(engine, profiles, type_coerce(row, JSON))


def _told(engine: str) -> Any:
    """An upsert of the profiles of the batch; what is null in them stays as it is."""
    user, *told = _cells(engine, 1 + len(_TOLD))
    at = bindparam("at", type_=profiles.c.told_at.type)
    rows = select(_ORG, user, *told, at).where(true())
    put = upsert_into(profiles, engine).from_select(["org_id", "user_id", *_TOLD, "told_at"], rows)
    kept = {name: func.coalesce(put.excluded[name], profiles.c[name]) for name in _TOLD}
    return put.on_conflict_do_update(
        index_elements=["org_id", "user_id"],
        set_={**kept, "told_at": put.excluded.told_at},
        where=profiles.c.told_at <= put.excluded.told_at,
    )


_CONFIRMED = {engine: _looked_up(engine, friendships, friendships.c.confirmed) for engine in ENGINES}
_THERE = {
    table: {engine: _looked_up(engine, table, true()) for engine in ENGINES}
    for table in (blocks, friendships, close_friends)
}
_KNOWN = {engine: _known(engine) for engine in ENGINES}
_BEFRIEND = {engine: _befriended(engine) for engine in ENGINES}
_BLOCK = {engine: _added(engine, blocks, created_at=clock()) for engine in ENGINES}
_END = {table: _removed(table) for table in (friendships, close_friends)}
_TELL = {engine: _told(engine) for engine in ENGINES}


class SqlGraph:
    """As `Graph`."""

    def __init__(self, connection: AsyncConnection, org: OrgId) -> None:
        self._connection, self._org = connection, org

    async def hold(self) -> None:
        """As `Graph`."""
        await lock_graph(self._connection, self._org)

    async def blocks(self, pairs: Collection[Pair]) -> Collection[Pair]:
        """As `Graph`."""
        return await self._pairs(_THERE[blocks], pairs)

    async def friends(self, pairs: Collection[Pair]) -> Collection[Pair]:
        """As `Graph`."""
        return await self._pairs(_CONFIRMED, pairs)

    async def profiles(self, users: Collection[UserId]) -> Mapping[UserId, Profile]:
        """As `Graph`."""
        rows = await self._looked_up(_KNOWN, [(user,) for user in sorted(users)])
        return {user: Profile(**dict(zip(_TOLD, told, strict=True))) for user, told in rows if told is not None}

    async def befriend(self, pairs: Collection[Pair]) -> None:
        """As `Graph`."""
        await self._write(_BEFRIEND[self._engine], _both_ways(pairs))

    async def block(self, pairs: Collection[Pair]) -> None:
        """As `Graph`."""
        for table, statement in _END.items():
            if ended := await self._pairs(_THERE[table], _both_ways(pairs)):
                rows = [{"of_org": self._org, "one": one, "other": other} for one, other in ended]
                await self._connection.execute(statement, rows)
        await self._write(_BLOCK[self._engine], sorted(pairs))

    async def tell(self, profiles: Mapping[UserId, Profile], *, told_at: datetime) -> None:
        """As `Graph`."""
        # In their order, so that two who tell of the same people do not wait in a circle.
        rows = [(user, *structs.astuple(profile)) for user, profile in sorted(profiles.items())]
        await self._write(_TELL[self._engine], rows, at=told_at)

    @property
    def _engine(self) -> str:
        return self._connection.dialect.name

    async def _pairs(self, statements: Mapping[str, Any], pairs: Collection[Pair]) -> list[Pair]:
        return [(one, other) for one, other, there in await self._looked_up(statements, sorted(pairs)) if there]

    async def _looked_up(self, statements: Mapping[str, Any], keys: Sequence[Any]) -> Sequence[Any]:
        if not keys:
            return []
        found = await self._connection.execute(statements[self._engine], {"of_org": self._org, "rows": keys})
        return found.all()

    async def _write(self, statement: Any, rows: Sequence[Any], **more: object) -> None:
        if rows:
            await self._connection.execute(statement, {"of_org": self._org, "rows": rows, **more})


def _both_ways(pairs: Collection[Pair]) -> list[Pair]:
    return sorted({*pairs, *((other, one) for one, other in pairs)})

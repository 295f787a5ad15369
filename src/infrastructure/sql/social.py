"""The copy of the social graph, and what is known of people, as rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import structs
from sqlalchemy import BindParameter, Table, and_, bindparam, delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from application.ports.people import Profile, StandingBlock
from domain.audience import Relation
from domain.friendship import Friendship
from domain.values import OrgId, UserId
from infrastructure.sql.dialect import clock, upsert_into
from infrastructure.sql.locks import lock_pair
from infrastructure.sql.tables import blocks, close_friends, friendships, mutes, profiles

_ORG: BindParameter[str] = bindparam("of_org")
_ONE: BindParameter[str] = bindparam("one")
_OTHER: BindParameter[str] = bindparam("other")

_RELATION = select(
    exists().where(
        friendships.c.org_id == _ORG,
        friendships.c.user_id == _OTHER,
        friendships.c.friend_id == _ONE,
        friendships.c.confirmed,
    ),
    exists().where(
        close_friends.c.org_id == _ORG, close_friends.c.user_id == _ONE, close_friends.c.friend_id == _OTHER
    ),
    exists().where(
        blocks.c.org_id == _ORG,
        or_(
            and_(blocks.c.user_id == _ONE, blocks.c.target_id == _OTHER),
            and_(blocks.c.user_id == _OTHER, blocks.c.target_id == _ONE),
        ),
    ),
)

_BETWEEN = and_(
    friendships.c.org_id == _ORG,
    or_(
        and_(friendships.c.user_id == _ONE, friendships.c.friend_id == _OTHER),
        and_(friendships.c.user_id == _OTHER, friendships.c.friend_id == _ONE),
    ),
)
_PUT_BY = select(friendships.c.user_id).where(_BETWEEN)
_REMOVE = delete(friendships).where(_BETWEEN)
_INSERT = insert(friendships)

_TOLD = [column.name for column in profiles.c if column.name not in {"org_id", "user_id"}]
_UPDATE_PROFILE = update(profiles).where(
    profiles.c.org_id == _ORG, profiles.c.user_id == bindparam("of_user"), profiles.c.told_at <= bindparam("at")
)


def _put_profile(engine: str) -> Any:
    put = upsert_into(profiles, engine)
    return put.on_conflict_do_update(
        index_elements=["org_id", "user_id"],
        set_={name: put.excluded[name] for name in _TOLD},
        where=profiles.c.told_at <= put.excluded.told_at,
    )


_PUT_PROFILE = {engine: _put_profile(engine) for engine in ("postgresql", "sqlite")}


def _add(table: Table) -> dict[str, Any]:
    return {engine: upsert_into(table, engine).on_conflict_do_nothing() for engine in ("postgresql", "sqlite")}


_ADD_CLOSE, _ADD_MUTE = _add(close_friends), _add(mutes)
_ADD_BLOCK = {
    engine: statement.values(created_at=clock()).returning(blocks.c.reason, blocks.c.created_at)
    for engine, statement in _add(blocks).items()
}
_STANDING_BLOCK = (
    update(blocks)
    .where(blocks.c.org_id == _ORG, blocks.c.user_id == _ONE, blocks.c.target_id == _OTHER)
    .values(reason=func.coalesce(blocks.c.reason, bindparam("new_reason", type_=blocks.c.reason.type)))
    .returning(blocks.c.reason, blocks.c.created_at)
)
_REMOVE_CLOSE = delete(close_friends).where(
    close_friends.c.org_id == _ORG, close_friends.c.user_id == _ONE, close_friends.c.friend_id == _OTHER
)
_REMOVE_MUTE = delete(mutes).where(mutes.c.org_id == _ORG, mutes.c.user_id == _ONE, mutes.c.target_id == _OTHER)
_REMOVE_BLOCK = delete(blocks).where(blocks.c.org_id == _ORG, blocks.c.user_id == _ONE, blocks.c.target_id == _OTHER)


class SqlSocial:
    """As `Social`."""

    def __init__(self, connection: AsyncConnection, org: OrgId) -> None:
        self._connection, self._org = connection, org

    async def relation(self, owner: UserId, viewer: UserId) -> Relation:
        """As `Social`."""
        row = (await self._connection.execute(_RELATION, self._pair(owner, viewer))).one()
        return Relation(friend=bool(row[0]), close_friend=bool(row[1]), blocked=bool(row[2]))

    async def hold_pair(self, one: UserId, other: UserId) -> None:
        """As `Social`."""
        await lock_pair(self._connection, self._org, one, other)

    async def friendship(self, one: UserId, other: UserId) -> Friendship:
        """As `Social`."""
        unput = Friendship.between(one, other)
        await self.hold_pair(*unput.pair)
        put_by = await self._connection.execute(_PUT_BY, self._pair(one, other))
        return Friendship.between(one, other, put_by=frozenset(put_by.scalars()))

    async def save_friendship(self, friendship: Friendship) -> None:
        """As `Social`."""
        one, other = sorted(friendship.pair)
        await self._connection.execute(_REMOVE, self._pair(one, other))
        rows = [
            {"org_id": self._org, "user_id": user, "friend_id": friend, "confirmed": friendship.confirmed}
            for user, friend in ((one, other), (other, one))
            if user in friendship.put_by
        ]
        if rows:
            await self._connection.execute(_INSERT, rows)

    async def add_close_friend(self, owner: UserId, friend: UserId) -> None:
        """As `Social`."""
        await self._add(_ADD_CLOSE, user_id=owner, friend_id=friend)

    async def remove_close_friend(self, owner: UserId, friend: UserId) -> None:
        """As `Social`."""
        await self._connection.execute(_REMOVE_CLOSE, self._pair(owner, friend))

    async def mute(self, user: UserId, target: UserId) -> None:
        """As `Social`."""
        await self._add(_ADD_MUTE, user_id=user, target_id=target)

    async def unmute(self, user: UserId, target: UserId) -> None:
        """As `Social`."""
        await self._connection.execute(_REMOVE_MUTE, self._pair(user, target))

    async def block(self, user: UserId, target: UserId, reason: str | None = None) -> StandingBlock:
        """As `Social`."""
        add = _ADD_BLOCK[self._connection.dialect.name]
        row = {"org_id": self._org, "user_id": user, "target_id": target, "reason": reason}
        if added := (await self._connection.execute(add, row)).one_or_none():
            return StandingBlock(reason=added.reason, at=added.created_at, before=False)
        key = {**self._pair(user, target), "new_reason": reason}
        standing = (await self._connection.execute(_STANDING_BLOCK, key)).one()
        return StandingBlock(reason=standing.reason, at=standing.created_at, before=True)

    async def unblock(self, user: UserId, target: UserId) -> None:
        """As `Social`."""
        await self._connection.execute(_REMOVE_BLOCK, self._pair(user, target))

    async def _add(self, statements: dict[str, Any], **row: str) -> None:
        await self._connection.execute(statements[self._connection.dialect.name], {"org_id": self._org, **row})

    def _pair(self, one: UserId, other: UserId) -> dict[str, str]:
        return {"of_org": self._org, "one": one, "other": other}


class SqlProfiles:
    """As `Profiles`."""

    def __init__(self, connection: AsyncConnection, org: OrgId) -> None:
        self._connection, self._org = connection, org

    async def put(self, user: UserId, profile: Profile, *, told_at: datetime, create: bool) -> None:
        """As `Profiles`."""
        told = {**structs.asdict(profile), "told_at": told_at}
        if create:
            put = _PUT_PROFILE[self._connection.dialect.name]
            await self._connection.execute(put, {"org_id": self._org, "user_id": user, **told})
        else:
            key = {"of_org": self._org, "of_user": user, "at": told_at}
            await self._connection.execute(_UPDATE_PROFILE, {**told, **key})

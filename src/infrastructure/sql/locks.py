"""Locks that belong to no row: queues that are served in order. SQLite has one writer at a time and needs none."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.values import OrgId, StoryId, UserId

_key: Final = func.hashtextextended(bindparam("key"), 0)
_SHARED: Final[Select[Any]] = select(func.pg_advisory_xact_lock_shared(_key))
_ALONE: Final[Select[Any]] = select(func.pg_advisory_xact_lock(_key))
_PAIR: Final[Select[Any]] = select(
    func.pg_advisory_xact_lock_shared(func.hashtextextended(bindparam("graph"), 0)), func.pg_advisory_xact_lock(_key)
)
_AT_ONCE: Final[Select[Any]] = select(func.pg_try_advisory_xact_lock(_key))


async def engage_with_story(connection: AsyncConnection, story_id: StoryId) -> None:
    """Take part in a story, together with others, until the transaction ends.

    A view or a reply holds on to its story's row by the foreign key. Such holds may be joined for ever, so that a story
    much watched could never be deleted; here they queue behind a deletion that waits.
    """
    await _lock(connection, _SHARED, f"story {story_id}")


async def end_story(connection: AsyncConnection, story_id: StoryId) -> None:
    """Wait for those who take part in a story, and let nobody else begin to."""
    await _lock(connection, _ALONE, f"story {story_id}")


async def lock_pair(connection: AsyncConnection, org: OrgId, one: UserId, other: UserId) -> None:
    """Let only one transaction at a time decide what two people are to each other, also while there is no row yet."""
    await _lock(connection, _PAIR, "\n".join([org, *sorted((one, other))]), graph=_graph(org))


async def lock_graph(connection: AsyncConnection, org: OrgId) -> None:
    """Let nobody else decide what any two people are to each other: one lock, where one for each pair were too many."""
    await _lock(connection, _ALONE, _graph(org))


async def hold_target(connection: AsyncConnection, org: OrgId, kind: str, target: str) -> None:
    """Let only one transaction at a time close all reports of a target, also of a story whose row is gone."""
    await _lock(connection, _ALONE, f"reports\n{org}\n{kind}\n{target}")


async def hold_webhooks(connection: AsyncConnection, org: OrgId) -> None:
    """Let only one transaction at a time count the webhooks of an organisation, and add one."""
    await _lock(connection, _ALONE, f"webhooks {org}")


async def hold_request(connection: AsyncConnection, *names: str) -> bool:
    """Let only one transaction at a time answer a request; False: another does. SQLite waits for it instead."""
    if connection.dialect.name != "postgresql":
        return True
    return bool((await connection.execute(_AT_ONCE, {"key": "\n".join(["request", *names])})).scalar_one())


async def hold_sequence(connection: AsyncConnection) -> bool:
    """Let only one transaction at a time give positions to events; False: another does."""
    if connection.dialect.name != "postgresql":
        return True
    return bool((await connection.execute(_AT_ONCE, {"key": "sequence of events"})).scalar_one())


def _graph(org: OrgId) -> str:
    return f"graph {org}"


async def _lock(connection: AsyncConnection, statement: Select[Any], key: str, **more: str) -> None:
    if connection.dialect.name == "postgresql":
        await connection.execute(statement, {"key": key, **more})

"""Emptying the bin: bytes first, their rows after, and never what is in use."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select

from application.policies.empty_bin import BATCH, EmptyBin
from application.ports.errors import UnavailableError
from infrastructure.sql.tables import objects as object_rows
from tests.stage import Stage, chunks_of
from tests.unit.application.doubles import MemoryObjects, WatchedUnitOfWork
from tests.unit.application.scenes import let_leases_end


async def throw_away(stage: Stage, objects: MemoryObjects, number: int) -> list[str]:
    """So many objects that nobody needs any more."""
    async with stage.container.unit_of_work().begin(stage.org) as tx:
        keys = [tx.bin.new_key("media") for _ in range(number)]
        await tx.bin.expect(keys, seconds=60)
        await tx.bin.discard(keys)
    for key in keys:
        await objects.put(key, chunks_of(b"x"))
    return keys


async def rows(stage: Stage) -> int:
    async with stage.container.database().read(None) as connection:
        return (await connection.execute(select(func.count()).select_from(object_rows))).scalar_one()


async def test_what_was_thrown_away_is_deleted_and_forgotten(stage: Stage, objects: MemoryObjects) -> None:
    await throw_away(stage, objects, 2)
    assert await stage.container.empty_bin()() == 2
    assert (objects.held, await rows(stage)) == ({}, 0)


async def test_an_empty_bin_is_soon_emptied(stage: Stage) -> None:
    assert await stage.container.empty_bin()() == 0


async def test_what_is_expected_or_in_use_stays(stage: Stage, objects: MemoryObjects) -> None:
    await stage.post_image("alice")
    await stage.container.empty_bin()()
    await stage.upload("alice")
    assert await stage.container.empty_bin()() == 0
    assert (len(objects.held), await rows(stage)) == (3, 3)


async def test_many_are_deleted_in_batches(stage: Stage, objects: MemoryObjects) -> None:
    await throw_away(stage, objects, BATCH + 1)
    counted = WatchedUnitOfWork(stage.container.unit_of_work())
    assert await EmptyBin(counted, objects)() == BATCH + 1
    assert counted.system_transactions == 5
    assert objects.held == {}


async def test_while_the_store_is_away_nothing_is_forgotten_and_later_all_is_deleted(
    stage: Stage, objects: MemoryObjects
) -> None:
    await throw_away(stage, objects, 3)
    objects.away = True
    with pytest.raises(UnavailableError):
        await stage.container.empty_bin()()
    objects.away = False
    assert await rows(stage) == 3
    assert await stage.container.empty_bin()() == 0
    await let_leases_end(stage)
    assert await stage.container.empty_bin()() == 3
    assert (objects.held, await rows(stage)) == ({}, 0)


async def test_objects_that_were_never_written_are_forgotten_too(stage: Stage, objects: MemoryObjects) -> None:
    await throw_away(stage, objects, 2)
    objects.held.clear()
    assert await stage.container.empty_bin()() == 2
    assert await rows(stage) == 0


async def test_of_several_collectors_side_by_side_one_deletes_each_object(stage: Stage, objects: MemoryObjects) -> None:
    await throw_away(stage, objects, 20)
    deleted = await asyncio.gather(*(stage.container.empty_bin()() for _ in range(3)))
    assert sum(deleted) == 20
    assert objects.held == {}

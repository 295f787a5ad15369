"""Lines of a body: what is too long is told of, and never held."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator

import pytest

from interfaces.http.ndjson import LINE_MAX_BYTES, lines_of


async def _endless() -> AsyncIterator[bytes]:
    """A line of 32 MB, and a short one."""
    for _ in range(512):
        yield b"x" * 65_536
    yield b"\n{}\n"


async def test_a_line_without_end_takes_no_memory() -> None:
    tracemalloc.start()
    try:
        found = [read async for read in lines_of(_endless())]
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == [(1, None), (2, b"{}")]
    assert most < 2**20


@pytest.mark.parametrize(("length", "accepted"), [(LINE_MAX_BYTES, True), (LINE_MAX_BYTES + 1, False)])
async def test_a_line_may_be_so_long_and_no_longer(length: int, accepted: bool) -> None:  # noqa: FBT001
    async def body() -> AsyncIterator[bytes]:
        yield b"x" * length

    assert [read is not None async for _, read in lines_of(body())] == [accepted]

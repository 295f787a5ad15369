"""The shared examination of the stores."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from interfaces.http.examination import SharedExaminer


class Counting:
    """Examines stores that are well, and counts how often; the first time it is cut short if it is told to be."""

    def __init__(self, *, fails_first: bool = False) -> None:
        self.times, self._fails = 0, fails_first

    async def examine(self) -> Mapping[str, str | None]:
        self.times += 1
        await asyncio.sleep(0)
        if self._fails:
            self._fails = False
            raise OSError
        return {"database": None}


async def test_however_many_ask_the_stores_are_asked_once_a_second() -> None:
    now, counting = [100.0], Counting()
    shared = SharedExaminer(counting, clock=lambda: now[0])
    assert await asyncio.gather(*(shared.examine() for _ in range(50))) == [{"database": None}] * 50
    assert counting.times == 1
    now[0] += 0.999
    await shared.examine()
    assert counting.times == 1
    now[0] += 0.001
    await shared.examine()
    assert counting.times == 2


async def test_an_examination_that_fails_is_made_anew() -> None:
    counting = Counting(fails_first=True)
    shared = SharedExaminer(counting)
    with pytest.raises(OSError):  # noqa: PT011 - whatever it is
        await shared.examine()
    assert await shared.examine() == {"database": None}
    assert counting.times == 2

"""What both ways to be told have in common: how they begin, and that they end when either side does."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from interfaces.http.problems import invalid

_POSITION_DIGITS: Final = 19


def position(text: str | None, field: str) -> int | None:
    """The position that a client names to go on behind it.

    Raises:
        RequestError: 400, it is none.
    """
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _POSITION_DIGITS):
        raise invalid("invalid_parameter", field, "The id of a message, as it was sent")
    return min(int(text), 2**63 - 1)


async def until_one_ends(*running: Coroutine[Any, Any, None]) -> None:
    """Run side by side until one ends, and end the others; what it raised is raised."""
    tasks = [asyncio.create_task(each) for each in running]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in ended:
        task.result()

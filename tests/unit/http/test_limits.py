"""Limits, without a server: who shares an allowance with whom."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from infrastructure.memory.rate_limiter import MemoryRateLimiter
from interfaces.http.limits import Figures, Limits
from interfaces.http.problems import RequestError

ONE_EACH = Figures(reads=1, writes=1, posts=1, upload_bytes=1, anonymous=1, org_factor=1)


def limits() -> Limits:
    return Limits(MemoryRateLimiter(), ONE_EACH, lambda *_: None, is_link=lambda token: token == "good")


def from_address(address: str, **path: str) -> dict[str, Any]:
    return {"client": (address, 50_000), "route_handler": SimpleNamespace(opt={}), "path_params": path}


async def admitted(limited: Limits, *scopes: dict[str, Any]) -> list[bool]:
    answers = []
    for scope in scopes:
        try:
            await limited.admit_anybody(scope)
        except RequestError:
            answers.append(False)
        else:
            answers.append(True)
    return answers


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),  # as a socket for both kinds tells those of the older kind
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::1%eth0", True),
    ],
)
async def test_an_allowance_is_of_one_site(one: str, other: str, *, together: bool) -> None:
    assert await admitted(limits(), from_address(one), from_address(other)) == [True, not together]


async def test_a_link_has_an_allowance_of_its_own_if_it_is_one() -> None:
    at_home = from_address("192.0.2.1")
    made_up = [from_address("192.0.2.1", token=token) for token in ("bad", "worse")]
    good = [from_address("192.0.2.1", token="good"), from_address("192.0.2.9", token="good")]
    assert await admitted(limits(), at_home, *made_up, *good) == [True, False, False, True, False]

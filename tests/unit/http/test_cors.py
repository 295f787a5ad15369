"""Which pages may read answers: no page's own word decides it."""

from __future__ import annotations

import pytest

from interfaces.http.cors import Cors

GOOD = "https://good.example"


def answer(cors: Cors, *origins: str) -> dict[bytes, bytes]:
    """The headers that an answer to a page of these origins gets."""
    headers: list[tuple[bytes, bytes]] = []
    cors.complete([(b"origin", origin.encode()) for origin in origins], headers)
    return dict(headers)


def test_a_page_of_an_origin_that_is_set_may_read() -> None:
    headers = answer(Cors([GOOD, "capacitor://localhost"]), GOOD)
    assert headers[b"access-control-allow-origin"] == GOOD.encode()
    assert headers[b"vary"] == b"Origin"
    assert b"Location" in headers[b"access-control-expose-headers"]


@pytest.mark.parametrize(
    "origin",
    [
        *("https://evil", "null", "https://good.example.evil", "https://a.good.example", "https://goodXexample", "*"),
        *("http://good.example", "https://good.example:444", "HTTPS://GOOD.EXAMPLE", "https://good.example/", ""),
    ],
)
def test_a_page_of_any_other_may_not_and_is_told_nothing(origin: str) -> None:
    assert answer(Cors([GOOD]), origin) == {b"vary": b"Origin"}


def test_two_origins_are_none() -> None:
    assert answer(Cors([GOOD]), GOOD, "https://evil") == {b"vary": b"Origin"}


def test_any_origin_means_the_star_and_never_an_echo() -> None:
    headers = answer(Cors(["*"]), "https://evil")
    assert headers[b"access-control-allow-origin"] == b"*"
    assert b"vary" not in headers


def test_credentials_are_never_allowed() -> None:
    for cors in (Cors([GOOD]), Cors(["*"])):
        preflight = cors.preflight([(b"origin", GOOD.encode()), (b"access-control-request-method", b"PUT")])
        assert preflight
        assert b"access-control-allow-credentials" not in {**dict(preflight), **answer(cors, GOOD)}


def test_unless_it_is_set_nothing_is_said() -> None:
    assert answer(Cors(), GOOD) == {}
    assert Cors().preflight([(b"origin", GOOD.encode()), (b"access-control-request-method", b"PUT")]) is None


def test_a_page_may_ask_before_it_sends() -> None:
    preflight = Cors([GOOD]).preflight([(b"origin", GOOD.encode()), (b"access-control-request-method", b"PUT")])
    assert preflight
    headers = dict(preflight)
    allowed = {name.strip() for name in headers[b"access-control-allow-headers"].decode().lower().split(",")}
    assert {"authorization", "orgid", "content-type", "idempotency-key", "x-acting-user", "range"} <= allowed
    assert b"PATCH" in headers[b"access-control-allow-methods"]


def test_options_that_no_browser_sends_is_no_such_question() -> None:
    assert Cors([GOOD]).preflight([(b"origin", GOOD.encode())]) is None
    assert Cors([GOOD]).preflight([(b"access-control-request-method", b"PUT")]) is None

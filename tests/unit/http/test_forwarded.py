"""Whom a request comes from, as trusted proxies tell it, and as nobody else does."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from interfaces.http.forwarded import seen_through

PROXIES = tuple(ip_network(network) for network in ("10.0.0.0/8", "fd00::/8"))


def asked(*headers: tuple[str, str], peer: str | None = "10.0.0.1", kind: str = "http") -> dict[str, Any]:
    """The client, scheme and host of a request."""
    scope = {
        "type": kind,
        "client": None if peer is None else (peer, 4711),
        "scheme": "ws" if kind == "websocket" else "http",
        "headers": [(b"host", b"inside"), *((name.encode(), value.encode()) for name, value in headers)],
    }
    seen = seen_through(scope, PROXIES)
    hosts = [value.decode() for name, value in seen["headers"] if name == b"host"]
    return {"client": seen["client"] and seen["client"][0], "scheme": seen["scheme"], "hosts": hosts}


def client(*headers: tuple[str, str], peer: str = "10.0.0.1") -> str:
    return str(asked(*headers, peer=peer)["client"])


def test_what_a_proxy_tells_counts() -> None:
    seen = asked(
        ("x-forwarded-for", "192.0.2.7"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "stories.example")
    )
    assert seen == {"client": "192.0.2.7", "scheme": "https", "hosts": ["stories.example"]}


def test_the_standard_header_tells_the_same() -> None:
    seen = asked(("forwarded", 'for="[2001:db8::7]:4711";proto=HTTPS;host="stories.example"'))
    assert seen == {"client": "2001:db8::7", "scheme": "https", "hosts": ["stories.example"]}


@pytest.mark.parametrize("peer", ["192.0.2.9", "11.0.0.1", "testclient", None])
def test_nobody_but_a_trusted_proxy_is_believed(peer: str | None) -> None:
    seen = asked(
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil.test"),
        ("forwarded", "for=192.0.2.7;proto=https;host=evil.test"),
        peer=peer,
    )
    assert seen == {"client": peer, "scheme": "http", "hosts": ["inside"]}


def test_the_client_is_the_last_that_no_trusted_proxy_has_sent() -> None:
    assert client(("x-forwarded-for", "203.0.113.66, 192.0.2.7, 10.9.9.9")) == "192.0.2.7"
    assert client(("x-forwarded-for", "203.0.113.66"), ("x-forwarded-for", "192.0.2.7")) == "192.0.2.7"
    assert client(("forwarded", "for=203.0.113.66, for=192.0.2.7, for=10.9.9.9")) == "192.0.2.7"


def test_a_row_of_nothing_but_proxies_ends_at_the_first_of_them() -> None:
    assert client(("x-forwarded-for", "10.1.1.1, 10.2.2.2")) == "10.1.1.1"


def test_ports_mapped_addresses_and_other_notations_are_understood() -> None:
    assert client(("x-forwarded-for", "192.0.2.7:4711")) == "192.0.2.7"
    assert client(("x-forwarded-for", "::ffff:192.0.2.7"), peer="::ffff:10.0.0.1") == "192.0.2.7"
    assert client(("x-forwarded-for", "2001:db8::7"), peer="fd00::1") == "2001:db8::7"


@pytest.mark.parametrize("said", ["unknown", "_hidden", "", "192.0.2.7, rubbish", "1.2.3.4.5", "for=192.0.2.7"])
def test_what_is_no_address_tells_nothing(said: str) -> None:
    assert client(("x-forwarded-for", said)) == "10.0.0.1"


def test_two_headers_that_contradict_each_other_are_not_believed() -> None:
    """A proxy that writes one of them passes the other on as the client wrote it."""
    assert client(("x-forwarded-for", "192.0.2.7"), ("forwarded", "for=203.0.113.66")) == "10.0.0.1"
    assert client(("x-forwarded-for", "192.0.2.7"), ("forwarded", "for=192.0.2.7")) == "192.0.2.7"


def test_scheme_and_host_are_those_the_client_used() -> None:
    outer = asked(
        ("x-forwarded-for", "192.0.2.7, 10.2.2.2"),
        ("x-forwarded-proto", "https, http"),
        ("x-forwarded-host", "stories.example, inner.example"),
    )
    assert (outer["scheme"], outer["hosts"]) == ("https", ["stories.example"])
    told_once = asked(("x-forwarded-for", "203.0.113.66, 192.0.2.7"), ("x-forwarded-proto", "https"))
    assert told_once["scheme"] == "https"
    assert asked(("x-forwarded-for", "192.0.2.7"), ("x-forwarded-proto", "gopher"))["scheme"] == "http"


def test_a_websocket_has_schemes_of_its_own() -> None:
    headers = ("x-forwarded-for", "192.0.2.7"), ("x-forwarded-proto", "https")
    assert asked(*headers, kind="websocket")["scheme"] == "wss"

"""Who is behind a proxy: what ``Forwarded`` or ``X-Forwarded-*`` tell counts if a trusted proxy has told it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, Final

from litestar.types import ASGIApp, Receive, Scope, Send

from interfaces.http.headers import Headers

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_HOPS_MAX: Final = 32
_SCHEMES: Final = frozenset({"http", "https"})
_PARAMETER = re.compile(r'\s*([A-Za-z-]+)=("(?:[^"\\]|\\.)*"|[^\s";,]*)\s*(?:;|$)')


@dataclass(frozen=True, slots=True)
class Hop:
    """What one proxy has told of whom it was asked by.

    Attributes:
        client: as it was written; perhaps no address.
    """

    client: str
    scheme: str | None = None
    host: str | None = None


class Forwarded:
    """Gives a request the address, scheme and host of the client, if it comes through trusted proxies."""

    def __init__(self, app: ASGIApp, proxies: Sequence[Network]) -> None:
        self._app, self._proxies = app, tuple(proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if self._proxies and scope["type"] in {"http", "websocket"}:
            scope = seen_through(scope, self._proxies)
        await self._app(scope, receive, send)


def seen_through(scope: Any, proxies: Sequence[Network]) -> Any:
    """The request as the first proxy saw it; the same, if the one who asks is no trusted proxy.

    The client is the last in the row whom no trusted proxy has sent. What stands before it, anybody may have written.
    """
    peer = _address((scope.get("client") or ("",))[0])
    if peer is None or not _is_trusted(peer, proxies):
        return scope
    hops = _hops(scope["headers"])
    first: Hop | None = None
    client = peer
    for hop in reversed(hops):
        address = _address(hop.client)
        if address is None:
            break
        first, client = hop, address
        if not _is_trusted(address, proxies):
            break
    if first is None:
        return scope
    return _as_asked(scope, client, first)


def _as_asked(scope: Any, client: Address, hop: Hop) -> Any:
    changed = {**scope, "client": (str(client), 0)}
    if hop.scheme in _SCHEMES:
        secure = hop.scheme == "https"
        websocket = scope["type"] == "websocket"
        changed["scheme"] = ("wss" if secure else "ws") if websocket else hop.scheme
    if hop.host:
        others = [header for header in scope["headers"] if header[0] != b"host"]
        changed["headers"] = [(b"host", hop.host.encode("latin-1")), *others]
    return changed


def _hops(headers: Headers) -> list[Hop]:
    """The row of proxies, the nearest last. If the two ways to write it disagree, one is forged: neither counts."""
    standard = _standard(_values(headers, b"forwarded"))
    customary = _customary(headers)
    if standard and customary and standard[-1].client != customary[-1].client:
        return []
    return standard or customary


def _standard(elements: list[str]) -> list[Hop]:
    """As RFC 7239 has it."""
    hops = []
    for element in elements:
        told = {name.lower(): value.strip('"') for name, value in _PARAMETER.findall(element)}
        hops.append(Hop(_without_port(told.get("for", "")), told.get("proto", "").lower() or None, told.get("host")))
    return hops


def _customary(headers: Headers) -> list[Hop]:
    """As most proxies have it: three lists side by side, of which only the addresses are sure to be complete."""
    clients = _values(headers, b"x-forwarded-for")
    schemes = _beside(clients, _values(headers, b"x-forwarded-proto"))
    hosts = _beside(clients, _values(headers, b"x-forwarded-host"))
    return [
        Hop(_without_port(client), scheme.lower() if scheme else None, host)
        for client, scheme, host in zip(clients, schemes, hosts, strict=True)
    ]


def _beside(clients: list[str], told: list[str]) -> list[str | None]:
    """One for each client; where they do not pair up, what the nearest proxy has told last, for all."""
    if len(told) == len(clients):
        return list(told)
    return [told[-1] if told else None] * len(clients)


def _values(headers: Headers, name: bytes) -> list[str]:
    listed = ",".join(value.decode("latin-1") for given, value in headers if given == name)
    return [value.strip() for value in listed.split(",")][-_HOPS_MAX:] if listed else []


def _without_port(client: str) -> str:
    if client.startswith("["):
        return client[1:].partition("]")[0]
    return client.partition(":")[0] if client.count(":") == 1 else client


def _address(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _is_trusted(address: Address, proxies: Sequence[Network]) -> bool:
    return any(address in network for network in proxies)

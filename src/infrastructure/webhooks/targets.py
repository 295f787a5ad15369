"""Which addresses webhooks may be sent to: those of the public internet, and what the operator has added."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

from domain.errors import UrlNotAllowedError
from domain.values import WebhookUrl

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host; an `OSError`: it has none. What comes after a ``%`` in one is not looked at."""

_RESOLVE_SECONDS: Final = 5.0
_RESOLVERS: Final = 64
_PORTS: Final = {"http": 80, "https": 443}
# The registries of special addresses, RFC 6890 and what was added since: https://www.iana.org/assignments/iana-ipv4-special-registry
_SPECIAL_4: Final = [
    IPv4Network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"),
        *("203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    )
]
# Whatever else there is, an address with another one inside above all (mapped, translated, 6to4), is not in here.
_GLOBAL_6: Final = IPv6Network("2000::/3")
_SPECIAL_6: Final = [IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]


class SystemResolver:
    """As `Resolve`: as this machine finds hosts, in threads of its own, since some answer slowly or never."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="resolver")

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """As `Resolve`."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _find, host, port)
        return list(dict.fromkeys(found))

    def close(self) -> None:
        """Ask nobody any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _find(host: str, port: int) -> Sequence[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class PublicTargets:
    """As `WebhookTargets`.

    Args:
        allowed: networks that may be sent to, too.
        resolve: finds the addresses of hosts.
        seconds: how long it may take.
    """

    def __init__(self, allowed: Collection[Network], resolve: Resolve, *, seconds: float = _RESOLVE_SECONDS) -> None:
        self._allowed, self._resolve, self._seconds = tuple(allowed), resolve, seconds

    async def require(self, url: WebhookUrl) -> None:
        """As `WebhookTargets`."""
        parts = urlsplit(url.text)
        await self.addresses(parts.hostname or "", parts.port or _PORTS[parts.scheme])

    async def addresses(self, host: str, port: int) -> Sequence[Address]:
        """The addresses of a host, at least one.

        Raises:
            UrlNotAllowedError: one of them may not be sent to, or there are none.
        """
        try:
            async with asyncio.timeout(self._seconds):
                found = [ip_address(text.partition("%")[0]) for text in await self._resolve(host, port)]
        except (OSError, UnicodeError):  # a `TimeoutError` is one, too
            found = []
        if not found:
            raise UrlNotAllowedError("url", "The host has no address")
        if not all(self._may_be_sent_to(address) for address in found):
            raise UrlNotAllowedError("url", "The host has an address that is not public")
        return found

    def _may_be_sent_to(self, address: Address) -> bool:
        return is_public(address) or any(address in network for network in self._allowed)


def is_public(address: Address) -> bool:
    """Whether an address is one of the internet, and of one machine in it."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _SPECIAL_4)
    return address in _GLOBAL_6 and not any(address in network for network in _SPECIAL_6)

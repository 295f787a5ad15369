"""Posts to targets that nobody has vouched for: nowhere else, not for long, and whatever they answer."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final

import httpcore
import httpx

from application.policies.deliver_webhooks import AT_ONCE
from application.ports.webhooks import Answer
from domain.errors import UrlNotAllowedError
from domain.values import WebhookUrl
from infrastructure.webhooks.targets import PublicTargets

ANSWER_SECONDS: Final = 15.0
"""All that a request may take, from its first look for an address on."""
_DRAIN_SECONDS: Final = 1.0
_DRAIN_MAX_BYTES: Final = 65_536
_TRIED_MAX: Final = 3
"""Addresses of one host that are tried."""
_CONNECT_SECONDS: Final = 5.0
"""For each."""
_IDLE_SECONDS: Final = 30.0
_DIGITS_MAX: Final = 9
_AGENT: Final = {"user-agent": "Stories-Webhooks/1", "accept": "*/*"}


class HttpWebhookSender:
    """As `WebhookSender`. The address that was looked at is the one that is connected to, whatever a name says later.

    No proxies, no cookies, no redirects; connections are kept for the next event, to the address they were made to.

    Args:
        targets: says which addresses may be sent to.
        seconds: all that a request may take.
        tls: what to check certificates by, if not by what the machine trusts.
    """

    def __init__(
        self, targets: PublicTargets, *, seconds: float = ANSWER_SECONDS, tls: ssl.SSLContext | None = None
    ) -> None:
        self._targets, self._seconds, self._tls = targets, seconds, tls
        self._pool: httpcore.AsyncConnectionPool | None = None

    async def send(self, url: WebhookUrl, headers: Mapping[str, str], body: bytes) -> Answer:
        """As `WebhookSender`."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._post(url.text, {**_AGENT, **headers}, body)
        except UrlNotAllowedError:
            return Answer(reason="not_allowed")
        except (TimeoutError, httpcore.TimeoutException):
            return Answer(reason="timed_out")
        except httpcore.ConnectError:
            return Answer(reason="not_connected")
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError):
            return Answer(reason="broken_off")

    async def close(self) -> None:
        """Close all connections."""
        if self._pool is not None:
            await self._pool.aclose()

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if self._pool is None:
            self._pool = self._opened()
        sent = [(name.encode(), value.encode()) for name, value in headers.items()]
        async with self._pool.stream("POST", url, headers=sent, content=body) as response:
            answer = Answer(status=response.status, pause_seconds=_pause(response.headers))
            await _drain(response)
            return answer

    def _opened(self) -> httpcore.AsyncConnectionPool:
        return httpcore.AsyncConnectionPool(
            ssl_context=self._tls or httpx.create_ssl_context(),
            max_connections=2 * AT_ONCE,  # who sends never waits for who does
            max_keepalive_connections=AT_ONCE,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=_CheckedNetwork(self._targets),
        )


async def _drain(response: httpcore.Response) -> None:
    """Read what is left, so that the connection serves once more; if it is much, or slow, it will not."""
    read = 0
    with suppress(TimeoutError, httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for chunk in response.aiter_stream():
                read += len(chunk)
                if read > _DRAIN_MAX_BYTES:
                    return


def _pause(headers: Iterable[tuple[bytes, bytes]]) -> float:
    """Seconds of ``Retry-After``; a date is not read."""
    value = next((value for name, value in headers if name.lower() == b"retry-after"), b"")
    return float(value[:_DIGITS_MAX]) if value.isdigit() else 0.0


class _CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to addresses that were looked at, and to nothing by name."""

    def __init__(self, targets: PublicTargets) -> None:
        self._targets, self._network = targets, httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's own
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that lets us."""
        failure: Exception = httpcore.ConnectError("No address")
        for address in (await self._targets.addresses(host, port))[:_TRIED_MAX]:
            try:
                return await self._network.connect_tcp(
                    str(address), port, timeout=_CONNECT_SECONDS, socket_options=socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's own
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Refuse: no URL names one."""
        raise httpcore.ConnectError("No socket of this machine is a target")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._network.sleep(seconds)

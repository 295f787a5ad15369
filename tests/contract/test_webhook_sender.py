"""Sending to targets that nobody has vouched for: where it goes, how long it takes, and what is made of answers."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from application.ports.webhooks import Answer
from domain.values import WebhookUrl
from infrastructure.webhooks.sender import HttpWebhookSender
from infrastructure.webhooks.targets import PublicTargets
from tests.patience import PATIENCE_SECONDS

Behave = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HERE = ip_network("127.0.0.0/8")
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
HEADERS = {"webhook-id": "one", "content-type": "application/cloudevents+json"}


class Target:
    """A server of this machine, which says what it is told to.

    Attributes:
        requests: what has come, head and body.
        connections: how many there were.
    """

    def __init__(self, behave: Behave | bytes) -> None:
        self._behave = behave
        self.requests: list[bytes] = []
        self.connections = 0
        self.port = 0
        self.serving: set[asyncio.Task[None]] = set()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection."""
        self.connections += 1
        if task := asyncio.current_task():
            self.serving.add(task)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(length))
                if isinstance(self._behave, bytes):
                    writer.write(self._behave)
                    await writer.drain()
                else:
                    await self._behave(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
        finally:
            if not writer.is_closing():
                writer.transport.abort()


@asynccontextmanager
async def listening(behave: Behave | bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[Target]:
    """A target that listens at 127.0.0.1, at a port of its own."""
    target = Target(behave)
    server = await asyncio.start_server(target.take, "127.0.0.1", 0, ssl=tls)
    target.port = server.sockets[0].getsockname()[1]
    try:
        yield target
    finally:
        server.close()
        for task in target.serving:
            task.cancel()
        await asyncio.gather(*target.serving, return_exceptions=True)
        await asyncio.sleep(0.01)  # transports close in the next round of the loop


class Names:
    """As `Resolve`: every host has these addresses, one answer after the other; the last one stays.

    Attributes:
        asked: the hosts.
    """

    def __init__(self, *answers: str) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return (self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]).split()


@asynccontextmanager
async def sending(
    *answers: str, seconds: float = PATIENCE_SECONDS, tls: ssl.SSLContext | None = None, near: bool = True
) -> AsyncIterator[HttpWebhookSender]:
    """A sender that may send to this machine, unless it is not ``near``."""
    targets = PublicTargets([HERE] if near else [], Names(*(answers or ("127.0.0.1",))))
    sender = HttpWebhookSender(targets, seconds=seconds, tls=tls)
    yield sender
    await sender.close()


async def post(sender: HttpWebhookSender, port: int, path: str = "/hook?a=b", host: str = "hook.test") -> Answer:
    """Send something to a port of this machine, under a name."""
    return await sender.send(WebhookUrl(f"http://{host}:{port}{path}"), HEADERS, b'{"a":1}')


async def test_a_body_is_posted_as_it_is_to_the_host_by_its_name() -> None:
    async with listening(NO_CONTENT) as target, sending() as sender:
        assert await post(sender, target.port) == Answer(status=204)
    head, _, body = target.requests[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /hook?a=b HTTP/1.1"
    assert {
        f"Host: hook.test:{target.port}".encode(),
        b"webhook-id: one",
        b"content-type: application/cloudevents+json",
        b"Content-Length: 7",
    } <= set(lines)
    assert body == b'{"a":1}'


async def test_a_connection_is_kept_for_the_next_event() -> None:
    async with listening(NO_CONTENT) as target, sending() as sender:
        for _ in range(3):
            assert (await post(sender, target.port)).status == 204
        assert (target.connections, len(target.requests)) == (1, 3)


async def test_a_name_that_means_something_else_a_moment_later_is_looked_at_again() -> None:
    async with listening(NO_CONTENT) as target:
        targets = PublicTargets([], Names("8.8.8.8", "127.0.0.1"))
        await targets.require(WebhookUrl(f"http://hook.test:{target.port}/"))
        sender = HttpWebhookSender(targets)
        assert await post(sender, target.port) == Answer(reason="not_allowed")
        await sender.close()
    assert target.connections == 0


async def test_what_was_looked_at_is_what_is_connected_to_and_the_name_is_asked_for_once() -> None:
    async with listening(NO_CONTENT) as target:
        names = Names("127.0.0.1", "10.0.0.1")
        sender = HttpWebhookSender(PublicTargets([HERE], names))
        assert (await post(sender, target.port)).status == 204
        assert names.asked == ["hook.test"]
        await sender.close()


@pytest.mark.parametrize("url", ["http://127.0.0.1:{}/", "http://localhost:{}/", "http://[::ffff:127.0.0.1]:{}/"])
async def test_this_machine_is_not_sent_to_unless_it_is_allowed(url: str) -> None:
    async with listening(NO_CONTENT) as target, sending(near=False) as sender:
        assert await sender.send(WebhookUrl(url.format(target.port)), {}, b"{}") == Answer(reason="not_allowed")
    assert target.connections == 0


async def test_a_redirect_is_an_answer_and_nothing_more() -> None:
    async with listening(NO_CONTENT) as other:
        to = f"http://127.0.0.1:{other.port}/".encode()
        moved = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: " + to + b"\r\nContent-Length: 0\r\n\r\n"
        async with listening(moved) as target, sending() as sender:
            assert await post(sender, target.port) == Answer(status=307)
    assert other.connections == 0


async def test_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(NO_CONTENT) as proxy, listening(NO_CONTENT) as target:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        async with sending() as sender:
            assert (await post(sender, target.port)).status == 204
    assert (proxy.connections, target.connections) == (0, 1)


@pytest.mark.parametrize("status", [200, 301, 400, 404, 410, 429, 500, 503])
async def test_a_status_is_told_as_it_is(status: int) -> None:
    answer = b"HTTP/1.1 %d Whatever\r\nContent-Length: 2\r\n\r\nhi" % status
    async with listening(answer) as target, sending() as sender:
        assert await post(sender, target.port) == Answer(status=status)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(b"120", 120.0), (b"0", 0.0), (b"9" * 400, 999_999_999.0), (b"-1", 0.0), (b"soon", 0.0), (b"", 0.0)],
)
async def test_a_pause_that_is_asked_for_is_told(header: bytes, seconds: float) -> None:
    busy = b"HTTP/1.1 429 Too Many\r\nretry-after: " + header + b"\r\nContent-Length: 0\r\n\r\n"
    async with listening(busy) as target, sending() as sender:
        assert await post(sender, target.port) == Answer(status=429, pause_seconds=seconds)


async def test_an_endless_body_is_not_read_to_its_end() -> None:
    written = 0

    async def pour(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + bytes(65_536) + b"\r\n")
            await writer.drain()
            written += 65_536

    async with listening(pour) as target, sending() as sender:
        assert await post(sender, target.port) == Answer(status=200)
    assert written < 100 * 65_536, "what the network holds, and no more"


async def test_a_body_that_drips_does_not_hold_up_its_status() -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.1)

    async with listening(drip) as target, sending() as sender:
        assert await post(sender, target.port) == Answer(status=200)


async def test_who_never_answers_or_never_ends_is_not_waited_for() -> None:
    async def silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async def headers(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"x: y\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)

    for behave in (silence, headers):
        async with listening(behave) as target, sending(seconds=0.3) as sender:
            assert await post(sender, target.port) == Answer(reason="timed_out")


async def test_headers_without_end_are_not_kept() -> None:
    async def pour(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"x: " + b"y" * 65_536 + b"\r\n")
            await writer.drain()

    async with listening(pour) as target, sending() as sender:
        assert await post(sender, target.port) == Answer(reason="broken_off")


async def test_where_nobody_listens_is_told() -> None:
    async with listening(NO_CONTENT) as target:
        port = target.port
    async with sending() as sender:
        assert await post(sender, port) == Answer(reason="not_connected")


async def test_another_address_of_the_host_is_tried() -> None:
    async with listening(NO_CONTENT) as target, sending("127.0.0.2 127.0.0.1") as sender:
        assert await post(sender, target.port) == Answer(status=204)


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\nContent-Le"])
async def test_what_is_no_answer_is_told(answer: bytes) -> None:
    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()
        raise ConnectionError

    async with listening(behave) as target, sending() as sender:
        assert await post(sender, target.port) == Answer(reason="broken_off")


async def test_who_is_slow_takes_no_place_of_others() -> None:
    async def silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async with listening(silence) as slow, listening(NO_CONTENT) as quick, sending() as sender:
        waiting = [asyncio.create_task(post(sender, slow.port)) for _ in range(20)]
        async with asyncio.timeout(PATIENCE_SECONDS / 2):
            while slow.connections < 20:  # noqa: ASYNC110 - what a server has seen is what is looked for
                await asyncio.sleep(0.01)
        assert (await post(sender, quick.port)).status == 204
        for task in waiting:
            task.cancel()
        assert all(
            isinstance(each, asyncio.CancelledError) for each in await asyncio.gather(*waiting, return_exceptions=True)
        )
        assert (await post(sender, quick.port)).status == 204, "what was broken off leaves nothing behind"


def certified(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a host of a name, and whoever trusts it, know."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(Encoding.PEM)
    both = folder / "host.pem"
    both.write_bytes(pem + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    host = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    host.load_cert_chain(both)
    return host, ssl.create_default_context(cadata=pem.decode())


async def test_a_certificate_is_of_the_name_though_an_address_is_connected_to(tmp_path: Path) -> None:
    host, trust = certified(tmp_path, "hook.test")
    async with listening(NO_CONTENT, host) as target, sending(tls=trust) as sender:
        for name, answer in (("hook.test", Answer(status=204)), ("other.test", Answer(reason="not_connected"))):
            url = WebhookUrl(f"https://{name}:{target.port}/")
            assert await sender.send(url, HEADERS, b"{}") == answer
    async with listening(NO_CONTENT, host) as target, sending() as sender:
        assert await sender.send(WebhookUrl(f"https://hook.test:{target.port}/"), HEADERS, b"{}") == Answer(
            reason="not_connected"
        ), "nobody trusts who certifies themselves"

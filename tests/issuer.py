"""An issuer of tokens: signs by hand, as no library would refuse to, and publishes its keys over real HTTP."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

Sign = Callable[[bytes], bytes]

TLS = ssl.create_default_context()
"""Made once: whoever asks would read all certificates of the machine anew."""


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int, size: int | None = None) -> str:
    """A number as a JWK has it."""
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8))


def claims(**changes: Any) -> dict[str, Any]:
    """Good claims, changed; None takes one out."""
    now = int(time.time())
    return {
        name: value
        for name, value in {"sub": "alice", "iat": now, "exp": now + 600, **changes}.items()
        if value is not None
    }


@dataclass(frozen=True)
class Signer:
    """A key that signs, and what is published of it."""

    algorithm: str
    name: str | None
    jwk: dict[str, Any]
    sign: Sign

    def token(self, body: Any = None, **header: Any) -> str:
        """A token: any claims (bytes as they are) under any header; None takes one of it out."""
        full = {"alg": self.algorithm, "typ": "JWT", "kid": self.name, **header}
        return self.under({name: value for name, value in full.items() if value is not None}, body)

    def under(self, header: Any, body: Any = None, *, signature: bytes | None = None) -> str:
        """A token under exactly this header."""
        parts = (header, claims() if body is None else body)
        signed = ".".join(b64(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in parts)
        return f"{signed}.{b64(self.sign(signed.encode()) if signature is None else signature)}"


def by_secret(secret: bytes, digest: str = "sha256", algorithm: str = "HS256") -> Signer:
    """Whoever knows the secret."""
    return Signer(algorithm, None, {}, lambda data: hmac.digest(secret, data, digest))


@lru_cache
def rsa_key(name: str | None = "rsa", bits: int = 2_048) -> Signer:
    """An RSA key, one for each name."""
    private = rsa.generate_private_key(public_exponent=65_537, key_size=bits)
    public = private.public_key().public_numbers()
    jwk = {"kty": "RSA", "n": number(public.n), "e": number(public.e), **_named(name)}
    return Signer("RS256", name, jwk, lambda data: private.sign(data, padding.PKCS1v15(), hashes.SHA256()))


@lru_cache
def ec_key(name: str | None = "ec") -> Signer:
    """A key on P-256."""
    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key().public_numbers()
    jwk = {"kty": "EC", "crv": "P-256", "x": number(public.x, 32), "y": number(public.y, 32), **_named(name)}

    def sign(data: bytes) -> bytes:
        r, s = decode_dss_signature(private.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)

    return Signer("ES256", name, jwk, sign)


@lru_cache
def ed_key(name: str | None = "ed", algorithm: str = "EdDSA") -> Signer:
    """A key on Ed25519."""
    private = ed25519.Ed25519PrivateKey.generate()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64(private.public_key().public_bytes_raw()), **_named(name)}
    return Signer(algorithm, name, jwk, private.sign)


def _named(name: str | None) -> dict[str, str]:
    return {} if name is None else {"kid": name}


class Issuer:
    """Publishes what it is told to, and counts who asks.

    Attributes:
        answer: what is answered: a status, headers, and bytes.
        pause: seconds before an answer.
        drip: seconds between one byte of it and the next.
        asked: the paths that were asked for.
        heard: that somebody has asked.
    """

    def __init__(self, *signers: Signer) -> None:
        self.publish(*signers)
        self.pause = self.drip = 0.0
        self.asked: list[str] = []
        self.heard = asyncio.Event()
        self.url = ""

    def publish(self, *signers: Signer | dict[str, Any]) -> None:
        """Have exactly these keys at the URL."""
        keys = [each.jwk if isinstance(each, Signer) else each for each in signers]
        self.say(json.dumps({"keys": keys}).encode())

    def say(self, body: bytes, status: int = 200, **headers: str) -> None:
        """Answer this."""
        self.answer = (status, headers, body)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked.append(head.split()[1].decode())
            self.heard.set()
            await asyncio.sleep(self.pause)
            status, headers, body = self.answer
            lines = [
                f"HTTP/1.1 {status} X",
                "Connection: close",
                *(f"{name}: {text}" for name, text in headers.items()),
            ]
            writer.write("\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode())
            size = 1 if self.drip else 65_536
            for start in range(0, len(body), size):
                writer.write(body[start : start + size])
                await writer.drain()
                await asyncio.sleep(self.drip)
        except (OSError, asyncio.IncompleteReadError):
            pass  # who asked has heard enough
        finally:
            writer.close()


@asynccontextmanager
async def publishing(*signers: Signer) -> AsyncIterator[Issuer]:
    """An issuer at a URL."""
    issuer = Issuer(*signers)
    server = await asyncio.start_server(issuer._serve, "127.0.0.1", 0)  # noqa: SLF001 - its own server
    issuer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks.json"
    try:
        yield issuer
    finally:
        server.close()
        await server.wait_closed()

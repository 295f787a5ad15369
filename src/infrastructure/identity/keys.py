"""Keys that tokens are verified with. Each kind of key goes with one algorithm, ours and never the token's choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64decode

SECRET_MIN_BYTES: Final = 32
"""RFC 7518 section 3.2: an HS256 key is at least as long as its hash."""
RSA_MIN_BITS: Final = 2_048
"""RFC 7518 section 3.3."""

HS256: Final = "HS256"
_OF_SIGNATURE: Final[Mapping[str, str]] = {
    HS256: "HS256",
    "RS256": "RS256",
    "ES256": "ES256",
    "Ed25519": "Ed25519",
    "EdDSA": "Ed25519",
}
"""What a token may call its algorithm, and which it is. RFC 9864 made ``EdDSA`` an old name; issuers still say it."""
PUBLIC_ALGORITHMS: Final = frozenset(_OF_SIGNATURE) - {HS256}
"""Those that whoever verifies cannot sign with."""


class Algorithms(JWSRegistry):
    """The algorithms above and no others; what else a header says is not read, as RFC 7515 section 4 has it."""

    def __init__(self) -> None:
        super().__init__(strict_check_header=False)

    def get_alg(self, name: str) -> Any:
        """The algorithm of a header."""
        return self.algorithms[_OF_SIGNATURE[name]]


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A key for one algorithm. Two are the same if their name and what they are made of are.

    Attributes:
        name: its ``kid``.
        algorithm: the only one it is used with.
        thumbprint: what it is made of (RFC 7638).
    """

    name: str | None
    algorithm: str
    thumbprint: str
    key: Key = field(compare=False)

    def fits(self, algorithm: str, name: str | None) -> bool:
        """Whether a signature may be by this key: by the name of its algorithm, and of its key if it says one."""
        return _OF_SIGNATURE.get(algorithm) == self.algorithm and name in {None, self.name}


class KeySource(Protocol):
    """Where keys come from."""

    @property
    def algorithms(self) -> frozenset[str]:
        """The algorithms that tokens may name to be verified with these keys."""

    async def fitting(self, algorithm: str, name: str | None) -> Sequence[VerifyingKey]:
        """The keys that a signature may be by.

        Raises:
            UnavailableError: it cannot be told now.
        """

    def holds(self, key: VerifyingKey) -> bool:
        """Whether a key is still among them, as far as is known; never waits."""


class SharedSecret:
    """As `KeySource`: one secret, that both sides sign and verify with."""

    algorithms = frozenset({HS256})

    def __init__(self, secret: bytes) -> None:
        if len(secret) < SECRET_MIN_BYTES:
            raise ValueError(f"The secret has at least {SECRET_MIN_BYTES} bytes")
        self.key = OctKey.import_key(secret)
        self._only = VerifyingKey(None, HS256, "", self.key)

    async def fitting(self, algorithm: str, name: str | None) -> Sequence[VerifyingKey]:
        """As `KeySource`; a secret has no name, and is the only one."""
        return [self._only]

    def holds(self, key: VerifyingKey) -> bool:
        """As `KeySource`."""
        return key is self._only


def read_keys(jwks: Sequence[object]) -> frozenset[VerifyingKey]:
    """The keys of a JWK Set that are for us; what is of another kind, for another use or broken is left out."""
    read = (_read(jwk) for jwk in jwks if isinstance(jwk, dict))
    return frozenset(key for key in read if key is not None)


def _read(jwk: dict[str, Any]) -> VerifyingKey | None:
    name = jwk.get("kid")
    if not isinstance(name, str | None) or jwk.get("use", "sig") != "sig":
        return None
    if "d" in jwk:
        return None  # a private key that everybody can fetch proves nothing
    try:
        if "verify" not in jwk.get("key_ops", ["verify"]):
            return None
        algorithm, key = _material(jwk)
        if _OF_SIGNATURE.get(jwk.get("alg", algorithm)) != algorithm:
            return None
        return VerifyingKey(name, algorithm, key.thumbprint(), key)
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def _material(jwk: dict[str, Any]) -> tuple[str, Key]:
    match jwk:
        case {"kty": "RSA", "n": str(modulus)} if _bits(modulus) >= RSA_MIN_BITS:
            return "RS256", RSAKey.import_key({name: jwk[name] for name in ("kty", "n", "e")})
        case {"kty": "EC", "crv": "P-256"}:
            return "ES256", ECKey.import_key({name: jwk[name] for name in ("kty", "crv", "x", "y")})
        case {"kty": "OKP", "crv": "Ed25519"}:
            return "Ed25519", OKPKey.import_key({name: jwk[name] for name in ("kty", "crv", "x")})
        case _:
            raise ValueError("A key of a kind that is not asked for")


def _bits(number: str) -> int:
    return int.from_bytes(urlsafe_b64decode(number.encode())).bit_length()

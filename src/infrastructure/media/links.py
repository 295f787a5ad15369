"""Links to media: opaque, signed for one reader, checked again at each fetch."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Final
from uuid import UUID

from msgspec import DecodeError, Struct, ValidationError, msgpack

from application.caller import Caller
from application.ports.people import Role
from application.queries.open_media import MediaPart, MediaTicket
from domain.errors import NotFoundError
from domain.values import OrgId, StoryId, UserId

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_REMEMBERED: Final = 10_000
"""Links made before: 200 bytes each."""
_SIGNATURE_BYTES: Final = 16
"""128 bits of HMAC-SHA256: beyond guessing, and half as long."""


class _Claims(Struct, frozen=True, array_like=True):
    org: str
    story: UUID
    viewer: str | None
    expires: int
    """Milliseconds since 1970."""
    role: str | None = None


class SignedMediaLinks:
    """Signs and reads links."""

    def __init__(self, secret: bytes) -> None:
        # A key of its own, so that no signature made for another purpose is ever one of these.
        self._key = hmac.digest(secret, b"stories media links", sha256)
        self._token = lru_cache(maxsize=_REMEMBERED)(self._signed)

    def link(
        self, caller: Caller, story_id: StoryId, part: MediaPart, *, expires_at: datetime, role: Role | None = None
    ) -> str:
        """An absolute link for the caller, good until ``expires_at`` (UTC) at most; ``role`` as in `MediaTicket`."""
        token = self._token(caller.org, story_id, caller.user, (expires_at - _EPOCH) // _MILLISECOND, role)
        return f"{caller.origin}/media/{token}/{part}"

    def read(self, token: str) -> MediaTicket:
        """What a link's token proves.

        Raises:
            NotFoundError: it is none of ours.
        """
        try:
            read = msgpack.decode(self._claims(token), type=_Claims)
            role = None if read.role is None else Role(read.role)
        except (ValueError, OverflowError, DecodeError, ValidationError):
            raise NotFoundError from None
        return MediaTicket(
            org=OrgId(read.org),
            story_id=StoryId(read.story),
            viewer=None if read.viewer is None else UserId(read.viewer),
            role=role,
            expires_at=_EPOCH + read.expires * _MILLISECOND,
        )

    def is_ours(self, token: str) -> bool:
        """Whether a link's token was signed by us."""
        try:
            self._claims(token)
        except (NotFoundError, ValueError):
            return False
        return True

    def _claims(self, token: str) -> bytes:
        """What was signed.

        Raises:
            NotFoundError, ValueError: it was not, or is written in another way than we write it.
        """
        signed = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        claims, signature = signed[:-_SIGNATURE_BYTES], signed[-_SIGNATURE_BYTES:]
        # The decoder passes over what is no letter, and over bits without meaning: one link would have many names.
        if _written(signed) != token or not hmac.compare_digest(signature, self._sign(claims)):
            raise NotFoundError
        return claims

    def _signed(self, org: OrgId, story_id: StoryId, viewer: UserId, expires: int, role: Role | None) -> str:
        """What proves it, for all the files of a story: a feed looked at again signs nothing."""
        claims = msgpack.encode(_Claims(org, story_id, viewer, expires, role))
        return _written(claims + self._sign(claims))

    def _sign(self, claims: bytes) -> bytes:
        return hmac.digest(self._key, claims, sha256)[:_SIGNATURE_BYTES]


def _written(signed: bytes) -> str:
    return urlsafe_b64encode(signed).rstrip(b"=").decode()

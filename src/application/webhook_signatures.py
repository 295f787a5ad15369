"""How webhooks are signed: the headers of Standard Webhooks 1.0, with HMAC-SHA256 (`v1`)."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Final

SECRET_BYTES: Final = 32
"""The standard asks for 24 to 64."""
_PREFIX: Final = "whsec_"


def written_secret(secret: bytes) -> str:
    """A secret as people are shown it."""
    return _PREFIX + b64encode(secret).decode()


def signed_headers(secret: bytes, message: str, at: datetime, body: bytes) -> Mapping[str, str]:
    """The headers by which a receiver knows who sent a body, when, and whether it had it before.

    Args:
        secret: the webhook's.
        message: its id, the same at every attempt.
        at: when it is sent (UTC).
        body: to the byte.
    """
    seconds = int(at.timestamp())
    digest = hmac.digest(secret, f"{message}.{seconds}.".encode() + body, "sha256")
    return {
        "webhook-id": message,
        "webhook-timestamp": str(seconds),
        "webhook-signature": f"v1,{b64encode(digest).decode()}",
    }

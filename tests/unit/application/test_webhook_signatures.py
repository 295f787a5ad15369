"""Signatures of webhooks, by the test vector that libraries of Standard Webhooks share."""

from __future__ import annotations

from base64 import b64decode
from datetime import UTC, datetime

from application.webhook_signatures import signed_headers, written_secret

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = "msg_p5jXN8AQM9LWM0D4loKWxJek"
SIGNED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_body_is_signed_as_the_standard_says() -> None:
    secret, at = b64decode(SECRET.removeprefix("whsec_")), datetime.fromtimestamp(1_614_265_330.9, UTC)
    assert signed_headers(secret, MESSAGE, at, b'{"test": 2432232314}') == {
        "webhook-id": MESSAGE,
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNED,
    }


def test_a_secret_is_written_as_the_standard_says() -> None:
    assert written_secret(b64decode(SECRET.removeprefix("whsec_"))) == SECRET

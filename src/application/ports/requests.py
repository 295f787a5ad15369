"""Requests that may come again: how they are known, and what the first of them was answered."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from domain.errors import ConflictError
from domain.values import OrgId, UserId


class RequestInProgressError(ConflictError):
    """The same request is being worked on at this moment."""

    code = "request_in_progress"
    detail = "The first request with this key is still being worked on."


class RequestKey(Struct, frozen=True, kw_only=True):
    """What a request is known by, so that it is known again.

    Attributes:
        route: method and path; the same key means another request elsewhere.
        key: the client's own name for it, 1-255 printable characters of ASCII.
        fingerprint: of all that was asked, as hexadecimal SHA-256.
    """

    org: OrgId
    user: UserId
    route: str
    key: str
    fingerprint: str


class FirstAnswer(Struct, frozen=True, kw_only=True):
    """What came of a request when it first came.

    Attributes:
        fingerprint: of what was asked then.
        refused: whether it was refused; else ``answer`` is the result of its command.
        answer: JSON.
    """

    fingerprint: str
    refused: bool
    answer: bytes


class Requests(Protocol):
    """First answers, of the transaction's organisation, each kept for a day."""

    async def hold(self, request: RequestKey) -> FirstAnswer | None:
        """What was answered to the request before, in the last 24 hours; None: nothing.

        Until the transaction ends nobody else holds it. Equal are organisation, user, route and key.

        Raises:
            RequestInProgressError: another transaction holds it.
        """

    async def keep(self, request: RequestKey, answer: bytes, *, refused: bool) -> None:
        """Keep the answer to a request that is held."""

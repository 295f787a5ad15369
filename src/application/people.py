"""What holds between a user and those they name."""

from __future__ import annotations

from domain.errors import InvalidError
from domain.values import UserId


def require_other(user: UserId, other: UserId, field: str) -> None:
    """Let nobody name themselves.

    Raises:
        InvalidError: they do; ``field`` is how the client knows the name.
    """
    if user == other:
        raise InvalidError(field, "One cannot name oneself")

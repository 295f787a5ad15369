"""Ids that sort by the time they were made."""

from __future__ import annotations

from uuid import UUID

from uuid_utils import compat


def new_id() -> UUID:
    """A UUIDv7."""
    return compat.uuid7()

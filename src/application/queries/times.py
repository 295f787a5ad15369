"""Instants as readers see them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

Timestamp = Annotated[str, Meta(description="RFC 3339, UTC, milliseconds", extra_json_schema={"format": "date-time"})]


def timestamp(at: datetime) -> Timestamp:
    """An instant (UTC) as RFC 3339 with milliseconds and ``Z``: what is shown is what is compared."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

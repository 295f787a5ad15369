"""Headers that every answer has, whoever made it: what a browser may do with it, and that nobody keeps it."""

from __future__ import annotations

from typing import Final

Headers = list[tuple[bytes, bytes]]
"""As ASGI has them: names in lower case."""

_ALWAYS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_KEEP_NOTHING: Final = ((b"cache-control", b"no-store"), (b"vary", b"Authorization, orgid"))
_DATA_ONLY: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_VIEWER: Final = (
    b"content-security-policy",
    b"; ".join(
        (
            b"default-src 'none'",
            b"script-src https://cdn.jsdelivr.net",
            b"style-src 'unsafe-inline' https://cdn.jsdelivr.net",
            b"font-src data: https://fonts.scalar.com",
            b"img-src 'self' data: blob:",
            b"connect-src 'self'",
            b"base-uri 'none'",
            b"form-action 'none'",
            b"frame-ancestors 'none'",
        )
    ),
)
"""For the page that shows the description of the API: its viewer comes from the web, and asks nobody but us."""


def complete(headers: Headers) -> None:
    """Add what is missing; what a route has said of its own answer stands."""
    given = dict(headers)
    headers += [header for header in _ALWAYS if header[0] not in given]
    if b"cache-control" not in given:
        headers += [header for header in _KEEP_NOTHING if header[0] not in given]
    if b"content-security-policy" not in given:
        headers.append(_VIEWER if given.get(b"content-type", b"").startswith(b"text/html") else _DATA_ONLY)

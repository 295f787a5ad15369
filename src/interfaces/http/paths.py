"""Paths, as they are compared: what counts as the same place, and where a WebSocket can be opened."""

from __future__ import annotations

from typing import Final

SOCKET_PATH: Final = "/api/story/ws"

_FOLDED: Final = "/api/"
_NOWHERE: Final = "/nowhere"


def folded(path: str) -> str:
    """The path with the letter case of ``/api/{name}/`` taken out; what follows is kept as it is.

    The framework would take empty parts out, so that one place had many paths: with any, a path leads nowhere.
    """
    if "//" in path or (path.endswith("/") and path != "/"):
        return _NOWHERE
    if path[: len(_FOLDED)].lower() != _FOLDED:
        return path
    name, slash, rest = path[len(_FOLDED) :].partition("/")
    return f"{_FOLDED}{name.lower()}{slash}{rest}"

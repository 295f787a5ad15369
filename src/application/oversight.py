"""Who may look after what others post: moderators and admins, by the roles of their tokens."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from application.ports.people import Role

MODERATORS: Final = (Role.MODERATOR, Role.ADMIN)
"""The roles that may moderate: each of them may do it all."""


def oversees(roles: Collection[Role], *, reported: bool) -> bool:
    """Whether one may look at a story that is hidden from them, or over: admins at any, moderators at a reported one.

    Args:
        roles: theirs.
        reported: whether a report of the story is open.
    """
    return Role.ADMIN in roles or (reported and Role.MODERATOR in roles)

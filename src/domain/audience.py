"""Who may see a story, given what relates the viewer to its owner; `infrastructure.sql.visibility` says it in SQL."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from domain.errors import InvalidError
from domain.values import UserId

ALLOWED_USERS_MAX: Final = 1_000


class Visibility(StrEnum):
    """The audience a story is posted to."""

    PUBLIC = "Public"
    FRIENDS = "Friends"
    CLOSE_FRIENDS = "CloseFriends"
    ONLY_ME = "OnlyMe"
    CUSTOM = "Custom"

    @classmethod
    def parse(cls, text: str, field: str = "visibility") -> Self:
        """Read a visibility as people write it: letter case and underscores do not matter (``only_me``).

        Raises:
            InvalidError: there is none of that name.
        """
        folded = text.replace("_", "").lower()
        for visibility in cls:
            if visibility.lower() == folded:
                return visibility
        raise InvalidError(field, f"One of {', '.join(cls)}")


@dataclass(frozen=True, slots=True)
class Relation:
    """What a viewer is to the owner of a story, at one moment.

    Attributes:
        friend: the friendship is confirmed by both.
        close_friend: the owner put the viewer on the close-friends list.
        blocked: either blocks the other.
    """

    friend: bool = False
    close_friend: bool = False
    blocked: bool = False


STRANGER: Final = Relation()


@dataclass(frozen=True, slots=True)
class Audience:
    """Those a story is for; its owner is always among them and never listed.

    Attributes:
        visibility: the rule.
        allowed: the listed users, 1-1,000 for ``Custom``, none otherwise.
    """

    visibility: Visibility = Visibility.FRIENDS
    allowed: frozenset[UserId] = frozenset()

    def __post_init__(self) -> None:
        """Refuse a list without ``Custom``, and ``Custom`` without a list."""
        if self.visibility is Visibility.CUSTOM and not 1 <= len(self.allowed) <= ALLOWED_USERS_MAX:
            raise InvalidError("allowedUserIds", f"Custom asks for 1 to {ALLOWED_USERS_MAX:,} users")
        if self.visibility is not Visibility.CUSTOM and self.allowed:
            raise InvalidError("allowedUserIds", "Only a Custom audience lists users")

    def admits(self, viewer: UserId, relation: Relation) -> bool:
        """Whether ``viewer``, who is not the owner, belongs to this audience."""
        if relation.blocked:
            return False
        match self.visibility:
            case Visibility.PUBLIC:
                return True
            case Visibility.FRIENDS:
                return relation.friend
            case Visibility.CLOSE_FRIENDS:
                return relation.close_friend
            case Visibility.CUSTOM:
                return viewer in self.allowed
            case Visibility.ONLY_ME:  # pragma: no branch - there is no other
                return False

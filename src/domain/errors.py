"""What the domain refuses, by kind; a leaf carries the stable `code` that clients read. No HTTP statuses here."""

from __future__ import annotations

from typing import ClassVar


class DomainError(Exception):
    """A request the domain refuses.

    Attributes:
        code: stable name of the refusal, read by clients.
        detail: one sentence for the developer who reads it.
    """

    code: ClassVar[str] = "conflict"
    detail: str = "The request was refused."

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail or type(self).detail
        super().__init__(self.detail)


class InvalidError(DomainError):
    """A value that breaks a rule of its own.

    Attributes:
        field: the name of the value as the client knows it (camelCase).
    """

    code = "invalid_request"

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


class UrlNotAllowedError(InvalidError):
    """A URL that may not be the media of a story, or the target of a webhook."""

    code = "url_not_allowed"


class NotFoundError(DomainError):
    """What was asked for does not exist, or the one who asks may not know that it does."""

    code = "not_found"
    detail = "There is nothing here."


class GoneError(DomainError):
    """What was asked for was there for the one who asks, and is over."""


class ForbiddenError(DomainError):
    """The one who asks may know of it, but may not do this."""


class ConflictError(DomainError):
    """The state it is in does not allow this."""

    code = "conflict"


class StoryNotFoundError(NotFoundError):
    """The story does not exist, is another organisation's, or is hidden from the one who asks: one answer for all."""

    code = "story_not_found"
    detail = "There is no such story."


class StoryExpiredError(GoneError):
    """The story has expired or was archived; the one who asks could have seen it before."""

    code = "story_expired"
    detail = "The story has expired."


class NotTheOwnerError(ForbiddenError):
    """Only the owner may do this."""

    code = "owner_only"
    detail = "Only the owner may do this."


class RoleRequiredError(ForbiddenError):
    """It takes a role that the one who asks has not."""

    code = "role_required"
    detail = "This takes a role that the token does not give."


class OwnStoryError(ConflictError):
    """One cannot do this to one's own story."""

    code = "own_story"
    detail = "This cannot be done to one's own story."


class NotActiveError(ConflictError):
    """The story is not active, so this cannot be done to it now."""

    detail = "The story is not active."


class ReportClosedError(ConflictError):
    """The report was dismissed or resolved before."""

    detail = "The report is closed."

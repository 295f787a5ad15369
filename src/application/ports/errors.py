"""What can go wrong outside, in the words of the ports; adapters translate what their vendors raise."""

from __future__ import annotations

from domain.story import FailureReason


class UnavailableError(Exception):
    """A store the service cannot do without does not answer; worth another try in a while."""


class ConcurrentChangeError(Exception):
    """Somebody else changed the same thing first; load it again."""


class ObjectMissingError(Exception):
    """The object store holds nothing under the key."""


class UnsupportedMediaError(Exception):
    """The bytes are of no kind that is accepted."""


class MediaInvalidError(Exception):
    """The bytes are of an accepted kind, and broken."""


class MediaTooLargeError(Exception):
    """More pixels, or more frames a second, than are accepted; known from the header."""


class RenderingFailedError(Exception):
    """A file could not be rendered.

    Attributes:
        reason: what to tell its owner.
    """

    def __init__(self, reason: FailureReason) -> None:
        self.reason = reason
        super().__init__(reason)


class InvalidTokenError(Exception):
    """A token that proves nothing: forged, over, not good yet, or for somebody else."""

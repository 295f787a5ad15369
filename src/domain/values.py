"""Small values with rules of their own: ids, texts, colours, overlays, lifetimes. Lengths are Unicode code points."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NewType
from uuid import UUID

from domain.errors import InvalidError

# Ids are plain at run time (they cross every boundary), distinct to the type checker, and made only by the
# functions below or by code that reads what was checked when it was written.
OrgId = NewType("OrgId", str)
UserId = NewType("UserId", str)
StoryId = NewType("StoryId", UUID)
MediaFileId = NewType("MediaFileId", UUID)
ReplyId = NewType("ReplyId", UUID)

CAPTION_MAX: Final = 2_200
OVERLAYS_MAX: Final = 20
OVERLAY_TEXT_MAX: Final = 200
LIFETIME_MAX_SECONDS: Final = 604_800
LIFETIME_DEFAULT_SECONDS: Final = 86_400

_ORG = re.compile(r"[A-Za-z0-9._-]{1,64}")
_USER = re.compile(r"[^/\\?#%\s]{1,128}")
_RGB = re.compile(r"#[0-9A-Fa-f]{6}")
_RGB_ALPHA = re.compile(r"#[0-9A-Fa-f]{6}(?:[0-9A-Fa-f]{2})?")


def org_id(text: str) -> OrgId:
    """Name of an organisation: 1-64 of ``[A-Za-z0-9._-]``, case matters.

    Raises:
        InvalidError: it is anything else.
    """
    if not _ORG.fullmatch(text):
        raise InvalidError("orgid", "An organisation is 1-64 of A-Z a-z 0-9 . _ -")
    return OrgId(text)


def user_id(text: str, field: str = "userId") -> UserId:
    r"""Id of a user: 1-128 printable characters without ``/ \ ? # %`` and spaces, and not ``.`` or ``..``.

    Raises:
        InvalidError: it is anything else.
    """
    if not _USER.fullmatch(text) or not text.isprintable() or text in {".", ".."}:
        raise InvalidError(field, "A user id is 1-128 printable characters without / \\ ? # % and spaces")
    return UserId(text)


def plain_text(text: str, field: str, *, longest: int) -> str:
    """Check a text that people will read: no control characters but newline and tab, at most ``longest`` code points.

    Raises:
        InvalidError: it is too long, or holds a control character or half of a surrogate pair.
    """
    if len(text) > longest:
        raise InvalidError(field, f"At most {longest:,} characters")
    if any((c < " " and c not in "\n\t") or "\x7f" <= c <= "\x9f" or "\ud800" <= c <= "\udfff" for c in text):
        raise InvalidError(field, "Control characters other than newline and tab are not text")
    return text


def written_text(text: str, field: str, *, longest: int) -> str:
    """Check a text that must say something: as `plain_text`, and not blank.

    Raises:
        InvalidError: as `plain_text`, or it is blank.
    """
    if not plain_text(text, field, longest=longest).strip():
        raise InvalidError(field, "It may not be blank")
    return text


@dataclass(frozen=True, slots=True)
class Caption:
    """What the owner wrote under a picture: 0-2,200 code points."""

    text: str

    def __post_init__(self) -> None:
        """Refuse control characters and more than 2,200 code points."""
        plain_text(self.text, "caption", longest=CAPTION_MAX)


@dataclass(frozen=True, slots=True)
class BackgroundColor:
    """Background of a text story, ``#RRGGBB``."""

    rgb: str = "#000000"

    def __post_init__(self) -> None:
        """Refuse everything but six hexadecimal digits after a ``#``."""
        if not _RGB.fullmatch(self.rgb):
            raise InvalidError("backgroundColor", "A colour is #RRGGBB")


class Align(StrEnum):
    """How the lines of an overlay are set."""

    LEFT = "left"
    CENTER = "center"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class TextOverlay:
    """A text that the client draws over a story; never burned into the media.

    Attributes:
        text: 1-200 code points, not blank.
        x: centre, as a fraction (0-1) of the width.
        y: centre, as a fraction (0-1) of the height.
        font_size: fraction (0.01-0.5) of the height.
        color: ``#RRGGBB`` or ``#RRGGBBAA``.
        rotation: degrees, clockwise.
        align: how the lines are set.
    """

    text: str
    x: float
    y: float
    font_size: float = 0.05
    color: str = "#FFFFFF"
    rotation: float = 0.0
    align: Align = Align.CENTER

    def __post_init__(self) -> None:
        """Refuse places outside the picture, unreadable sizes and colours that are none."""
        written_text(self.text, "overlays", longest=OVERLAY_TEXT_MAX)
        if not (0 <= self.x <= 1 and 0 <= self.y <= 1):
            raise InvalidError("overlays", "x and y lie between 0 and 1")
        if not 0.01 <= self.font_size <= 0.5:
            raise InvalidError("overlays", "fontSize lies between 0.01 and 0.5")
        if not _RGB_ALPHA.fullmatch(self.color):
            raise InvalidError("overlays", "color is #RRGGBB or #RRGGBBAA")
        if not -360 <= self.rotation <= 360:
            raise InvalidError("overlays", "rotation lies between -360 and 360 degrees")


def overlays(items: tuple[TextOverlay, ...]) -> tuple[TextOverlay, ...]:
    """Check the overlays of one story: at most 20.

    Raises:
        InvalidError: there are more.
    """
    if len(items) > OVERLAYS_MAX:
        raise InvalidError("overlays", f"At most {OVERLAYS_MAX} overlays")
    return items


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a story lives, in whole seconds from its creation: 1 second to 7 days, 24 hours unless said."""

    seconds: int = LIFETIME_DEFAULT_SECONDS

    def __post_init__(self) -> None:
        """Refuse lives of no time and of more than 7 days."""
        if not 1 <= self.seconds <= LIFETIME_MAX_SECONDS:
            raise InvalidError("duration", f"A story lives 1 to {LIFETIME_MAX_SECONDS:,} seconds")

    def ends(self, begun: datetime) -> datetime:
        """Instant (UTC) from which a story begun then is over."""
        return begun + timedelta(seconds=self.seconds)

"""Small values with rules of their own: ids, texts, colours, overlays, lifetimes. Lengths are Unicode code points."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NewType
from uuid import UUID

from domain.errors import InvalidError, UrlNotAllowedError

# Ids are plain at run time (they cross every boundary), distinct to the type checker, and made only by the
# functions below or by code that reads what was checked when it was written.
OrgId = NewType("OrgId", str)
UserId = NewType("UserId", str)
StoryId = NewType("StoryId", UUID)
MediaFileId = NewType("MediaFileId", UUID)
ReplyId = NewType("ReplyId", UUID)
PageId = NewType("PageId", str)
ReportId = NewType("ReportId", UUID)
AuditId = NewType("AuditId", UUID)
WebhookId = NewType("WebhookId", UUID)

CAPTION_MAX: Final = 2_200
PAGE_MAX: Final = 128
URL_MAX: Final = 2_048
OVERLAYS_MAX: Final = 20
OVERLAY_TEXT_MAX: Final = 200
LIFETIME_MAX_SECONDS: Final = 604_800
LIFETIME_DEFAULT_SECONDS: Final = 86_400

_ORG = re.compile(r"[A-Za-z0-9._-]{1,64}")
_USER = re.compile(r"[^/\\?#%\s]{1,128}")
# RFC 3986: what else is in it, a space above all, is percent-encoded by whoever writes the URL.
_URL = re.compile(
    r"(?i:https?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?"
    r"(?:[/?#](?:[A-Za-z0-9\-._~:/?#@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)?"
)
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
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


def page_id(text: str) -> PageId:
    """Id of a community page: 1-128 code points, kept and compared exactly as they are.

    Raises:
        InvalidError: it is empty or too long, or holds a control character.
    """
    if not text:
        raise InvalidError("page", "A page has an id of 1 to 128 characters")
    return PageId(plain_text(text, "page", longest=PAGE_MAX))


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
class MediaUrl:
    """Where a linked picture or film lies: ``http`` or ``https``, without credentials, at most 2,048 characters.

    It is kept as it was written and never fetched.
    """

    text: str

    def __post_init__(self) -> None:
        """Refuse other schemes, credentials, hosts that cannot be, and characters that no URL has."""
        _require_url(self.text)

    @property
    def host(self) -> str:
        """The host it names, in lower case, without a port."""
        match = _URL.fullmatch(self.text)
        return match[1].lower() if match else ""


@dataclass(frozen=True, slots=True)
class WebhookUrl:
    """Where a service wants to be told of events: ``http`` or ``https``, no credentials, at most 2,048 characters."""

    text: str

    def __post_init__(self) -> None:
        """Refuse what `MediaUrl` refuses."""
        _require_url(self.text)


def _require_url(text: str) -> None:
    match = _URL.fullmatch(text) if len(text) <= URL_MAX else None
    if match is None:
        raise UrlNotAllowedError("url", f"An http or https URL without credentials, at most {URL_MAX:,} characters")
    if not _is_host(match[1]) or not (match[2] is None or 1 <= int(match[2]) <= 65_535):
        raise UrlNotAllowedError("url", "The URL names no valid host")


def _is_host(text: str) -> bool:
    labels = text.split(".")
    try:
        if text.startswith("["):
            IPv6Address(text[1:-1])
        elif labels[-1].isdigit():
            IPv4Address(text)
    except ValueError:
        return False
    return text.startswith("[") or (len(text) <= 253 and all(_LABEL.fullmatch(label) for label in labels))


@dataclass(frozen=True, slots=True)
class MediaHosts:
    """The hosts that media may be linked from.

    Attributes:
        names: hosts in lower case; one that begins with a dot stands for all below it. Empty: any host.
    """

    names: frozenset[str] = frozenset()

    def require(self, url: MediaUrl) -> MediaUrl:
        """Let a URL pass that names one of them.

        Raises:
            UrlNotAllowedError: it names another.
        """
        _, *parents = url.host.split(".")
        above = {"." + ".".join(parents[depth:]) for depth in range(len(parents))}
        if self.names and not self.names & {url.host, *above}:
            raise UrlNotAllowedError("url", "Media may not be linked from this host")
        return url


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

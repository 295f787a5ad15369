"""What a story shows: a picture or film, uploaded or linked, or a text; and what processing makes of an upload."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from domain.errors import InvalidError
from domain.values import (
    CAPTION_MAX,
    BackgroundColor,
    Caption,
    MediaFileId,
    MediaUrl,
    TextOverlay,
    overlays,
    written_text,
)

STILL_SECONDS: Final = 5.0
"""How long an image or a text is shown, in seconds: what a full view of it is measured against."""


class Kind(StrEnum):
    """What a story is made of."""

    IMAGE = "image"
    VIDEO = "video"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Rendition:
    """What processing made of an upload: the only bytes that are ever served.

    Attributes:
        media_key: the object that holds the picture or film.
        thumbnail_key: the object that holds its thumbnail.
        poster_key: the object that holds a still as large as a film; None for a picture.
        mime_type: what our own encoder wrote.
        width: pixels, upright.
        height: pixels, upright.
        placeholder: BlurHash of the picture.
        duration_seconds: length of a film; None for a picture.
    """

    media_key: str
    thumbnail_key: str
    mime_type: str
    width: int
    height: int
    placeholder: str
    duration_seconds: float | None = None
    poster_key: str | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """Every object it consists of."""
        return tuple(key for key in (self.media_key, self.thumbnail_key, self.poster_key) if key)


@dataclass(frozen=True, slots=True)
class TextContent:
    """A story of words: 1-2,200 code points on a colour."""

    text: str
    background: BackgroundColor = field(default_factory=BackgroundColor)
    overlays: tuple[TextOverlay, ...] = ()

    kind: Kind = field(default=Kind.TEXT, init=False)

    def __post_init__(self) -> None:
        """Refuse blank and overlong texts."""
        written_text(self.text, "content", longest=CAPTION_MAX)
        overlays(self.overlays)


@dataclass(frozen=True, slots=True)
class MediaContent:
    """A story of an uploaded picture or film.

    Attributes:
        kind: what the uploaded bytes are.
        media_file: the upload; its bytes are gone once the rendition is there.
        rendition: None until processing has ended well.
    """

    kind: Kind
    media_file: MediaFileId
    caption: Caption | None = None
    overlays: tuple[TextOverlay, ...] = ()
    rendition: Rendition | None = None

    def __post_init__(self) -> None:
        """Refuse more overlays than one can read."""
        overlays(self.overlays)


@dataclass(frozen=True, slots=True)
class LinkedContent:
    """A story of a picture or film that lies elsewhere: there is nothing to process, and nothing to serve."""

    kind: Kind
    url: MediaUrl
    caption: Caption | None = None
    overlays: tuple[TextOverlay, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a link to a text, and more overlays than one can read."""
        if self.kind is Kind.TEXT:
            raise InvalidError("url", "A text has no url; an image or a video has")
        overlays(self.overlays)


Content = TextContent | MediaContent | LinkedContent

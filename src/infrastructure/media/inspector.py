"""Looks at the first bytes of a file: what it is, and whether it can be taken."""

from __future__ import annotations

from application.ports.errors import MediaInvalidError, MediaTooLargeError, UnsupportedMediaError
from application.ports.media import Inspection
from domain.content import Kind
from infrastructure.media.film_headers import look
from infrastructure.media.headers import PictureInvalidError, PictureTooLargeError, inspect
from infrastructure.media.sniff import sniff


class BytesInspector:
    """As `MediaInspector`."""

    def inspect(self, head: bytes, *, whole: bool) -> Inspection:
        """As `MediaInspector`."""
        sniffed = sniff(head)
        if sniffed is None:
            raise UnsupportedMediaError("Accepted are JPEG, PNG, GIF and WebP images, and MP4, WebM and MOV videos.")
        kind = Kind(sniffed.kind)
        try:
            if kind is Kind.IMAGE:
                inspect(head, sniffed.mime_type, whole=whole)
            else:
                look(head, sniffed.mime_type)
        except PictureTooLargeError:
            raise MediaTooLargeError("It has more pixels, or more frames a second, than are accepted.") from None
        except PictureInvalidError:
            raise MediaInvalidError("The file is broken.") from None
        return Inspection(kind, sniffed.mime_type)

"""What the fields of bodies may hold, for the description alone: the domain checks it, in words of its own."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final

from msgspec import Meta

from domain.values import URL_MAX

_NO_TEXT: Final = r"\x00-\x08\x0b-\x1f\x7f-\x9f"
"""Control characters other than newline and tab."""


def _told(description: str, **schema: Any) -> Meta:
    return Meta(description=description, extra_json_schema=schema)


def text_schema(longest: int) -> dict[str, Any]:
    """The schema of a text that people read, for a parameter."""
    return {"maxLength": longest, "pattern": f"^[^{_NO_TEXT}]*$"}


def text(longest: int) -> Meta:
    """A text that people read."""
    return _told(f"At most {longest:,} code points", **text_schema(longest))


def words(longest: int) -> Meta:
    """A text that says something."""
    pattern = rf"^[^{_NO_TEXT}]*[^\s{_NO_TEXT}][^{_NO_TEXT}]*$"
    return _told(f"1-{longest:,} code points, not blank", minLength=1, maxLength=longest, pattern=pattern)


def between(least: float, most: float, description: str) -> Meta:
    """A number within bounds, which are in."""
    return _told(description, minimum=least, maximum=most)


def whole(least: int, most: int, description: str) -> Meta:
    """A whole number within bounds, however it is written: to JSON Schema, ``60.0`` is one."""
    return _told(description, minimum=least, maximum=most, multipleOf=1)


def named(kind: type[StrEnum]) -> Meta:
    """One of a few names; here in their usual form, accepted in any letter case."""
    return Meta(extra_json_schema={"$ref": f"#/components/schemas/{kind.__name__}"})


def at_most(many: int) -> Meta:
    """A list that is not too long."""
    return _told(f"At most {many:,}", maxItems=many)


def link() -> Meta:
    """Where media lie."""
    return _told("http or https, without credentials; kept, never fetched", format="media-url", maxLength=URL_MAX)


def color(*, alpha: bool = False) -> Meta:
    """A colour."""
    return _told(
        "#RRGGBB or #RRGGBBAA" if alpha else "#RRGGBB",
        pattern="^#[0-9A-Fa-f]{6}" + ("([0-9A-Fa-f]{2})?$" if alpha else "$"),
    )


AnId = Annotated[str, _told("A UUID", format="uuid")]
AUser = Annotated[str, _told("Id of a user", format="user-id", minLength=1, maxLength=128)]
Users = Annotated[list[AUser], _told("1-1,000 users", maxItems=1_000)]
AFile = Annotated[str, _told("At most 104,857,600 bytes", format="binary")]
Lines = Annotated[str, _told("One JSON object on each line, in UTF-8", format="graph-lines")]

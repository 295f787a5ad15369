"""The table as data: reads the files in ``table/`` and spells out every cell. It knows nothing of the service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.http.authorisation.actors import ACTORS

FOLDER: Final = Path(__file__).parent / "table"
ABOUT_STORIES: Final = ("stories.txt", "lists.txt", "community.txt")
NO_REQUEST: Final = "-"
JSON: Final = "application/json"
CODES: Final = {
    "400": "invalid_request",
    "401": "unauthenticated",
    "403i": "identity_mismatch",
    "403m": "org_mismatch",
    "403o": "owner_only",
    "403r": "role_required",
    "404": "story_not_found",
    "404n": "not_found",
    "409": "conflict",
    "409s": "own_story",
    "410": "story_expired",
}
_GAP = re.compile(r"\s{2,}")


@dataclass(frozen=True)
class Cell:
    """One combination, and what is expected of it.

    Attributes:
        request: method and path, as the table has them.
        actor: who asks.
        visibility: of the story; empty where no story is meant.
        state: of the story; empty where no story is meant.
        expected: a status with its code, or ``in`` or ``out`` of a list.
        body: what is sent.
        media_type: what it is sent as.
    """

    request: str
    actor: str
    visibility: str
    state: str
    expected: str
    body: str | None = None
    media_type: str = JSON

    @property
    def status(self) -> int:
        """The expected status."""
        return 200 if self.expected in {"in", "out"} else int(self.expected[:3])

    @property
    def refused(self) -> bool:
        """Whether the answer must be a refusal, which changes nothing."""
        return self.status >= 400

    def __str__(self) -> str:
        """Its coordinates."""
        return f"{self.request} | {self.actor} | {self.visibility or '-'} | {self.state or '-'}: {self.expected}"


@dataclass
class Section:
    """What one request answers: rows by name, each a value for every state."""

    request: str
    body: str | None = None
    media_type: str = JSON
    audience: str = "audience"
    rows: dict[str, list[str]] = field(default_factory=dict)


def classes(name: str) -> dict[str, dict[str, str]]:
    """What each actor is to a story, by its visibility."""
    (header, *rows) = _lines(f"{name}.txt")
    visibilities = header.split()
    return {actor: dict(zip(visibilities, found, strict=True)) for actor, *found in map(_GAP.split, rows)}


def sections(file: str) -> tuple[list[str], Section, list[Section]]:
    """A file: its states, what holds for every request, and its requests."""
    header, *lines = _lines(file)
    states, found = header.split(), list[Section]()
    for line in lines:
        if not line.startswith(" "):
            found.append(Section(line))
            continue
        name, *values = _GAP.split(line.strip())
        match name:
            case "body":
                (found[-1].body,) = values
            case "type":
                (found[-1].media_type,) = values
            case "as":
                (found[-1].audience,) = values
            case _:
                found[-1].rows[name] = values * len(states) if len(values) == 1 else values
    defaults, *requests = found
    return states, defaults, requests


def story_cells(file: str) -> Iterator[Cell]:
    """Every cell of a file about stories: request, actor, visibility, state."""
    states, defaults, requests = sections(file)
    for section in requests:
        for actor, by_visibility in classes(section.audience).items():
            for visibility, kind in by_visibility.items():
                row = _row(section, defaults, actor, kind)
                for state, expected in zip(states, row, strict=True):
                    if expected != NO_REQUEST:
                        yield Cell(
                            section.request, actor, visibility, state, expected, section.body, section.media_type
                        )


def people_cells(file: str) -> Iterator[Cell]:
    """Every cell of a file about people: request and actor."""
    _, defaults, requests = sections(file)
    for section in requests:
        for actor in ACTORS:
            (expected,) = _row(section, defaults, actor, "everybody")
            if expected != NO_REQUEST:
                yield Cell(section.request, actor, "", "", expected, section.body, section.media_type)


def _row(section: Section, defaults: Section, actor: str, kind: str) -> list[str]:
    """The row of an actor: by name, else by what they are; of the request, else of every request."""
    for rows, name in (
        (section.rows, f"{actor} as {kind}"),
        (section.rows, actor),
        (defaults.rows, actor),
        (section.rows, kind),
        (defaults.rows, kind),
    ):
        if name in rows:
            return rows[name]
    raise KeyError(f"{section.request}: no row for {actor}, {kind}")


def described(request: str) -> str:
    """A request as the service's own description has it, with nothing in its braces."""
    request = re.sub(r"\{\w+ link\}", "/media/{}/{}", request.partition("?")[0])
    return re.sub(r"\{[^}]*\}", "{}", request)


def _lines(file: str) -> list[str]:
    lines = (FOLDER / file).read_text(encoding="utf-8").splitlines()
    return [line.rstrip() for line in lines if line.strip() and not line.startswith("#")]


def all_cells() -> list[Cell]:
    """The whole table."""
    return [
        *(cell for file in ABOUT_STORIES for cell in story_cells(file)),
        *people_cells("people.txt"),
        *people_cells("roles.txt"),
        *people_cells("events.txt"),
    ]

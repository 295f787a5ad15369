"""Plays cells of the table against a served application, and reports every cell that is not as it should be."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from application.caller import Caller
from application.queries.open_media import MediaPart
from domain.values import OrgId, StoryId, UserId
from infrastructure.container import Container
from tests.http.authorisation.actors import ACTORS, OWNER, Actor
from tests.http.authorisation.cells import CODES, Cell
from tests.http.authorisation.scene import Scene, everything
from tests.http.authorisation.wire import Answer, Ask, ask_all
from tests.http.town import NOBODY

USING_UP: Final = {
    "POST /api/story/{story}/archive",
    "DELETE /api/story/{story}",
    "DELETE /client/community/stories/{story}",
    "DELETE /community/stories/{story}",
}
"""Requests after which a story is another: each that is let pass gets one of its own."""
_LINKS: Final = {
    "{media link}": MediaPart.MEDIA,
    "{thumbnail link}": MediaPart.THUMBNAIL,
    "{upload link}": MediaPart.UPLOAD,
}
_INSTANCE = re.compile(rb'"instance":"urn:uuid:[0-9a-f-]+"')
_NAMED: Final = re.compile(r"\{(\w+)\}")
_PASSING: Final = {"date", "content-length"}


@dataclass(frozen=True)
class Wrong:
    """A cell, and what came instead."""

    cell: Cell
    got: str

    def __str__(self) -> str:
        """One line of a report."""
        return f"{self.cell}, but got {self.got}"


@dataclass
class Report:
    """What came of playing cells.

    Attributes:
        hidden: how the refusals read that must tell nothing: body and headers, the request's id apart.
        changed: requests that were refused, and changed something.
    """

    played: int = 0
    wrong: list[Wrong] = field(default_factory=list)
    hidden: set[tuple[bytes, tuple[tuple[str, str], ...]]] = field(default_factory=set)
    changed: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Everything, cell by cell."""
        lines = [f"{len(self.wrong)} of {self.played} cells are wrong", *map(str, self.wrong)]
        lines += [f"refused, and changed something: {request}" for request in self.changed]
        return "\n".join(lines)


class Player:
    """Plays cells on a scene."""

    def __init__(self, container: Container, scene: Scene, url: str) -> None:
        self._container, self._scene, self._url = container, scene, url
        self._left = {place: list(copies[1:]) for place, copies in scene.stories.items()}
        self._tokens: dict[tuple[Any, ...], str] = {}

    async def play(self, cells: Sequence[Cell]) -> Report:
        """Play them, request by request: first what must be refused and change nothing, then the rest."""
        report = Report()
        for request in dict.fromkeys(cell.request for cell in cells):
            mine = [cell for cell in cells if cell.request == request]
            before = await everything(self._container, self._scene)
            await self.ask([cell for cell in mine if cell.refused], report)
            if await everything(self._container, self._scene) != before:
                report.changed.append(request)
            # What is done anew comes before what finds it done.
            await self.ask([cell for cell in mine if cell.status == 201], report)
            await self.ask([cell for cell in mine if not cell.refused and cell.status != 201], report)
        return report

    async def ask(self, cells: Sequence[Cell], report: Report) -> None:
        """Play cells of whatever requests, and see only what is answered."""
        asks = [self._request(cell) for cell in cells]
        once = list(dict.fromkeys(asks))  # a list asked for by the same actor is one request for many cells
        answers = dict(zip(once, await self._answers(once), strict=True))
        for cell, ask in zip(cells, asks, strict=True):
            self._compare(cell, answers[ask], report)

    async def _answers(self, asks: list[Ask], patience: int = 5) -> list[Answer]:
        """All answers; who is told that the service is busy asks again, as it says."""
        answers = await ask_all(self._url, asks)
        busy = [number for number, answer in enumerate(answers) if answer.status == 503]
        if busy and patience:
            await asyncio.sleep(1)
            again = await self._answers([asks[number] for number in busy], patience - 1)
            for number, answer in zip(busy, again, strict=True):
                answers[number] = answer
        return answers

    def _compare(self, cell: Cell, answer: Answer, report: Report) -> None:
        report.played += 1
        if cell.expected == "404" == str(answer.status):
            headers = tuple(header for header in answer.headers if header[0] not in _PASSING)
            report.hidden.add((_INSTANCE.sub(b"", answer.body), headers))
        if (got := self._got(cell, answer)) != cell.expected:
            report.wrong.append(Wrong(cell, got))

    def _got(self, cell: Cell, answer: Answer) -> str:
        """The answer in the words of the table."""
        if cell.expected in {"in", "out"} and answer.status == 200:
            return "in" if self._listed(cell, answer.body) else "out"
        if answer.status < 400:
            return str(answer.status)
        code = json.loads(answer.body).get("code", "")
        return next((name for name, meant in CODES.items() if (name[:3], meant) == (str(answer.status), code)),
                    f"{answer.status} {code}")  # fmt: skip

    def _listed(self, cell: Cell, body: bytes) -> bool:
        place = (cell.visibility, cell.state)
        if "check-active" in cell.request:
            return bool(json.loads(body)["data"][self._scene.owners[place]])
        return str(self._scene.stories[place][0]).encode() in body

    def _request(self, cell: Cell) -> Ask:
        actor, place = ACTORS[cell.actor], (cell.visibility, cell.state)
        owner = self._scene.owners[place] if cell.state else self._scene.residents[cell.request]
        method, _, path = cell.request.partition(" ")
        names = {
            "owner": owner,
            "me": _named(actor.me, owner) or "nobody",
            "somebody": "somebody",
            "upload": NOBODY,
            "report": NOBODY,
            "webhook": NOBODY,
            "story": "",
        }
        if cell.state:
            names["story"] = str(self._story(cell, place))
        if path in _LINKS:
            return Ask(method, self._link(path, actor, owner, names["story"]))
        names["owners"] = '", "'.join(self._scene.owners.values())
        path, body = (_NAMED.sub(lambda match: names[match[1]], text) for text in (path, cell.body or ""))
        headers = self._headers(actor, owner)
        if "service" in actor.roles and actor.names and not path.startswith("/api/"):
            headers += (("X-Acting-User", _named(actor.names, owner)),)
        elif actor.names:
            path += f"{'&' if '?' in path else '?'}userId={_named(actor.names, owner)}"
        return Ask(method, path, headers, body.encode(), cell.media_type)

    def _story(self, cell: Cell, place: tuple[str, str]) -> StoryId:
        if cell.request in USING_UP and not cell.refused:
            return self._left[place].pop()
        return self._scene.stories[place][0]

    def _headers(self, actor: Actor, owner: str) -> tuple[tuple[str, str], ...]:
        org = ("orgid", self._scene.elsewhere if actor.elsewhere else self._scene.org)
        if actor.user is None:
            return (org,)
        user = _named(actor.user, owner)
        key = (user, actor.roles, actor.token_elsewhere)
        if key not in self._tokens:
            claims: dict[str, Any] = {"roles": list(actor.roles)} if actor.roles else {}
            if actor.token_elsewhere:
                claims["org"] = self._scene.elsewhere
            self._tokens[key] = self._container.token_maker().make(user, ttl_seconds=3_600, **claims)
        return (org, ("Authorization", f"Bearer {self._tokens[key]}"))

    def _link(self, part: str, actor: Actor, owner: str, story: str) -> str:
        """A link that was signed for the actor while the story was to be seen."""
        org = self._scene.elsewhere if actor.elsewhere else self._scene.org
        caller = Caller(org=OrgId(org), user=UserId(_named(actor.me, owner)))
        link = self._container.links().link(
            caller, StoryId(UUID(story)), _LINKS[part], expires_at=datetime.now(UTC) + timedelta(minutes=10)
        )
        return urlsplit(link).path


def only(cells: Iterable[Cell], request: str, *states: str) -> list[Cell]:
    """The cells of one request, in these states."""
    return [cell for cell in cells if cell.request == request and cell.state in states]


def _named(user: str, owner: str) -> str:
    return owner if user == OWNER else user

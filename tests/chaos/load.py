"""The load: people who post, look, archive and delete, and write down what was acknowledged to them."""

from __future__ import annotations

import asyncio
import random
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from tests.stage import jpeg

View = tuple[str, str]
"""A story, and who saw it."""
_SHORT_SECONDS: Final = 2
_DONE: Final = {200, 201, 404}


@dataclass
class Ledger:
    """What was asked for, and what was acknowledged; what has no answer may have happened or not.

    Attributes:
        posted: acknowledged stories, by the key they were posted with.
        pictures: those of them that are pictures.
        wrong: answers that must not have been.
    """

    keys: set[str] = field(default_factory=set)
    posted: dict[str, str] = field(default_factory=dict)
    pictures: set[str] = field(default_factory=set)
    views_asked: set[View] = field(default_factory=set)
    viewed: set[View] = field(default_factory=set)
    archived: set[str] = field(default_factory=set)
    deletions_asked: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    answers: int = 0


class Person:
    """One who does one thing after the other, and again what was not answered."""

    def __init__(self, url: str, token: str, user: str, ledger: Ledger, seed: int) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.AsyncClient(base_url=url, headers=headers, timeout=5, trust_env=False)
        self.user, self._ledger, self._random = user, ledger, random.Random(seed)
        self._mine: list[str] = []

    async def live(self, others: list[Person], until: asyncio.Event) -> None:
        """Go on until told to stop."""
        while not until.is_set():
            what = self._random.random()
            if what < 0.45 or not self._mine:
                await self._post(self._random.choice(others), until)
            elif what < 0.85:
                await self._view(self._random.choice(others), until)
            elif what < 0.95:
                await self._archive(self._random.choice(others), until)
            else:
                await self._delete(until)
        await self._http.aclose()

    async def _ask(self, method: str, path: str, until: asyncio.Event, **request: Any) -> httpx.Response | None:
        """An answer that settles it; None: there was none until the end."""
        while not until.is_set():
            try:
                answer = await self._http.request(method, path, **request)
            except httpx.TransportError:
                await asyncio.sleep(0.05)
                continue
            if answer.status_code in {503, 500} or "request_in_progress" in answer.text:
                if answer.status_code == 500:
                    self._ledger.wrong.append(f"500 to {method} {path}: {answer.text}")
                await asyncio.sleep(0.05)
                continue
            self._ledger.answers += 1
            return answer
        return None

    async def _post(self, viewer: Person, until: asyncio.Event) -> None:
        key = uuid.uuid4().hex
        self._ledger.keys.add(key)
        path, headers = f"/api/story/users/{self.user}", {"Idempotency-Key": key}
        picture, short = self._random.random() < 0.08, self._random.random() < 0.25
        if picture:
            form = {"caption": key, "visibility": "Public"}
            files = {"media": ("photo.jpg", jpeg())}
            answer = await self._ask("POST", path, until, headers=headers, data=form, files=files)
        else:
            body = {"content": key, "visibility": "Public", "duration": _SHORT_SECONDS if short else 86_400}
            answer = await self._ask("POST", path, until, headers=headers, json=body)
        if answer is None:
            return
        if answer.status_code != 201:
            self._ledger.wrong.append(f"{answer.status_code} to a post: {answer.text}")
            return
        data = answer.json()["data"]
        self._ledger.posted[key] = data["storyId"]
        if picture:
            self._ledger.pictures.add(data["storyId"])
        elif short:
            await self._look_late(data["storyId"], data["expiresAt"], viewer, until)
        else:
            self._mine.append(data["storyId"])

    async def _look_late(self, story: str, expires_at: str, viewer: Person, until: asyncio.Event) -> None:
        """Nobody sees it in another organisation, and nobody else at all once its time is over."""
        answer = await self._ask("GET", f"/api/story/{story}", until, headers={"orgid": "elsewhere"})
        if answer is not None and answer.status_code != 404:
            self._ledger.wrong.append(f"{answer.status_code} for a story of another organisation")
        left = (datetime.fromisoformat(expires_at) - datetime.now(UTC)).total_seconds()
        await asyncio.sleep(max(left, 0))
        if viewer is not self and await viewer.sees(story, until):
            self._ledger.wrong.append("a story was seen after its end")

    async def _view(self, whose: Person, until: asyncio.Event) -> None:
        if not whose._mine or whose is self:
            return
        view = (self._random.choice(whose._mine), self.user)
        self._ledger.views_asked.add(view)
        answer = await self._ask("POST", f"/api/story/{view[0]}/views", until, json={"viewDurationSeconds": 1})
        if answer is not None and answer.status_code == 200:
            self._ledger.viewed.add(view)

    async def _archive(self, viewer: Person, until: asyncio.Event) -> None:
        story = self._mine.pop(self._random.randrange(len(self._mine)))
        await viewer.sees(story, until)
        answer = await self._ask("POST", f"/api/story/{story}/archive", until)
        if answer is None or answer.status_code != 200:
            return
        self._ledger.archived.add(story)
        if viewer is not self and await viewer.sees(story, until):
            self._ledger.wrong.append("an archived story was seen")

    async def sees(self, story: str, until: asyncio.Event) -> bool:
        """Whether they see a story now."""
        answer = await self._ask("GET", f"/api/story/{story}", until)
        return answer is not None and answer.status_code == 200

    async def _delete(self, until: asyncio.Event) -> None:
        story = self._mine.pop(self._random.randrange(len(self._mine)))
        self._ledger.deletions_asked.add(story)
        answer = await self._ask("DELETE", f"/api/story/{story}", until)
        if answer is not None and answer.status_code in _DONE:  # 404: an answer to the first time was lost
            self._ledger.deleted.add(story)

"""A service whose Redis is wiped again and again, and then away, beside one without: they must answer the same."""

from __future__ import annotations

import asyncio
import difflib
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Final, NamedTuple

import httpx

from tests.chaos.servers import OwnPostgres, OwnRedis
from tests.http.town import TIME, UUID
from tests.patience import PATIENCE_SECONDS
from tests.processes import Process, Start, eventually, run
from tests.stage import jpeg

EVERY_SECONDS: Final = 1.0
"""How often Redis is wiped."""
AWAY_SECONDS: Final = 10.0
TOWNS: Final = 3
PEOPLE: Final = ("alice", "bob", "carol", "dave")
_PICTURE_EVERY: Final = 50
_SCORE_STEP: Final = 0.1
"""Scores go by the clock and are told to one decimal: worked out a moment apart, they may differ by as much."""


class Answer(NamedTuple):
    """What is compared of an answer: with names for ids, and without times."""

    status: int
    told: Any


class Side:
    """One of the two services, and its words for what is the same to both.

    Attributes:
        broken: requests that had no answer, or were answered with a fault of the service.
    """

    def __init__(self, url: str) -> None:
        self.http = httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS, trust_env=False)
        self.ids: dict[str, str] = {}
        self.known: dict[str, str] = {}
        self.broken: Counter[str] = Counter()

    async def ask(self, method: str, path: str, name: str, **request: Any) -> Answer:
        """Ask; ``name`` is what a new id in the answer is called from now on, and ids in the path are names."""
        try:
            answer = await self.http.request(method, path.format_map(self.ids), **request)
        except httpx.TransportError as error:
            self.broken[type(error).__name__] += 1
            return Answer(0, None)
        if answer.status_code >= 500:
            self.broken[f"{method} {answer.status_code}"] += 1
        told = answer.json() if answer.content else None
        data = told.get("data") if isinstance(told, dict) else None
        if isinstance(data, dict) and "tempUrl" in data:
            self.ids[name], self.known[data["storyId"]] = data["storyId"], name
        return Answer(answer.status_code, self._named(told))

    def _named(self, told: Any) -> Any:
        match told:
            case dict():
                left_out = {"instance", "timeUntilExpiration", "nextCursor", "replyId", "tempUrl"}
                return {key: self._named(value) for key, value in told.items() if key not in left_out}
            case list():
                return [self._named(each) for each in told]
            case str() if TIME.fullmatch(told):
                return "a time"
            case str():
                return UUID.sub(lambda found: self.known.get(found[0], "an id"), told)
            case _:
                return told


class Town:
    """People who do one thing after the other, at both services at once.

    Attributes:
        asked: how many requests were compared.
        different: those that were answered differently, and how.
    """

    def __init__(self, number: int, sides: tuple[Side, Side], tokens: dict[str, str]) -> None:
        self.asked, self.different = 0, list[str]()
        self._org, self._sides, self._tokens = f"town-{number}", sides, tokens
        self._random, self._numbers = random.Random(number), count()
        self._stories: list[tuple[str, str]] = []
        self._keys: list[tuple[str, dict[str, Any]]] = []

    async def settle(self) -> None:
        """Everybody is a friend of everybody."""
        for one in PEOPLE:
            for other in PEOPLE:
                if one != other:
                    await self._ask("app", "PUT", f"/api/social/users/{one}/friends/{other}")

    async def live(self, until: Callable[[], bool]) -> None:
        """Go on until it is so."""
        doing: tuple[Callable[[], Awaitable[None]], ...] = (
            *(self._post, self._post, self._again, self._feed, self._feed, self._ranked, self._look, self._look),
            *(self._react, self._view, self._view, self._reply, self._viewers, self._end, self._part),
        )
        while not until():
            if next(self._numbers) % _PICTURE_EVERY == 0:
                await self._ask(
                    "painter", "POST", "/api/story/users/painter", files={"media": ("a.jpg", jpeg(), "image/jpeg")}
                )
            await self._random.choice(doing)()

    async def _ask(self, who: str, method: str, path: str, *, ranking: bool = False, **request: Any) -> list[Any]:
        headers = {"Authorization": f"Bearer {self._tokens[who]}", "orgid": self._org, **request.pop("headers", {})}
        name = f"{self._org}-{next(self._numbers)}"
        one, other = await asyncio.gather(
            *(side.ask(method, path, name, headers=headers, **request) for side in self._sides)
        )
        self.asked += 1
        if not (_same_ranking(one, other) if ranking else one == other):
            self.different.append(f"{method} {path} by {who}: {_difference(one, other)}")
        return [name, other]

    async def _post(self) -> None:
        who, key = self._random.choice(PEOPLE), f"key-{next(self._numbers)}"
        seen = self._random.choice(("Friends", "Public", "OnlyMe"))
        body = {"content": f"Words {next(self._numbers)}", "visibility": seen}
        name, answer = await self._ask(
            who, "POST", f"/api/story/users/{who}", json=body, headers={"Idempotency-Key": key}
        )
        if answer.status == 201:
            self._stories.append((name, who))
            self._keys.append((who, {"json": body, "headers": {"Idempotency-Key": key}}))

    async def _again(self) -> None:
        if self._keys:
            who, request = self._random.choice(self._keys)
            await self._ask(who, "POST", f"/api/story/users/{who}", **request)

    async def _feed(self) -> None:
        who = self._random.choice(PEOPLE)
        await self._ask(who, "GET", f"/api/story/feed/{who}?limit=20")
        await self._ask(who, "POST", "/api/story/check-active", json=list(PEOPLE))

    async def _ranked(self) -> None:
        who = self._random.choice(PEOPLE)
        await self._ask(who, "GET", f"/api/story/feed/{who}/recommended?limit=100", ranking=True)

    async def _look(self) -> None:
        if self._stories:
            story, _ = self._random.choice(self._stories)
            await self._ask(self._random.choice(PEOPLE), "GET", f"/api/story/{{{story}}}")

    async def _react(self) -> None:
        if self._stories:
            story, _ = self._random.choice(self._stories)
            await self._ask(
                self._random.choice(PEOPLE),
                "POST",
                f"/api/story/{{{story}}}/reactions",
                json={"reaction": self._random.choice(("like", "love", "haha"))},
            )

    async def _view(self) -> None:
        if self._stories:
            story, _ = self._random.choice(self._stories)
            await self._ask(
                self._random.choice(PEOPLE), "POST", f"/api/story/{{{story}}}/views", json={"viewDurationSeconds": 3}
            )

    async def _reply(self) -> None:
        if self._stories:
            story, owner = self._random.choice(self._stories)
            who = self._random.choice(PEOPLE)
            if who != owner:
                await self._ask(who, "POST", f"/api/story/{{{story}}}/replies", json={"content": "I see"})

    async def _viewers(self) -> None:
        if self._stories:
            story, owner = self._random.choice(self._stories)
            await self._ask(owner, "GET", f"/api/story/{{{story}}}/viewers")
            await self._ask(owner, "GET", f"/api/story/{{{story}}}/replies")

    async def _end(self) -> None:
        if len(self._stories) > 10:
            story, owner = self._stories[self._random.randrange(len(self._stories))]
            if self._random.random() < 0.5:
                await self._ask(owner, "POST", f"/api/story/{{{story}}}/archive")
            else:
                self._stories.remove((story, owner))
                await self._ask(owner, "DELETE", f"/api/story/{{{story}}}")

    async def _part(self) -> None:
        one, other = self._random.sample(PEOPLE, 2)
        await self._ask(one, "DELETE", f"/api/social/users/{one}/friends/{other}")
        await self._ask(other, "GET", f"/api/story/feed/{other}?limit=20")
        await self._ask("app", "PUT", f"/api/social/users/{one}/friends/{other}")


def _same_ranking(one: Answer, other: Answer) -> bool:
    """Whether both tell of the same; what is worth seeing first changes by the clock, so that places may differ."""
    if one.status != 200 or other.status != 200:
        return one == other
    stories, scores = _by_id(one)
    others, other_scores = _by_id(other)
    same = stories == others and _but_stories(one) == _but_stories(other)
    return same and all(abs(scores[story] - other_scores[story]) < 1.5 * _SCORE_STEP for story in scores)


def _by_id(answer: Answer) -> tuple[dict[str, dict[str, Any]], dict[str, float]]:
    """The stories of a feed without their scores, and these."""
    stories = {each["storyId"]: dict(each) for each in answer.told["data"]["stories"]}
    return stories, {name: story.pop("recommendationScore") for name, story in stories.items()}


def _but_stories(answer: Answer) -> Any:
    return answer.told | {"data": answer.told["data"] | {"stories": len(answer.told["data"]["stories"])}}


def _difference(one: Answer, other: Answer) -> str:
    first, second = (json.dumps(each, indent=0, sort_keys=True).splitlines() for each in (one, other))
    return " ".join(line for line in difflib.ndiff(first, second) if line.startswith(("+ ", "- ")))


async def wiped(postgres: OwnPostgres, redis: OwnRedis, start: Start, env: dict[str, str], seconds: float) -> bool:
    """Wipe Redis for so long, then be without it, then have it back; whether nobody noticed."""
    parts = [start(part) for part in ("serve", "worker", "relay", "scheduler")]
    alone = start("serve", data_dir=f"{env['STORIES_DATA_DIR']}-alone", database_url="", redis_url="")
    server, *_ = [part.ready() for part in (*parts, alone)]
    tokens = {user: run("token", user, env=env).stdout.strip() for user in (*PEOPLE, "painter")}
    tokens["app"] = run("token", "app", "--role", "service", env=env).stdout.strip()
    sides = Side(server.url), Side(alone.url)
    towns = [Town(number, sides, tokens) for number in range(TOWNS)]
    await asyncio.gather(*(town.settle() for town in towns))

    async with _wiping(redis) as wipes:
        await _live(towns, seconds)
    print(f"Redis wiped {next(wipes)} times in {seconds:.0f} s: {_figures(towns, sides)}")
    redis.crash()
    await _live(towns, AWAY_SECONDS)
    away = await asyncio.to_thread(_health, server)
    redis.start()
    await _live(towns, EVERY_SECONDS)
    print(f"  with {AWAY_SECONDS:.0f} s without it, health {away}, and back: {_figures(towns, sides)}")
    await asyncio.to_thread(_followed, postgres, redis)
    await asyncio.to_thread(eventually, lambda: _health(server) == "ok", "the server is well again")
    pictures = postgres.rows("SELECT status, count(*) FROM stories WHERE owner_id = 'painter' GROUP BY 1")
    events = _stream(redis)
    print(f"  back: health ok, {len(events)} events in the stream, all and in order; pictures {dict(pictures)}")
    for town in towns:
        print(*(f"    {each}" for each in town.different[:3]), sep="\n", end="" if not town.different else "\n")
    for side in sides:
        await side.http.aclose()
    right = not any(side.broken for side in sides) and not any(town.different for town in towns)
    return right and away == "degraded" and [status for status, _ in pictures] == ["Active"]


async def _live(towns: list[Town], seconds: float) -> None:
    end = time.monotonic() + seconds
    await asyncio.gather(*(town.live(lambda: time.monotonic() >= end) for town in towns))


@asynccontextmanager
async def _wiping(redis: OwnRedis) -> AsyncIterator[Any]:
    wipes = count()

    async def wipe() -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            await asyncio.to_thread(_wipe, redis)
            next(wipes)

    task = asyncio.create_task(wipe())
    yield wipes
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _wipe(redis: OwnRedis) -> None:
    with redis.client() as client:
        client.flushall()


def _health(server: Process) -> str:
    return str(httpx.get(f"{server.url}/health/ready", timeout=PATIENCE_SECONDS, trust_env=False).json()["status"])


def _figures(towns: list[Town], sides: tuple[Side, Side]) -> str:
    broken = sum((side.broken for side in sides), Counter[str]())
    different = sum(len(town.different) for town in towns)
    return f"{sum(town.asked for town in towns)} answers, {different} different, {dict(broken) or 'no'} errors"


def _followed(postgres: OwnPostgres, redis: OwnRedis) -> None:
    """Wait until what was posted is processed, and the stream has every event, in order."""
    eventually(
        lambda: not postgres.rows("SELECT 1 FROM stories WHERE status = 'Processing'"), "all pictures are processed"
    )
    eventually(lambda: _stream(redis) == _outbox(postgres), "the stream has every event")


def _stream(redis: OwnRedis) -> list[tuple[int, str]]:
    with redis.client() as client:
        told: Any = client.xrange("stories:events")
    return [(int(entry.partition(b"-")[0]), json.loads(fields[b"data"])["id"]) for entry, fields in told]


def _outbox(postgres: OwnPostgres) -> list[tuple[int, str]]:
    rows = postgres.rows("SELECT position, event_id FROM outbox ORDER BY position")
    return [(position, str(event)) for position, event in rows]

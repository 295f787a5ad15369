"""An erasure leaves nothing of a person: not in rows, files, caches or logs; and what others have stays right."""

from __future__ import annotations

import asyncio
import sqlite3
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import obstore
import pytest
import redis as redis_client
from anyio.from_thread import start_blocking_portal
from dependency_injector import providers
from msgspec import structs
from sqlalchemy import func, select

from infrastructure.container import Container
from infrastructure.settings import Settings
from infrastructure.sql.personal import RULES, Erasure
from infrastructure.sql.tables import erasures, metadata, profiles
from tests.conftest import LOOP, REDIS_URL
from tests.http.conftest import Resting
from tests.http.life import CLAIMS, EMAIL, WORD, lead
from tests.http.test_export import export
from tests.http.town import Town, ok, refused
from tests.logs import heard
from tests.patience import PATIENCE_SECONDS
from tests.s3 import Bucket, serve_s3
from tests.stage import serve

CANARIES = (WORD.encode(), EMAIL.encode())
REMAINING = {Erasure.KEPT}


@pytest.fixture(scope="module")
def address(house: Settings) -> Iterator[str]:
    """The application; nobody is erased but when a test has it done."""
    container = Container(settings=house, scheduler=providers.Object(Resting()))
    with (
        start_blocking_portal("asyncio", LOOP) as portal,
        portal.wrap_async_context_manager(serve(house, container)) as served,
    ):
        yield served.url


async def erase(town: Town, user: str = "alice", **claims: Any) -> None:
    """Ask for somebody's erasure, and have it done."""
    assert (await ask(town, user, **claims)).status_code == 202
    await done(town)


async def done(town: Town) -> None:
    """Have all erasures done that were asked for; bytes may be what the worker deletes at this moment."""

    async def nobody_is_left() -> None:
        await town.container.erase_users()()
        assert await town.rows(erasures) == 0

    await town.eventually(nobody_is_left)


async def ask(town: Town, user: str = "alice", **claims: Any) -> httpx.Response:
    """Ask for somebody's erasure, as themselves."""
    return await town.client(user, **claims).delete(f"/api/users/{user}")


async def erased(town: Town) -> list[Any]:
    """The events that say that somebody was erased."""
    return [event for event in await town.stage.events() if event.type == "user.erased" and event.org_id == town.org]


async def naming(town: Town, user: str = "alice") -> dict[str, int]:
    """How many rows name somebody, by column."""
    counted = {}
    async with town.container.database().read(None) as connection:
        for column, rule in RULES.items():
            if rule.erasure not in REMAINING:
                statement = select(func.count()).where(column.table.c.org_id == town.org, column == user)
                if count := (await connection.execute(statement)).scalar_one():
                    counted[str(column)] = count
    return counted


async def test_no_row_names_the_person_any_more(town: Town) -> None:
    await lead(town)
    before = await naming(town)
    assert before.keys() == {
        str(column) for column, rule in RULES.items() if rule.erasure not in {*REMAINING, Erasure.BYTES, Erasure.LAST}
    }
    await erase(town, **CLAIMS)
    assert await naming(town) == {}
    assert (await export(town)).keys() == {"moderation"}, "what she did to others as a moderator"


async def test_from_the_answer_on_nobody_sees_stories_or_who_it_was(town: Town) -> None:
    life = await lead(town)
    bob = town.client("bob")
    picture = (await town.card(life.own[1], "bob"))["mediaUrl"]
    assert ok(await ask(town, **CLAIMS), 202)["message"] == "Erasure has begun"
    for story_id in life.own:
        refused(await bob.get(f"/api/story/{story_id}"), 404, "story_not_found")
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as anybody:
        assert (await anybody.get(picture)).status_code == 404
    assert ok(await bob.get("/api/story/users/alice/active"))["data"] == []
    assert await town.feed("bob") == []
    assert WORD not in (await town.client().get("/client/community/stories")).text
    assert WORD not in (await bob.get(f"/api/story/{life.bobs}/viewers")).text
    refused(await bob.post(f"/api/story/{life.own[0]}/reactions", json={"reaction": "like"}), 404)


async def test_what_others_have_is_right_afterwards(town: Town) -> None:
    life = await lead(town)
    assert (await town.card(life.bobs, "bob"))["reactionCounts"] == {"love": 2, "share": 2}
    await erase(town, **CLAIMS)
    card = await town.card(life.bobs, "bob")
    assert card["reactionCounts"] == {"love": 1, "share": 1}
    assert (card["viewCount"], card["replyCount"]) == (1, 1)
    bob = town.client("bob")
    viewers = ok(await bob.get(f"/api/story/{life.bobs}/viewers"))
    assert [viewer["userId"] for viewer in viewers["data"]] == ["carol"]
    assert (viewers["totalViewers"], viewers["totalReactions"], viewers["totalReplies"]) == (1, 2, 1)
    replies = ok(await bob.get(f"/api/story/{life.bobs}/replies"))["data"]["replies"]
    assert [reply["from"] for reply in replies] == ["carol"]
    assert (await town.card(life.for_two, "bob"))["allowedUserIds"] == ["carol"]
    nobody = await town.card(life.for_her, "bob")
    assert (nobody["visibility"], nobody["allowedUserIds"]) == ("OnlyMe", None)
    ok(await bob.patch(f"/api/story/{life.for_her}", json={"caption": None, "visibility": "Public"}))
    friends = ok(await bob.get("/api/social/users/bob/friends"))["data"]
    assert friends["totalCount"] == 0


async def test_it_is_told_once_and_the_end_of_each_story_before_it(town: Town) -> None:
    life = await lead(town)
    for _ in range(2):
        assert (await ask(town, **CLAIMS)).status_code == 202
    assert await erased(town) == []
    await asyncio.gather(*(town.container.erase_users()() for _ in range(3)))
    await done(town)
    (event,) = await erased(town)
    assert (event.subject, event.story_id, event.data) == ("alice", None, {"userId": "alice"})
    for story_id in life.own:
        last = (await town.events(story_id))[-1]
        assert last.type == "story.deleted"
        assert last.number < event.number
        versions = [told.version for told in await town.events(story_id) if told.version]
        assert versions == list(range(1, len(versions) + 1))


async def test_who_is_erased_already_is_not_erased_again(town: Town) -> None:
    await lead(town)
    await erase(town, **CLAIMS)
    await erase(town, **CLAIMS)
    await erase(town, "alice", **{**CLAIMS, "name": "another token"})
    assert (await town.service().delete("/api/users/alice")).status_code == 202
    assert (await town.service().delete("/api/users/nobody-ever")).status_code == 202
    assert await town.rows(erasures) == 0
    assert len(await erased(town)) == 1
    assert await town.rows(profiles) == 0


async def test_who_comes_back_begins_anew(town: Town) -> None:
    await lead(town)
    await erase(town, **CLAIMS)
    story_id = str(
        ok(
            await town.client("alice", **CLAIMS, iat=2_000_000).post(
                "/api/story/users/alice", json={"content": "Back"}
            ),
            201,
        )["data"]["storyId"]
    )
    told = await export(town)
    assert told.keys() == {"story", "profile", "moderation"}
    assert [story["storyId"] for story in told["story"]] == [story_id]
    await erase(town, **CLAIMS)
    assert len(await erased(town)) == 2


async def test_a_later_token_is_told_again_though_it_says_the_same(town: Town) -> None:
    told = []
    for iat in (1_000_000, 2_000_000, 1_500_000):
        await town.client("alice", **CLAIMS, iat=iat).put("/api/social/users/alice/mutes/x")
        told += [line["toldAt"] for line in (await export(town))["profile"]]
    assert told[0] < told[1] == told[2], "else another process would not know anew who was erased"


async def test_what_is_written_before_it_is_done_is_erased_too(town: Town) -> None:
    await lead(town)
    assert (await ask(town, **CLAIMS)).status_code == 202
    await town.post_text("alice", visibility="Public")
    assert [line["requestedAt"] for line in (await export(town))["erasure"]]
    await done(town)
    assert await naming(town) == {}
    assert len(await erased(town)) == 1


async def test_a_service_erases_anybody_and_nobody_else_another(town: Town) -> None:
    await town.post_text("alice")
    for roles in ([], ["moderator", "admin"]):
        refused(await town.client("bob", roles=roles).delete("/api/users/alice"), 403, "owner_only")
    refused(await town.client("bob").delete("/api/users/alice?userId=alice"), 403, "identity_mismatch")
    refused(await town.client().delete("/api/users/alice"), 401)
    assert await town.rows(erasures) == 0
    assert (await town.service().delete("/api/users/alice")).status_code == 202
    await done(town)
    assert [event.subject for event in await erased(town)] == ["alice"]


async def test_the_same_person_in_another_organisation_is_another(town: Town, other: Town) -> None:
    await lead(town)
    await lead(other)
    kept = await naming(other)
    await erase(town, **CLAIMS)
    assert await naming(other) == kept
    assert await erased(other) == []


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    """A bucket of the module's own."""
    with serve_s3(tmp_path_factory.mktemp("swift")) as bucket:
        yield bucket


@asynccontextmanager
async def _alone(settings: Settings, prefix: str | None = None) -> AsyncIterator[Town]:
    """The service with all its parts, at a town of its own; its logs go where a test can read them."""
    container = Container(settings=settings)
    if prefix is not None:
        container.redis_prefix.override(providers.Object(prefix))
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(serve(settings, container))
        if not settings.in_process:
            for part in (container.worker(), container.relay(), container.scheduler()):
                await part.start()
                stack.push_async_callback(part.stop)
        town = Town(served, f"town-{uuid.uuid4().hex[:12]}")
        stack.push_async_callback(town.close)
        yield town


def _holds(data: bytes) -> bool:
    return any(canary in data for canary in CANARIES)


def _files(folder: Path) -> set[str]:
    """The files in which there is a word of hers, or her address."""
    return {path.name for path in folder.rglob("*") if path.is_file() and _holds(path.read_bytes())}


async def _rows(town: Town) -> set[str]:
    """The tables in which there is."""
    async with town.container.database().read(None) as connection:
        found = {table.name: (await connection.execute(select(table))).all() for table in metadata.sorted_tables}
    return {name for name, rows in found.items() if _holds(repr(rows).encode())}


async def _be_erased(town: Town) -> None:
    assert (await ask(town, **CLAIMS)).status_code == 202

    async def told() -> None:
        assert len(await erased(town)) == 1

    await town.eventually(told, seconds=60)  # by the scheduler


@pytest.fixture
def written(capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[[], bytes]]:
    """All that the service has logged and printed so far."""
    with heard() as lines:
        yield lambda: "".join([repr(lines), *capfd.readouterr()]).encode()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["sqlite"])
async def test_nothing_is_left_in_a_folder(
    settings: Settings, tmp_path: Path, written: Callable[[], bytes], engine: str
) -> None:
    async with _alone(settings) as town:
        await lead(town)
        await town.feed("bob")
        assert await _rows(town) >= {"stories", "replies", "profiles", "idempotency_keys"}
        assert len(_files(tmp_path / "media")) >= 1
        await _be_erased(town)
        assert await _rows(town) == set()
        assert _files(tmp_path / "media") == set()
    with sqlite3.connect(tmp_path / "stories.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    assert _files(tmp_path) == set(), "what is deleted is overwritten"
    said = written()
    assert b"'event': 'request'" in said
    assert not _holds(said)


@pytest.fixture
def spread(settings: Settings, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with a bucket and Redis."""
    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)
    return structs.replace(settings, redis_url=REDIS_URL, media_url=f"s3://{bucket.name}/media")


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.s3
@pytest.mark.xdist_group("s3")
@pytest.mark.parametrize("engine", ["postgresql"])
async def test_nothing_is_left_in_postgresql_redis_and_a_bucket(
    spread: Settings, bucket: Bucket, redis_prefix: str, written: Callable[[], bytes], engine: str
) -> None:
    async with _alone(spread, redis_prefix) as town:
        await lead(town)
        await town.feed("alice")
        assert f"{redis_prefix}{town.org}/feed/alice".encode() in _redis(redis_prefix)
        assert await _rows(town) >= {"stories", "replies", "profiles", "idempotency_keys"}
        assert _files(bucket.disk)
        await _be_erased(town)
        assert await _rows(town) == set()
        assert [item["path"] for batch in obstore.list(bucket.open()) for item in batch] == []
        assert _files(bucket.disk) == set()
        left = _redis(redis_prefix)
        assert not _holds(left)
        assert f"{redis_prefix}{town.org}/feed/alice".encode() not in left
    said = written()
    assert b"'event': 'request'" in said
    assert not _holds(said)


def _redis(prefix: str) -> bytes:
    """All keys under a prefix, and what is there."""
    client = redis_client.Redis.from_url(REDIS_URL)
    read: dict[bytes, Callable[[bytes], Any]] = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1),
        b"stream": client.xrange,
    }
    found = b""
    for key in client.scan_iter(f"{prefix}*"):
        kind: Any = client.type(key)
        if kind != b"none":  # it has come to its end
            found += key + repr(read[kind](key)).encode()
    client.close()
    return found

"""A process that is killed at each failpoint, exactly there; what it leaves behind, and what becomes of it."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest
import redis as redis_client
from msgspec import structs
from sqlalchemy import func, insert, select, update

from application.failpoints import Failpoint
from application.policies.archive_expired import BATCH
from domain.story import Status
from domain.values import StoryId
from infrastructure.container import Container
from infrastructure.settings import Settings
from infrastructure.sql.dialect import clock
from infrastructure.sql.tables import idempotency_keys, objects, outbox, stories
from tests.chaos.victims import Victims
from tests.conftest import REDIS_URL
from tests.stage import Stage
from tests.webhooks import Service

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.parametrize("engine", ["postgresql"])]

LONG_AGO: Final = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    """Where processes come from that are killed."""
    victims = Victims()
    yield victims
    victims.close()


class Scene:
    """A service whose processes die at one failpoint.

    Attributes:
        told: a file that outlives them.
    """

    def __init__(self, at: Failpoint, victims: Victims, settings: Settings, container: Container, prefix: str) -> None:
        self.at, self.stage, self.told = at, Stage(container), settings.folder / "told"
        self._victims, self._settings, self._prefix = victims, settings, prefix
        self._container = container

    def dies(self, act: str, *arguments: str, at_passing: int = 1) -> None:
        """A process does something, and is killed over it."""
        code = self._act(act, *arguments, failpoint=f"{self.at}:kill:1/{at_passing}")
        assert code == -signal.SIGKILL, f"it does not come to {self.at}"

    def goes_on(self, act: str, *arguments: str) -> None:
        """Another process does the same to its end."""
        assert self._act(act, *arguments) == 0

    async def count(self, table: Any, *conditions: Any) -> int:
        """How many rows there are."""
        async with self._container.database().read(None) as connection:
            statement = select(func.count()).select_from(table).where(*conditions)
            return int((await connection.execute(statement)).scalar_one())

    async def change(self, statement: Any) -> None:
        """Do what only time does."""
        async with self._container.database().write(None) as connection:
            await connection.execute(statement)

    async def versions(self, story: StoryId) -> list[int]:
        """The versions of its events."""
        return [event.version for event in await self.stage.events(story)]

    async def status(self, story: StoryId) -> Status:
        """A story's status, as it is kept."""
        async with self._container.database().read(None) as connection:
            return Status(
                (await connection.execute(select(stories.c.status).where(stories.c.id == story))).scalar_one()
            )

    def files(self) -> int:
        """How many objects there are."""
        return sum(each.is_file() for each in self._settings.media_folder.rglob("*"))

    async def collect(self) -> None:
        """A day passes, and what nothing refers to is deleted."""
        await self.change(update(objects).where(objects.c.delete_after.is_not(None)).values(delete_after=LONG_AGO))
        self.goes_on("empty_bin")

    def redis(self) -> redis_client.Redis:
        """What the processes have as Redis."""
        return redis_client.Redis.from_url(REDIS_URL, socket_timeout=30)

    def key(self, name: str) -> str:
        """A key of theirs in Redis."""
        return f"{self._prefix}{name}"

    def _act(self, act: str, *arguments: str, failpoint: str | None = None) -> int:
        settings = structs.asdict(self._settings) | {"failpoint": failpoint}
        return self._victims.act(act, *arguments, redis_prefix=self._prefix, **settings)


Trial = Callable[[Scene], Awaitable[None]]


async def nothing_was_posted_and_the_retry_does(scene: Scene) -> None:
    scene.dies("post", "breakfast", str(scene.told))
    assert [await scene.count(table) for table in (stories, outbox, idempotency_keys)] == [0, 0, 0]
    scene.goes_on("post", "breakfast", str(scene.told))
    assert [await scene.count(table) for table in (stories, outbox, idempotency_keys)] == [1, 2, 1]


async def it_was_posted_and_its_events_are_there(scene: Scene) -> None:
    scene.dies("post", "", str(scene.told))
    assert [await scene.count(table) for table in (stories, outbox)] == [1, 2]


async def it_was_posted_and_the_retry_is_told_so(scene: Scene) -> None:
    scene.dies("post", "breakfast", str(scene.told))
    assert not scene.told.exists()
    assert [await scene.count(table) for table in (stories, outbox)] == [1, 2]
    scene.goes_on("post", "breakfast", str(scene.told))
    assert [await scene.count(table) for table in (stories, outbox)] == [1, 2]
    assert {event.subject for event in await scene.stage.events()} == {scene.told.read_text()}


async def bytes_without_a_story_are_collected(scene: Scene) -> None:
    scene.dies("upload")
    assert (scene.files(), await scene.count(objects, objects.c.delete_after > clock())) == (1, 1)
    scene.goes_on("upload")
    await scene.collect()
    assert (scene.files(), await scene.count(objects)) == (0, 0), "both are a day old, and in no story"


async def a_deleted_story_is_gone_and_its_bytes_follow(scene: Scene) -> None:
    story = await scene.stage.post_image(processed=False)
    scene.dies("delete", str(story))
    assert (scene.files(), await scene.count(stories)) == (1, 0)
    assert [event.type for event in await scene.stage.events(story)] == ["story.created", "story.deleted"]
    scene.goes_on("empty_bin")
    assert (scene.files(), await scene.count(objects)) == (0, 0)


async def events_get_their_positions_from_another(scene: Scene) -> None:
    await scene.stage.post_text()
    scene.dies("sequence")
    assert [event.position for event in await scene.stage.events()] == [None, None]
    scene.goes_on("sequence")
    assert [event.position for event in await scene.stage.events()] == [1, 2]


async def workers_are_woken_by_another(scene: Scene) -> None:
    await scene.stage.post_image(processed=False)
    scene.goes_on("sequence")
    scene.dies("dispatch")
    assert await scene.count(outbox, outbox.c.published_at.is_(None)) == 1
    scene.goes_on("dispatch")
    assert await scene.count(outbox, outbox.c.published_at.is_(None)) == 0
    with scene.redis() as redis:
        woken = redis.llen(f"{scene.key('')}:media")
    assert woken == (1 if scene.at is Failpoint.RELAY_AFTER_CLAIM else 2), "a wake-up too many does no harm"


async def the_stream_has_each_event_once(scene: Scene) -> None:
    for _ in range(2):
        await scene.stage.post_text()
    scene.goes_on("sequence")
    scene.dies("publish")
    with scene.redis() as redis:
        assert redis.xlen(scene.key("events")) == (0 if scene.at is Failpoint.STREAM_BEFORE_APPEND else 4)
        scene.goes_on("publish")
        entries: Any = redis.xrange(scene.key("events"))
    assert [entry for entry, _ in entries] == [b"1-0", b"2-0", b"3-0", b"4-0"]


async def a_webhook_gets_every_event_and_the_one_under_way_perhaps_again(scene: Scene) -> None:
    service = Service(scene.stage)
    await service.create("https://one.test/hook")
    await service.post(1)
    first, second = [str(event.event_id) for event in await scene.stage.events()]
    scene.dies("deliver", str(scene.told))
    await service.end_leases()
    scene.goes_on("deliver", str(scene.told))
    before = scene.at is Failpoint.WEBHOOK_BEFORE_SEND
    assert scene.told.read_text().split() == ([first, second] if before else [first, first, second])


async def a_picture_is_processed_by_another(scene: Scene) -> None:
    story = await scene.stage.post_image(processed=False)
    scene.dies("process", str(story))
    done = scene.at is Failpoint.MEDIA_AFTER_COMMIT
    assert await scene.status(story) is (Status.ACTIVE if done else Status.PROCESSING)
    overdue = {"processing_due_at": LONG_AGO, "processing_held_until": LONG_AGO}
    await scene.change(update(stories).where(stories.c.status == Status.PROCESSING.value).values(overdue))
    assert await scene.stage.container.rescue_processing()() == (0 if done else 1)
    scene.goes_on("process", str(story))
    assert await scene.status(story) is Status.ACTIVE
    assert await scene.versions(story) == [1, 2]
    await scene.collect()
    assert (scene.files(), await scene.count(objects)) == (2, 2), (
        "picture and thumbnail; no upload, nothing of the dead"
    )


async def the_rest_is_archived_by_another_and_nothing_twice(scene: Scene) -> None:
    """Killed at the second batch, of two."""
    first = await scene.stage.post_text(seconds=60)
    await scene.stage.pass_time(first, 100)
    async with scene.stage.container.database().read(None) as connection:
        row = dict((await connection.execute(select(stories))).mappings().one())
    others = [{**row, "id": scene.stage.container.new_id()()} for _ in range(BATCH + 2)]
    await scene.change(insert(stories).values(others))
    archived, told = stories.c.status == Status.ARCHIVED.value, outbox.c.type == "story.archived"
    scene.dies("sweep", at_passing=2)
    begun = BATCH + 3 if scene.at is Failpoint.SWEEP_AFTER_COMMIT else BATCH
    assert [await scene.count(stories, archived), await scene.count(outbox, told)] == [begun, begun]
    scene.goes_on("sweep")
    assert [await scene.count(stories, archived), await scene.count(outbox, told)] == [BATCH + 3, BATCH + 3]
    assert len({event.story_id for event in await scene.stage.events() if event.type == "story.archived"}) == BATCH + 3


async def what_was_to_be_deleted_is_deleted_by_another(scene: Scene) -> None:
    story = await scene.stage.post_image(processed=False)
    scene.goes_on("delete", str(story))
    scene.dies("empty_bin")
    assert scene.files() == (1 if scene.at is Failpoint.CLEANUP_AFTER_MARK else 0)
    assert await scene.count(objects) == 1
    await scene.collect()
    assert (scene.files(), await scene.count(objects)) == (0, 0)


TRIALS: Final[dict[Failpoint, Trial]] = {
    Failpoint.UPLOAD_AFTER_PUT: bytes_without_a_story_are_collected,
    Failpoint.UPLOAD_BEFORE_ROW: bytes_without_a_story_are_collected,
    Failpoint.CREATE_BEFORE_COMMIT: nothing_was_posted_and_the_retry_does,
    Failpoint.CREATE_AFTER_COMMIT: it_was_posted_and_its_events_are_there,
    Failpoint.CREATE_BEFORE_REPLY: it_was_posted_and_the_retry_is_told_so,
    Failpoint.ONCE_AFTER_KEEP: nothing_was_posted_and_the_retry_does,
    Failpoint.DELETE_AFTER_COMMIT: a_deleted_story_is_gone_and_its_bytes_follow,
    Failpoint.RELAY_AFTER_CLAIM: workers_are_woken_by_another,
    Failpoint.RELAY_BEFORE_MARK: workers_are_woken_by_another,
    Failpoint.RELAY_AFTER_MARK: workers_are_woken_by_another,
    Failpoint.SEQUENCE_BEFORE_COMMIT: events_get_their_positions_from_another,
    Failpoint.STREAM_BEFORE_APPEND: the_stream_has_each_event_once,
    Failpoint.STREAM_AFTER_APPEND: the_stream_has_each_event_once,
    Failpoint.WEBHOOK_BEFORE_SEND: a_webhook_gets_every_event_and_the_one_under_way_perhaps_again,
    Failpoint.WEBHOOK_AFTER_SEND: a_webhook_gets_every_event_and_the_one_under_way_perhaps_again,
    Failpoint.MEDIA_AFTER_DOWNLOAD: a_picture_is_processed_by_another,
    Failpoint.MEDIA_AFTER_PUT: a_picture_is_processed_by_another,
    Failpoint.MEDIA_BEFORE_COMMIT: a_picture_is_processed_by_another,
    Failpoint.MEDIA_AFTER_COMMIT: a_picture_is_processed_by_another,
    Failpoint.SWEEP_AFTER_SELECT: the_rest_is_archived_by_another_and_nothing_twice,
    Failpoint.SWEEP_BEFORE_COMMIT: the_rest_is_archived_by_another_and_nothing_twice,
    Failpoint.SWEEP_AFTER_COMMIT: the_rest_is_archived_by_another_and_nothing_twice,
    Failpoint.CLEANUP_AFTER_MARK: what_was_to_be_deleted_is_deleted_by_another,
    Failpoint.CLEANUP_AFTER_DELETE: what_was_to_be_deleted_is_deleted_by_another,
    Failpoint.CLEANUP_BEFORE_COMMIT: what_was_to_be_deleted_is_deleted_by_another,
}
OVER_REDIS: Final = ("relay", "stream")


@pytest.mark.parametrize("at", [each for each in TRIALS if not each.startswith(OVER_REDIS)])
async def test_who_is_killed_exactly_there_leaves_nothing_undone(
    at: Failpoint, victims: Victims, settings: Settings, container: Container
) -> None:
    await TRIALS[at](Scene(at, victims, settings, container, "stories:"))


@pytest.mark.redis
@pytest.mark.parametrize("at", [each for each in TRIALS if each.startswith(OVER_REDIS)])
async def test_who_is_killed_exactly_there_leaves_nothing_undone_over_redis(
    at: Failpoint, victims: Victims, settings: Settings, container: Container, redis_prefix: str
) -> None:
    over_redis = structs.replace(settings, redis_url=REDIS_URL)
    await TRIALS[at](Scene(at, victims, over_redis, container, redis_prefix))

"""What waits is counted over all organisations, on both engines."""

from __future__ import annotations

from msgspec import structs
from sqlalchemy import update

from application.commands.erase_user import EraseUser
from application.ports.backlog import Waiting
from infrastructure.container import Container
from infrastructure.sql.backlog import SqlBacklogReader
from infrastructure.sql.tables import outbox
from tests.stage import Stage
from tests.webhooks import DOWN, Service, always


async def test_where_nothing_waits_nothing_is_told(container: Container) -> None:
    backlog = await SqlBacklogReader(container.database(), stream=True).backlog()
    assert {*structs.astuple(backlog)} == {Waiting(0, 0.0)}


async def test_what_waits_is_counted_and_the_oldest_timed(container: Container) -> None:
    one, other = Stage(container, "one"), Stage(container, "other")
    over = await one.post_text("alice", seconds=60)
    await one.pass_time(over, 100)
    await one.pass_time(await other.post_image("bob", processed=False), 30)
    await other.post_image("bob", processed=True)

    backlog = await SqlBacklogReader(container.database(), stream=True).backlog()

    assert backlog.overdue.count == 1
    assert 40 <= backlog.overdue.oldest_seconds < 100
    assert backlog.processing.count == 1
    assert 30 <= backlog.processing.oldest_seconds < 90
    assert backlog.events.count == len(await one.events())
    assert 0 <= backlog.events.oldest_seconds < 60
    assert backlog.objects.count == 1, "the upload of the picture that was processed"


async def test_what_was_done_waits_no_longer(container: Container, stage: Stage) -> None:
    story = await stage.post_text("alice", seconds=60)
    await stage.pass_time(story, 100)
    await container.archive_expired()()
    async with container.database().write(None) as connection:
        await connection.execute(update(outbox).values(published_at=outbox.c.occurred_at))

    backlog = await SqlBacklogReader(container.database(), stream=True).backlog()

    assert {backlog.events, backlog.overdue} == {Waiting(0, 0.0)}


async def test_a_person_waits_to_be_erased_until_nothing_is_left(container: Container, stage: Stage) -> None:
    await stage.post_text("alice")
    for _ in range(2):
        await container.erase_user()(EraseUser(caller=stage.caller("alice")))
    reader = SqlBacklogReader(container.database(), stream=True)
    waiting = (await reader.backlog()).erasures
    assert waiting.count == 1
    assert 0 <= waiting.oldest_seconds < 60
    await container.erase_users()()
    assert (await reader.backlog()).erasures == Waiting(0, 0.0)


async def test_a_webhook_that_is_sent_something_again_waits_since_it_failed_first(
    container: Container, stage: Stage
) -> None:
    service, url, reader = Service(stage), "https://hook.test/", SqlBacklogReader(container.database(), stream=False)
    await service.create(url)
    await service.post(1)
    service.targets.behave[url] = always(DOWN)
    await service.step()()
    await service.pass_time(100)
    waiting = (await reader.backlog()).webhooks
    assert waiting.count == 1
    assert 100 <= waiting.oldest_seconds < 160
    service.targets.behave.clear()
    await service.step()()
    assert (await reader.backlog()).webhooks == Waiting(0, 0.0)

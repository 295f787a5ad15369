"""Webhooks get the events of their organisation in order, whatever becomes of others; on both engines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from functools import partial
from ipaddress import ip_network

import pytest
from msgspec import structs
from sqlalchemy import event as on
from sqlalchemy import insert, select, update

from application.commands.create_webhook import CreatedWebhook
from application.commands.replay_dead_letters import ReplayDeadLetters
from application.policies.deliver_webhooks import BATCH, LEASE_SECONDS
from application.policies.forget_events import ForgetEvents
from application.ports.errors import UnavailableError
from application.ports.webhooks import Answer, Turn
from application.queries.admit_webhook_url import AdmitWebhookUrl, AdmitWebhookUrlHandler
from application.queries.list_dead_letters import ListDeadLetters
from application.queries.list_events import PositionGoneError
from domain.errors import InvalidError, NotFoundError, RoleRequiredError, UrlNotAllowedError
from domain.values import WebhookId, WebhookUrl
from domain.webhooks import WEBHOOKS_MAX, DeliveryStatus, DisabledReason, TooManyWebhooksError
from infrastructure.container import Container
from infrastructure.sql.tables import outbox, webhook_deliveries, webhooks
from infrastructure.sql.webhook_queue import KEPT, TRIM_EVERY
from infrastructure.webhooks.targets import PublicTargets
from tests.patience import PATIENCE_SECONDS
from tests.stage import Stage
from tests.webhooks import DOWN, OK, Service, Targets, always, until

ONE, OTHER, THIRD = "https://one.test/hook", "https://other.test/hook", "https://third.test/hook"
HOUR = 3_600.0


@pytest.fixture
def service(stage: Stage) -> Service:
    """Another service."""
    return Service(stage)


# --- what is sent


async def test_a_webhook_gets_what_happens_in_its_organisation_from_its_creation_on(service: Service) -> None:
    await service.post(1)
    elsewhere = Service(Stage(service.container, "elsewhere"), service.targets)
    await service.create(ONE)
    await elsewhere.create(OTHER)
    await service.post(2)
    await elsewhere.post(1)
    assert await service.step()() == 6
    assert service.targets.positions(ONE) == [3, 4, 5, 6]
    assert service.targets.positions(OTHER) == [7, 8]
    assert {event["orgid"] for event in service.targets.taken[OTHER]} == {"elsewhere"}
    assert await service.step()() == 0, "nothing is sent twice"


async def test_only_wanted_types_are_sent_and_the_others_are_passed_by(service: Service) -> None:
    wants = await service.create(ONE, "story.published")
    never = await service.create(OTHER, "story.replied")
    await service.post(2)
    assert await service.step()() == 2
    assert [event["type"] for event in service.targets.taken[ONE]] == ["story.published"] * 2
    assert {(await service.item(each.id)).position for each in (wants, never)} == {4}
    assert (await service.item(wants.id)).types == ("story.published",)
    await service.stage.post_text("alice")
    await service.container.sequence_events()()
    assert await service.step()() == 1


async def test_more_than_a_turn_holds_is_sent_by_several(service: Service) -> None:
    await service.create(ONE)
    await service.post(1)
    async with service.container.database().write(None) as connection:  # copies are quicker than posts
        one = dict((await connection.execute(select(outbox).limit(1))).mappings().one())
        del one["number"], one["position"]
        rows = [{**one, "event_id": service.container.new_id()()} for _ in range(BATCH)]
        await connection.execute(insert(outbox), rows)
    await service.container.sequence_events()()
    assert await service.step()() == BATCH + 2
    assert service.targets.positions(ONE) == list(range(1, BATCH + 3))


async def test_without_webhooks_a_look_is_one_statement(service: Service) -> None:
    statements: list[str] = []
    engines = {service.container.database()._writing, service.container.database()._reading}  # noqa: SLF001
    await service.post(1)
    for engine in engines:
        on.listen(engine.sync_engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    assert await service.step()() == 0
    assert len([each for each in statements if not each.startswith("PRAGMA")]) == 1


# --- who does not take it


async def test_slow_failing_and_lost_targets_delay_nobody_and_get_everything_in_order_once_they_are_back(
    service: Service,
) -> None:
    well, slow, failing, down = (f"https://{name}.test/" for name in ("well", "slow", "failing", "down"))
    released, behave = asyncio.Event(), service.targets.behave

    async def hang() -> Answer:
        await released.wait()
        return OK

    behave[slow], behave[failing], behave[down] = hang, always(Answer(status=500)), always(DOWN)
    for url in (slow, failing, down, well):
        await service.create(url)
    await service.post(3)
    delivering = asyncio.create_task(service.step()())
    await until(lambda: service.targets.positions(well) == [1, 2, 3, 4, 5, 6], "the well one has all")
    await service.post(2)
    await until(lambda: service.targets.positions(well) == [*range(1, 11)], "and what happens meanwhile")
    assert not delivering.done(), "the slow one has not answered yet"
    assert [len(service.targets.tried[url]) for url in (slow, failing, down)] == [1, 1, 1], "the others wait"
    await _tried(service, 1, failing, down)
    for tries in range(2, 7):  # an hour
        await service.pass_time(HOUR / 5)
        await _tried(service, tries, failing, down)
    behave[failing] = behave[down] = always(OK)
    released.set()
    await service.pass_time(HOUR / 5)
    for url in (slow, failing, down):
        await until(partial(_has_all, service.targets, url), f"{url} has all, in order")
    await delivering
    assert {event["position"] for event in service.targets.tried[down][:-9]} == {1}
    assert [each.dead_letters for each in await service.webhooks()] == [0, 0, 0, 0]


async def _tried(service: Service, tries: int, *urls: str) -> None:
    """Wait until it is written that so many attempts have failed: only then does an attempt have its next time."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while {each.attempts for each in await service.webhooks() if each.url in urls} != {tries}:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def _has_all(targets: Targets, url: str) -> bool:
    return targets.positions(url) == [*range(1, 11)]


async def test_an_event_is_tried_again_after_a_pause_that_grows_and_nothing_passes_it(service: Service) -> None:
    webhook = await service.create(ONE)
    await service.post(1)
    service.targets.behave[ONE] = always(Answer(status=503))
    for attempt in (1, 2, 3):
        assert await service.step()() == 1
        assert await service.step()() == 0, "not before the pause is over"
        item = await service.item(webhook.id)
        assert (item.attempts, item.position) == (attempt, 0)
        await service.pass_time(2.0**attempt)
    service.targets.behave[ONE] = always(OK)
    assert await service.step()() == 2
    assert service.targets.positions(ONE) == [1, 2]
    item = await service.item(webhook.id)
    assert (item.attempts, item.failing_since, item.next_attempt_at) == (0, None, None)
    assert [(each.status, each.attempt, each.http_status) for each in await service.deliveries(webhook.id)] == [
        (DeliveryStatus.DELIVERED, 1, 204),
        (DeliveryStatus.DELIVERED, 4, 204),
        (DeliveryStatus.FAILED, 3, 503),
        (DeliveryStatus.FAILED, 2, 503),
        (DeliveryStatus.FAILED, 1, 503),
    ]


async def test_every_attempt_has_the_id_of_the_event(service: Service) -> None:
    await service.create(ONE, "story.published")
    await service.post(1)
    service.targets.behave[ONE] = always(DOWN)
    await service.step()()
    service.targets.behave[ONE] = always(OK)
    await service.pass_time(HOUR)
    await service.step()()
    ((event, attempts),) = service.targets.headers.items()
    assert [headers["webhook-id"] for headers in attempts] == [event] * len(attempts)
    assert len(attempts) == 2


async def test_what_is_not_taken_for_too_long_is_given_up_and_what_comes_after_it_is_sent(service: Service) -> None:
    webhook = await service.create(ONE)
    await service.post(2)
    answers = [Answer(status=400), Answer(status=400), OK, OK, OK]

    async def behave() -> Answer:
        return answers.pop(0)

    service.targets.behave[ONE] = behave
    await service.step()()
    await service.pass_time(86_400)
    assert await service.step()() == 4
    assert service.targets.positions(ONE) == [2, 3, 4]
    (dead,) = await service.deliveries(webhook.id, DeliveryStatus.DEAD)
    assert (dead.position, dead.attempt, dead.http_status) == (1, 2, 400)
    assert (await service.item(webhook.id)).dead_letters == 1


async def test_what_was_given_up_is_sent_again_when_somebody_asks(service: Service) -> None:
    webhook = await service.create(ONE)
    await service.post(2)
    service.targets.behave[ONE] = always(Answer(status=400))
    await service.step(patience_seconds=0)()
    item = await service.item(webhook.id)
    assert (item.disabled_reason, item.dead_letters, item.position) == (DisabledReason.FAILING, 2, 2)
    assert await service.step()() == 0, "nothing is sent to a webhook that is disabled"
    service.targets.behave[ONE] = always(OK)
    assert (await service.replay(webhook.id)).dead_letters == 2
    assert await service.step()() == 4
    assert service.targets.positions(ONE) == [1, 2, 3, 4]
    item = await service.item(webhook.id)
    assert (item.disabled_reason, item.dead_letters) == (None, 0)
    assert await service.deliveries(webhook.id, DeliveryStatus.QUEUED) == []


async def test_what_was_given_up_and_is_not_taken_again_is_given_up_again(service: Service) -> None:
    webhook = await service.create(ONE)
    await service.post(1)
    service.targets.behave[ONE] = always(Answer(status=400))
    await service.step(patience_seconds=0)()
    first, second = sorted(each.number for each in await service.deliveries(webhook.id, DeliveryStatus.DEAD))
    assert (await service.replay(webhook.id, only=[second])).dead_letters == 1
    await service.step()()
    (queued,) = await service.deliveries(webhook.id, DeliveryStatus.QUEUED)
    assert (queued.number, (await service.item(webhook.id)).attempts) == (second, 1)
    await service.pass_time(86_400)
    await service.step()()
    dead = await service.deliveries(webhook.id, DeliveryStatus.DEAD)
    assert [each.position for each in dead] == [2, 1]
    assert dead[1].number == first


async def test_a_target_that_is_gone_is_asked_no_more_until_somebody_asks_for_it(service: Service) -> None:
    webhook = await service.create(ONE)
    await service.post(2)
    service.targets.behave[ONE] = always(Answer(status=410))
    assert await service.step()() == 1
    await service.pass_time(HOUR)
    assert await service.step()() == 0
    item = await service.item(webhook.id)
    assert (item.status, item.disabled_reason, item.next_attempt_at) == ("disabled", "gone", None)
    service.targets.behave[ONE] = always(OK)
    await service.replay(webhook.id)
    await service.step()()
    assert service.targets.positions(ONE) == [1, 2, 3, 4]


async def test_a_target_that_asks_for_a_pause_gets_it(service: Service) -> None:
    webhook = await service.create(ONE)
    await service.post(1)
    service.targets.behave[ONE] = always(Answer(status=429, pause_seconds=60))
    await service.step(chance=0.0)()
    await service.pass_time(50)
    assert await service.step()() == 0
    await service.pass_time(11)
    assert await service.step()() == 1
    assert (await service.item(webhook.id)).attempts == 2


# --- many who send


async def test_relays_side_by_side_send_each_event_once_and_in_order(service: Service) -> None:
    for url in (ONE, OTHER, THIRD):
        await service.create(url)
    await service.post(5)
    assert sum(await asyncio.gather(*(service.step()() for _ in range(4)))) == 30
    for url in (ONE, OTHER, THIRD):
        assert service.targets.positions(url) == [*range(1, 11)]


async def _taken(service: Service) -> Turn:
    (turn,) = await service.container.webhook_queue().take(lease_seconds=LEASE_SECONDS, limit=10)
    return turn


async def test_a_turn_is_one_senders_until_its_lease_ends(service: Service) -> None:
    await service.create(ONE)
    await service.post(1)
    queue, first = service.container.webhook_queue(), await _taken(service)
    assert await queue.take(lease_seconds=LEASE_SECONDS, limit=10) == ()
    await service.end_leases()
    second = await _taken(service)
    late = await queue.settle(first, first.webhook.passes(2), None, lease_seconds=None)
    assert not late, "what it has to say is written no more"
    assert await queue.settle(second, second.webhook.passes(1), None, lease_seconds=LEASE_SECONDS)
    assert await queue.settle(second, second.webhook.passes(2), None, lease_seconds=None)
    assert await service.step()() == 0


async def test_what_is_broken_off_is_somebody_elses_at_once(service: Service) -> None:
    await service.create(ONE)
    await service.post(1)
    hang = asyncio.Event()

    async def behave() -> Answer:
        await hang.wait()
        return OK

    service.targets.behave[ONE] = behave
    delivering = asyncio.create_task(service.step()())
    await until(lambda: len(service.targets.tried[ONE]) == 1, "it is sent")
    delivering.cancel()
    await asyncio.gather(delivering, return_exceptions=True)
    service.targets.behave[ONE] = always(OK)
    assert await service.step()() == 2
    assert service.targets.positions(ONE) == [1, 2]


async def test_no_transaction_is_open_while_a_target_is_waited_for(service: Service) -> None:
    await service.create(ONE)
    await service.post(1)

    async def behave() -> Answer:
        await service.stage.post_text("bob")  # on SQLite, nobody else could write
        return OK

    service.targets.behave[ONE] = behave
    assert await service.step()() == 2


async def test_what_is_sent_again_is_sent_once_whoever_asks_meanwhile(service: Service) -> None:
    webhook = await service.create(ONE)
    await service.post(1)
    service.targets.behave[ONE] = always(Answer(status=400))
    await service.step(patience_seconds=0)()

    async def behave() -> Answer:
        service.targets.behave[ONE] = always(OK)
        await service.replay(webhook.id)
        return OK

    service.targets.behave[ONE] = behave
    await service.replay(webhook.id)
    await service.step()()
    assert service.targets.positions(ONE) == [1, 1, 2], "what was under way is not known to have arrived"
    assert (await service.item(webhook.id)).dead_letters == 0


@pytest.mark.parametrize("change", ["deleted", "replayed"])
async def test_a_webhook_that_is_changed_while_something_is_sent_to_it_is_sent_no_more_of_what_was(
    service: Service, change: str
) -> None:
    webhook = await service.create(ONE)
    await service.post(2)

    async def behave() -> Answer:
        service.targets.behave[ONE] = always(OK)
        await (service.delete(webhook.id) if change == "deleted" else service.replay(webhook.id, after=2))
        return OK

    service.targets.behave[ONE] = behave
    await service.step()()
    assert service.targets.positions(ONE) == ([1] if change == "deleted" else [1, 3, 4])


async def test_a_database_that_is_away_ends_the_step_and_nothing_is_lost(service: Service) -> None:
    await service.create(ONE)
    await service.create(OTHER)
    await service.post(1)

    async def behave() -> Answer:
        raise UnavailableError("away")

    service.targets.behave[ONE] = behave
    with pytest.raises(UnavailableError):
        await service.step()()
    service.targets.behave[ONE] = always(OK)
    await service.end_leases()
    await service.step()()
    assert service.targets.positions(ONE) == [1, 2]


# --- what is forgotten


async def _forget(service: Service) -> int:
    """Forget all that was dispatched, as if it were old."""
    await service.container.dispatch_events()()
    async with service.container.database().write(None) as connection:
        rows = (await connection.execute(select(outbox.c.number, outbox.c.occurred_at))).all()
        for row in rows:
            await connection.execute(
                update(outbox)
                .where(outbox.c.number == row.number)
                .values(occurred_at=row.occurred_at - timedelta(days=9))
            )
    return await ForgetEvents(service.container.unit_of_work(), 86_400, frozenset())()


async def test_who_was_away_for_longer_than_events_are_kept_is_told_of_the_gap(service: Service) -> None:
    webhook, quick = await service.create(ONE), await service.create(OTHER)
    elsewhere = Service(Stage(service.container, "elsewhere"), service.targets)
    quiet = await elsewhere.create(THIRD)
    service.targets.behave[ONE] = always(DOWN)
    await service.post(2)
    await service.step()()
    assert await _forget(service) == 4
    await service.post(1)
    await elsewhere.post(1)
    service.targets.behave[ONE] = always(OK)
    await service.pass_time(HOUR)
    await service.step()()
    assert service.targets.positions(ONE) == [5, 6]
    assert service.targets.positions(OTHER) == [1, 2, 3, 4, 5, 6]
    assert service.targets.positions(THIRD) == [7, 8]
    (gap,) = await service.deliveries(webhook.id, DeliveryStatus.GAP)
    assert (gap.position, gap.event_id, gap.type, gap.attempt) == (4, None, None, 0)
    assert await service.deliveries(quick.id, DeliveryStatus.GAP) == []
    assert await elsewhere.deliveries(quiet.id, DeliveryStatus.GAP) == []


async def test_a_gap_is_told_once_whoever_takes_the_turn(service: Service) -> None:
    webhook = await service.create(ONE)
    await service.post(1)
    await _forget(service)
    turn = await _taken(service)
    await service.replay(webhook.id)
    step = service.step()
    assert await step._take(turn) == 0, "its turn is over"  # noqa: SLF001
    assert await step() == 0
    assert len(await service.deliveries(webhook.id, DeliveryStatus.GAP)) == 1


async def test_what_was_given_up_and_forgotten_cannot_be_sent_again_and_says_so(service: Service) -> None:
    webhook = await service.create(ONE)
    await service.post(1)
    service.targets.behave[ONE] = always(Answer(status=400))
    await service.step(patience_seconds=0)()
    await _forget(service)
    await service.replay(webhook.id)
    assert await service.step()() == 0
    assert [each.position for each in await service.deliveries(webhook.id, DeliveryStatus.GAP)] == [2, 1]
    assert (await service.item(webhook.id)).dead_letters == 0


async def test_the_last_deliveries_are_kept_and_of_those_given_up_the_last(service: Service) -> None:
    webhook = await service.create(ONE)
    row = {
        "org_id": service.stage.org,
        "webhook_id": webhook.id,
        "position": 1,
        "status": "delivered",
        "attempt": 1,
        "sent_at": await _now(service),
        "seconds": 0.1,
    }
    rows = [{**row, "number": number} for number in range(1, KEPT + 6)]
    dead = [{**row, "number": number, "status": "dead"} for number in range(KEPT + 6, 2 * KEPT + 11)]
    async with service.container.database().write(None) as connection:
        await connection.execute(insert(webhook_deliveries), rows + dead)
        await connection.execute(update(webhooks).values(sent=2 * KEPT + TRIM_EVERY - 2))
    await service.post(1)
    service.targets.behave[ONE] = always(Answer(status=400))
    await service.step(patience_seconds=0)()
    async with service.container.database().read(None) as connection:
        numbers = (await connection.execute(select(webhook_deliveries.c.number))).scalars().all()
    assert sorted(numbers) == [
        *range(KEPT + 13, 2 * KEPT + 11),
        *(2 * KEPT + TRIM_EVERY - 1, 2 * KEPT + TRIM_EVERY),
    ]


async def _now(service: Service) -> object:
    async with service.container.unit_of_work().begin_system() as tx:
        return await tx.clock()


# --- asking for it


async def test_a_position_may_be_gone_back_to(service: Service) -> None:
    webhook = await service.create(ONE)
    await service.post(2)
    service.targets.behave[ONE] = always(Answer(status=400))
    await service.step(patience_seconds=0)()
    service.targets.behave[ONE] = always(OK)
    replayed = await service.replay(webhook.id, after=1)
    assert (replayed.position, replayed.dead_letters) == (1, 1)
    await service.step()()
    assert service.targets.positions(ONE) == [1, 2, 3, 4]
    assert await service.deliveries(webhook.id, DeliveryStatus.DEAD) == []


async def test_positions_that_are_not_there_are_refused(service: Service) -> None:
    webhook = await service.create(ONE)
    await service.post(2)
    with pytest.raises(InvalidError) as refused:
        await service.replay(webhook.id, after=5)
    assert refused.value.field == "after"
    await _forget(service)
    with pytest.raises(PositionGoneError):
        await service.replay(webhook.id, after=3)
    assert (await service.replay(webhook.id, after=4)).position == 4


async def test_what_there_is_not_or_is_elsewhere_is_not_found(service: Service) -> None:
    elsewhere = Service(Stage(service.container, "elsewhere"))
    foreign = (await elsewhere.create(ONE)).id
    for unknown in (foreign, WebhookId(service.container.new_id()())):
        calls: list[Awaitable[object]] = [service.delete(unknown), service.replay(unknown), service.deliveries(unknown)]
        for call in calls:
            with pytest.raises(NotFoundError):
                await call
    assert (await service.webhooks(), len(await elsewhere.webhooks())) == ([], 1)


async def test_what_is_deleted_is_gone_with_all_that_was_known_of_it(service: Service) -> None:
    webhook = await service.create(ONE)
    await service.post(1)
    await service.step()()
    await service.delete(webhook.id)
    assert await service.webhooks() == []
    async with service.container.database().read(None) as connection:
        assert (await connection.execute(select(webhook_deliveries))).all() == []


async def test_an_organisation_has_so_many_webhooks_and_no_more_also_at_once(service: Service) -> None:
    for number in range(WEBHOOKS_MAX - 1):
        await service.create(f"https://{number}.test/")
    created = await asyncio.gather(*(service.create(ONE) for _ in range(3)), return_exceptions=True)
    assert sum(isinstance(each, CreatedWebhook) for each in created) == 1
    assert sum(isinstance(each, TooManyWebhooksError) for each in created) == 2
    await Service(Stage(service.container, "elsewhere")).create(ONE)


async def test_it_takes_a_service(service: Service) -> None:
    webhook = await service.create(ONE)
    service.caller = structs.replace(service.caller, roles=frozenset())
    of_it: list[Awaitable[object]] = [service.replay(webhook.id), service.delete(webhook.id)]
    for call in [*of_it, service.deliveries(webhook.id), service.create(ONE), service.webhooks()]:
        with pytest.raises(RoleRequiredError):
            await call


async def test_only_a_service_has_a_target_looked_at_and_only_a_public_one_is_admitted(service: Service) -> None:
    admit, url = service.container.admit_webhook_url(), WebhookUrl("http://127.0.0.1/")
    with pytest.raises(UrlNotAllowedError):
        await admit(AdmitWebhookUrl(caller=service.caller, url=url))
    with pytest.raises(RoleRequiredError):
        await admit(AdmitWebhookUrl(caller=service.stage.caller("alice"), url=url))
    admits = AdmitWebhookUrlHandler(PublicTargets([ip_network("127.0.0.0/8")], service.container.resolver()))
    assert await admits(AdmitWebhookUrl(caller=service.caller, url=url)) == url


async def test_every_webhook_has_a_secret_of_its_own(container: Container, stage: Stage) -> None:
    service = Service(stage, Targets())
    created = [await service.create(ONE) for _ in range(3)]
    assert len({each.secret for each in created}) == 3
    assert all(each.secret.startswith("whsec_") for each in created)


# --- for whoever runs the service


async def test_what_was_given_up_is_listed_over_all_organisations_and_sent_again_by_name(service: Service) -> None:
    elsewhere = Service(Stage(service.container, "elsewhere"), service.targets)
    for who, url in ((service, ONE), (elsewhere, OTHER)):
        await who.create(url)
        await who.post(1)
        service.targets.behave[url] = always(DOWN)
    await service.step(patience_seconds=0)()
    found = await service.container.list_dead_letters()(ListDeadLetters())
    assert {(each.org, each.url, each.position, each.type, each.reason) for each in found} == {
        (service.stage.org, ONE, 1, "story.created", "not_connected"),
        (service.stage.org, ONE, 2, "story.published", "not_connected"),
        ("elsewhere", OTHER, 3, "story.created", "not_connected"),
        ("elsewhere", OTHER, 4, "story.published", "not_connected"),
    }
    service.targets.behave.clear()
    replay, named = service.container.replay_dead_letters(), next(each.id for each in found if each.position == 4)
    assert await replay(ReplayDeadLetters(only=frozenset({named, "another"}))) == 1
    await service.step()()
    assert (service.targets.positions(ONE), service.targets.positions(OTHER)) == ([], [4])
    assert await replay(ReplayDeadLetters(only=frozenset())) == 3
    await service.step()()
    assert (service.targets.positions(ONE), service.targets.positions(OTHER)) == ([1, 2], [4, 3])
    assert await service.container.list_dead_letters()(ListDeadLetters()) == []

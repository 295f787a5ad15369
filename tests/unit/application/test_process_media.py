"""Processing media: from the upload to the rendition, whatever happens to worker, store or story meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import update

from application.commands.archive_story import ArchiveStory
from application.commands.delete_story import DeleteStory
from application.policies.process_media import ATTEMPTS_MAX, ProcessMedia
from application.ports.errors import RenderingFailedError, UnavailableError
from application.ports.work import Policy
from domain.story import Access, ArchiveReason, FailureReason, Status
from domain.values import StoryId
from infrastructure.sql.tables import stories
from tests.stage import Stage, jpeg
from tests.unit.application.doubles import (
    MemoryObjects,
    PlainRenderer,
    RecordingWakeups,
    WatchedUnitOfWork,
    nothing,
)
from tests.unit.application.scenes import DAY, access, empty_bin_after_days, last_event, own_card, told


@pytest.fixture
async def story_id(stage: Stage) -> StoryId:
    """A picture of Alice's, for her friend Bob, that waits to be processed."""
    await stage.befriend("alice", "bob")
    return await stage.post_image("alice", processed=False)


async def process(stage: Stage, story_id: StoryId) -> None:
    await stage.container.process_media()(stage.org, story_id)


async def delete(stage: Stage, story_id: StoryId) -> None:
    await stage.container.delete_story()(DeleteStory(caller=stage.caller("alice"), story_id=story_id))


async def claim(stage: Stage, story_id: StoryId, lease_seconds: float = 0.0) -> None:
    """A worker takes the story, and dies; its hold is over after the lease."""
    async with stage.container.unit_of_work().begin(stage.org) as tx:
        assert await tx.processing.claim(story_id, lease_seconds=lease_seconds)


async def lose_hold(stage: Stage, story_id: StoryId) -> None:
    """Whoever holds the story is taken for dead: their lease is over."""
    async with stage.container.database().write(None) as connection:
        over = update(stories).where(stories.c.id == story_id).values(processing_held_until=stories.c.created_at)
        await connection.execute(over)


# --- it ends well -------------------------------------------------------------------------------------------------


async def test_a_processed_story_is_seen_and_published(stage: Stage, story_id: StoryId) -> None:
    assert await access(stage, "bob", story_id) is Access.HIDDEN
    await process(stage, story_id)
    assert await access(stage, "bob", story_id) is Access.VISIBLE
    card = await own_card(stage, story_id)
    assert (card.status, card.processing, card.failure_reason) == (Status.ACTIVE, None, None)
    assert (card.width, card.height, card.placeholder, card.duration_seconds) == (64, 48, "L00000fQfQfQ", None)
    event = await last_event(stage, story_id)
    assert (event.type, event.version) == ("story.published", 2)


async def test_what_is_rendered_is_what_was_sent(stage: Stage, renderer: PlainRenderer) -> None:
    picture = jpeg(200, 100)
    await stage.post_image("alice", data=picture)
    assert renderer.asked == [(picture, "image/jpeg")]


async def test_only_the_rendition_and_its_thumbnail_are_left_and_they_stay(
    stage: Stage, story_id: StoryId, objects: MemoryObjects
) -> None:
    await process(stage, story_id)
    await stage.container.empty_bin()()
    assert sorted(objects.held.values()) == [b"rendition 0", b"thumbnail 0"]
    assert len(objects.of("media")) == 2
    await empty_bin_after_days(stage)
    assert len(objects.held) == 2


async def test_bytes_of_a_worker_that_dies_before_it_publishes_are_collected(
    stage: Stage, story_id: StoryId, objects: MemoryObjects
) -> None:
    async def the_end() -> None:
        if len(objects.of("media")) == 1:
            raise SystemError

    objects.while_writing = the_end
    with pytest.raises(SystemError):
        await process(stage, story_id)
    assert len(objects.held) == 2
    await empty_bin_after_days(stage)
    assert objects.of("media") == []


async def test_the_bin_is_emptied_afterwards(stage: Stage, story_id: StoryId, wakeups: RecordingWakeups) -> None:
    await process(stage, story_id)
    assert wakeups.woken == [(Policy.EMPTY_BIN, stage.org, story_id)]


async def test_the_owner_sees_how_far_it_is(
    stage: Stage, story_id: StoryId, renderer: PlainRenderer, objects: MemoryObjects
) -> None:
    seen = [(await own_card(stage, story_id)).processing]

    async def look() -> None:
        seen.append((await own_card(stage, story_id)).processing)

    renderer.meanwhile = objects.while_writing = look
    await process(stage, story_id)
    assert seen == [0, 50, 90, 90]


async def test_a_film_has_a_poster_that_is_kept_and_deleted_with_it(
    stage: Stage, renderer: PlainRenderer, objects: MemoryObjects
) -> None:
    story_id = await stage.post_image("alice", data=b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", processed=False)
    await process(stage, story_id)
    card = await own_card(stage, story_id)
    assert card.poster_url is not None
    assert {b"poster 0", b"rendition 0", b"thumbnail 0"} <= set(objects.held.values())
    await delete(stage, story_id)
    await stage.container.empty_bin()()
    assert objects.held == {}


async def test_nothing_is_left_on_the_workers_own_disk(
    stage: Stage, story_id: StoryId, renderer: PlainRenderer
) -> None:
    await process(stage, story_id)
    assert [folder.exists() for folder in renderer.folders] == [False]


async def test_where_there_is_nothing_to_process_nothing_happens(
    stage: Stage, story_id: StoryId, renderer: PlainRenderer, wakeups: RecordingWakeups
) -> None:
    await process(stage, story_id)
    before, text = await told(stage, story_id), await stage.post_text("alice")
    for nothing_to_do in (story_id, text, StoryId(stage.container.new_id()())):
        await process(stage, nothing_to_do)
    assert (len(renderer.asked), len(wakeups.woken)) == (1, 1)
    assert await told(stage, story_id) == before


# --- it does not --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reason", [FailureReason.MEDIA_INVALID, FailureReason.MEDIA_LIMITS, FailureReason.VIDEO_TOO_LONG]
)
async def test_a_file_at_fault_fails_at_once_and_is_deleted(
    stage: Stage, story_id: StoryId, renderer: PlainRenderer, objects: MemoryObjects, reason: FailureReason
) -> None:
    renderer.fails = [reason]
    await process(stage, story_id)
    card = await own_card(stage, story_id)
    assert (card.status, card.failure_reason, card.media_url) == (Status.FAILED, reason, None)
    assert await access(stage, "bob", story_id) is Access.HIDDEN
    event = await last_event(stage, story_id)
    assert (event.type, event.version, event.data["reason"]) == ("story.processing_failed", 2, reason.value)
    await stage.container.empty_bin()()
    assert objects.held == {}


async def test_where_the_file_may_be_innocent_it_is_tried_again(
    stage: Stage, story_id: StoryId, renderer: PlainRenderer
) -> None:
    renderer.fails = [FailureReason.PROCESSING_FAILED] * (ATTEMPTS_MAX - 1)
    for _ in range(ATTEMPTS_MAX - 1):
        with pytest.raises(RenderingFailedError):
            await process(stage, story_id)
        assert (await own_card(stage, story_id)).status is Status.PROCESSING
    await process(stage, story_id)
    assert (await own_card(stage, story_id)).status is Status.ACTIVE


async def test_after_the_last_attempt_it_has_failed(stage: Stage, story_id: StoryId, renderer: PlainRenderer) -> None:
    renderer.fails = [FailureReason.PROCESSING_FAILED] * ATTEMPTS_MAX
    for _ in range(ATTEMPTS_MAX - 1):
        with pytest.raises(RenderingFailedError):
            await process(stage, story_id)
    await process(stage, story_id)
    card = await own_card(stage, story_id)
    assert (card.status, card.failure_reason) == (Status.FAILED, FailureReason.PROCESSING_FAILED)


async def test_a_file_over_which_too_many_workers_died_is_not_touched_again(
    stage: Stage, story_id: StoryId, renderer: PlainRenderer, objects: MemoryObjects
) -> None:
    for _ in range(ATTEMPTS_MAX):
        await claim(stage, story_id)
    await process(stage, story_id)
    card = await own_card(stage, story_id)
    assert (card.status, card.failure_reason) == (Status.FAILED, FailureReason.PROCESSING_FAILED)
    assert renderer.asked == []
    await stage.container.empty_bin()()
    assert objects.held == {}


async def test_where_one_worker_fewer_died_the_next_succeeds(stage: Stage, story_id: StoryId) -> None:
    for _ in range(ATTEMPTS_MAX - 1):
        await claim(stage, story_id)
    await process(stage, story_id)
    assert (await own_card(stage, story_id)).status is Status.ACTIVE


async def test_an_upload_that_is_lost_has_failed(stage: Stage, story_id: StoryId, objects: MemoryObjects) -> None:
    objects.held.clear()
    await process(stage, story_id)
    card = await own_card(stage, story_id)
    assert (card.status, card.failure_reason) == (Status.FAILED, FailureReason.PROCESSING_FAILED)


async def test_without_a_store_it_waits(
    stage: Stage, story_id: StoryId, objects: MemoryObjects, wakeups: RecordingWakeups
) -> None:
    objects.away = True
    with pytest.raises(UnavailableError):
        await process(stage, story_id)
    assert (await own_card(stage, story_id)).status is Status.PROCESSING
    assert wakeups.woken == []
    objects.away = False
    await process(stage, story_id)
    assert (await own_card(stage, story_id)).status is Status.ACTIVE


async def test_however_long_a_store_is_away_no_file_is_blamed_for_it(
    stage: Stage, story_id: StoryId, renderer: PlainRenderer, objects: MemoryObjects
) -> None:
    objects.away = True
    for _ in range(2 * ATTEMPTS_MAX):
        with pytest.raises(UnavailableError):
            await process(stage, story_id)
    objects.away = False
    renderer.fails = [FailureReason.PROCESSING_FAILED] * (ATTEMPTS_MAX - 1)
    for _ in range(ATTEMPTS_MAX - 1):
        with pytest.raises(RenderingFailedError):
            await process(stage, story_id)
    await process(stage, story_id)
    assert (await own_card(stage, story_id)).status is Status.ACTIVE


# --- the story moves on meanwhile ---------------------------------------------------------------------------------


async def test_a_story_deleted_meanwhile_leaves_no_bytes_and_no_event_after_its_deletion(
    stage: Stage, story_id: StoryId, renderer: PlainRenderer, objects: MemoryObjects
) -> None:
    renderer.meanwhile = lambda: delete(stage, story_id)
    await process(stage, story_id)
    assert await told(stage, story_id) == ["story.created", "story.deleted"]
    await stage.container.empty_bin()()
    assert objects.held == {}


@pytest.mark.parametrize("attempts_before", [0, ATTEMPTS_MAX - 1])
@pytest.mark.parametrize("reason", [FailureReason.MEDIA_INVALID, FailureReason.PROCESSING_FAILED])
async def test_a_story_deleted_meanwhile_does_not_fail_any_more(
    stage: Stage, story_id: StoryId, renderer: PlainRenderer, reason: FailureReason, attempts_before: int
) -> None:
    for _ in range(attempts_before):
        await claim(stage, story_id)
    renderer.fails, renderer.meanwhile = [reason], lambda: delete(stage, story_id)
    if reason is FailureReason.PROCESSING_FAILED and not attempts_before:
        with pytest.raises(RenderingFailedError):
            await process(stage, story_id)
    await process(stage, story_id)
    assert await told(stage, story_id) == ["story.created", "story.deleted"]


async def test_a_story_whose_time_ends_meanwhile_is_archived_unseen(
    stage: Stage, story_id: StoryId, renderer: PlainRenderer
) -> None:
    renderer.meanwhile = lambda: stage.pass_time(story_id, DAY)
    await process(stage, story_id)
    assert await access(stage, "bob", story_id) is Access.HIDDEN
    assert (await own_card(stage, story_id)).archive_reason is ArchiveReason.EXPIRED
    assert await told(stage, story_id) == ["story.created", "story.archived"]


@pytest.mark.parametrize("failing", [True, False])
async def test_a_story_archived_meanwhile_stays_so_and_keeps_no_bytes(
    stage: Stage, story_id: StoryId, renderer: PlainRenderer, objects: MemoryObjects, *, failing: bool
) -> None:
    archive = ArchiveStory(caller=stage.caller("alice"), story_id=story_id)
    renderer.meanwhile = lambda: stage.container.archive_story()(archive)
    renderer.fails = [FailureReason.MEDIA_INVALID] if failing else []
    await process(stage, story_id)
    assert (await own_card(stage, story_id)).archive_reason is ArchiveReason.MANUAL
    assert await told(stage, story_id) == ["story.created", "story.archived"]
    await stage.container.clean_archives()()
    await stage.container.empty_bin()()
    assert objects.held == {}


async def test_of_two_workers_the_second_to_finish_yields_and_its_bytes_are_deleted(
    stage: Stage, story_id: StoryId, renderer: PlainRenderer, objects: MemoryObjects
) -> None:
    async def second_worker() -> None:
        renderer.meanwhile = nothing
        await lose_hold(stage, story_id)
        await process(stage, story_id)

    renderer.meanwhile = second_worker
    await process(stage, story_id)
    assert await told(stage, story_id) == ["story.created", "story.published"]
    assert len(objects.of("media")) == 4
    await stage.container.empty_bin()()
    assert sorted(objects.held.values()) == [b"rendition 1", b"thumbnail 1"]
    assert (await own_card(stage, story_id)).status is Status.ACTIVE


async def test_what_another_worker_has_published_does_not_fail_any_more(
    stage: Stage, story_id: StoryId, renderer: PlainRenderer
) -> None:
    async def second_worker() -> None:
        renderer.meanwhile = nothing
        await lose_hold(stage, story_id)
        await process(stage, story_id)
        renderer.fails = [FailureReason.MEDIA_INVALID]

    renderer.meanwhile = second_worker
    await process(stage, story_id)
    assert (await own_card(stage, story_id)).status is Status.ACTIVE


async def test_a_story_that_somebody_works_on_is_left_to_them_however_often_others_are_woken(
    stage: Stage, story_id: StoryId, renderer: PlainRenderer
) -> None:
    async def woken_again() -> None:
        for _ in range(2 * ATTEMPTS_MAX):
            await process(stage, story_id)

    renderer.meanwhile = woken_again
    await process(stage, story_id)
    assert len(renderer.asked) == 1
    assert (await own_card(stage, story_id)).status is Status.ACTIVE


# --- the hold -----------------------------------------------------------------------------------------------------


def with_lease(stage: Stage, seconds: float) -> ProcessMedia:
    made: ProcessMedia = stage.container.process_media()
    return replace(made, lease_seconds=seconds)


async def test_a_worker_that_lives_keeps_its_hold_for_as_long_as_it_takes(
    stage: Stage, story_id: StoryId, renderer: PlainRenderer
) -> None:
    async def takes_longer_than_the_lease() -> None:
        for _ in range(24):
            await asyncio.sleep(0.1)
            assert await stage.container.rescue_processing()() == 0

    renderer.meanwhile = takes_longer_than_the_lease
    await with_lease(stage, 2)(stage.org, story_id)
    assert (await own_card(stage, story_id)).status is Status.ACTIVE


async def test_a_renewal_that_fails_is_made_up_for_by_the_next(
    stage: Stage, story_id: StoryId, renderer: PlainRenderer
) -> None:
    watched = WatchedUnitOfWork(stage.container.unit_of_work())

    async def database_away_for_a_moment() -> None:
        watched.refuses = 1
        await asyncio.sleep(1.8)
        assert watched.refuses == 0
        assert await stage.container.rescue_processing()() == 0

    renderer.meanwhile = database_away_for_a_moment
    await replace(with_lease(stage, 1.6), unit_of_work=watched)(stage.org, story_id)
    assert (await own_card(stage, story_id)).status is Status.ACTIVE


async def test_a_worker_that_died_loses_its_hold(stage: Stage, story_id: StoryId, wakeups: RecordingWakeups) -> None:
    await claim(stage, story_id, lease_seconds=0.02)
    await asyncio.sleep(0.03)
    assert await stage.container.rescue_processing()() == 1
    assert wakeups.of(Policy.PROCESS_MEDIA) == [story_id]


@pytest.mark.parametrize("failing", [True, False])
async def test_the_hold_ends_with_the_work(
    stage: Stage, story_id: StoryId, renderer: PlainRenderer, *, failing: bool
) -> None:
    renderer.fails = [FailureReason.PROCESSING_FAILED] if failing else []
    before = asyncio.all_tasks()
    try:
        await with_lease(stage, 0.04)(stage.org, story_id)
    except RenderingFailedError:
        assert failing
    assert asyncio.all_tasks() <= before

"""A user's own stories: all of them, or the archived ones."""

from __future__ import annotations

import pytest

from application.commands.archive_story import ArchiveStory
from application.commands.delete_story import DeleteStory
from application.queries.cards import CardPage
from application.queries.list_history import ListHistory
from domain.story import ArchiveReason, FailureReason, Status
from tests.stage import Stage
from tests.unit.application.doubles import PlainRenderer
from tests.unit.application.scenes import DAY


async def history(stage: Stage, *, archived_only: bool = False, page: int = 1, page_size: int = 20) -> CardPage:
    return await stage.container.list_history()(
        ListHistory(caller=stage.caller("alice"), archived_only=archived_only, page=page, page_size=page_size)
    )


async def test_history_is_every_story_that_was_not_deleted_and_archived_those_that_are_over(
    stage: Stage, renderer: PlainRenderer
) -> None:
    who = stage.caller("alice")
    renderer.fails = [FailureReason.MEDIA_INVALID]
    await stage.post_image("alice")
    await stage.post_image("alice", processed=False)
    await stage.post_text("alice")
    archived, deleted = await stage.post_text("alice"), await stage.post_text("alice")
    await stage.container.archive_story()(ArchiveStory(caller=who, story_id=archived))
    await stage.container.delete_story()(DeleteStory(caller=who, story_id=deleted))
    await stage.pass_time(await stage.post_text("alice"), DAY)
    await stage.post_text("bob")
    assert [card.status for card in (await history(stage)).stories] == [
        Status.ARCHIVED,
        Status.ACTIVE,
        Status.PROCESSING,
        Status.FAILED,
        Status.ARCHIVED,
    ]
    over = await history(stage, archived_only=True)
    assert [card.archive_reason for card in over.stories] == [ArchiveReason.MANUAL, ArchiveReason.EXPIRED]
    assert over.total_count == 2


async def test_the_sweep_changes_nothing_in_the_archive(stage: Stage) -> None:
    await stage.pass_time(await stage.post_text("alice"), DAY)
    before = await history(stage, archived_only=True)
    await stage.container.archive_expired()()
    after = await history(stage, archived_only=True)
    assert [card.story_id for card in before.stories] == [card.story_id for card in after.stories]
    assert after.stories[0].archive_reason is ArchiveReason.EXPIRED


@pytest.mark.says(
    "story:history page-optional-page pagesize-optional-items  ",
    "story:history page-optional-page pagesize-optional-items ",
    "story:history page-optional-page pagesize-optional-items",
)
async def test_it_is_paged_newest_first(stage: Stage) -> None:
    ids = [await stage.post_text("alice") for _ in range(5)]
    pages = [await history(stage, page=page, page_size=2) for page in (1, 2, 3, 4)]
    assert [card.story_id for page in pages for card in page.stories] == ids[::-1]
    assert [len(page.stories) for page in pages] == [2, 2, 1, 0]
    assert {(page.total_count, page.total_pages, page.page_size) for page in pages} == {(5, 3, 2)}
    assert [page.page for page in pages] == [1, 2, 3, 4]


async def test_who_has_no_stories_has_no_pages(stage: Stage) -> None:
    page = await history(stage)
    assert (page.stories, page.total_count, page.total_pages) == ((), 0, 0)

"""Moderation where many act at once, on both engines: each report is closed once, and each act has one entry."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable

from msgspec import structs
from sqlalchemy import select

from application.caller import Caller
from application.commands.block_user import BlockUser
from application.commands.delete_story import DeleteStory
from application.commands.file_report import Filed, FileReport
from application.commands.remove_story import RemoveStory
from application.commands.resolve_report import ResolvedReport, ResolveReport
from application.ports.people import Role
from application.queries.list_blocks import ListBlocks
from domain.audience import Visibility
from domain.errors import ReportClosedError, StoryNotFoundError
from domain.moderation import Act
from domain.values import ReportId, StoryId, UserId
from infrastructure.sql.tables import moderation_audit, reports
from tests.stage import Stage

PUBLIC = Visibility.PUBLIC


def _moderator(stage: Stage, who: str = "max") -> Caller:
    return structs.replace(stage.caller(who), roles=frozenset({Role.MODERATOR}))


async def _report(stage: Stage, who: str, target: StoryId | UserId) -> Filed:
    return await stage.container.file_report()(FileReport(caller=stage.caller(who), target=target, reason="spam"))


def _resolve(stage: Stage, report: ReportId, act: Act, who: str) -> Awaitable[ResolvedReport]:
    return stage.container.resolve_report()(ResolveReport(caller=_moderator(stage, who), report_id=report, act=act))


async def _done(*doing: Awaitable[object]) -> tuple[list[object], int]:
    """Do all at once: what came of those that were not refused, and how many were."""
    results = await asyncio.gather(*doing, return_exceptions=True)
    refused = [result for result in results if isinstance(result, BaseException)]
    assert all(isinstance(each, (ReportClosedError, StoryNotFoundError)) for each in refused), refused
    return [result for result in results if not isinstance(result, BaseException)], len(refused)


async def _statuses(stage: Stage) -> Counter[str]:
    async with stage.container.database().read(stage.org) as connection:
        return Counter((await connection.execute(select(reports.c.status))).scalars())


async def _acts(stage: Stage) -> list[tuple[str, str]]:
    async with stage.container.database().read(stage.org) as connection:
        rows = await connection.execute(
            select(moderation_audit.c.act, moderation_audit.c.outcome).order_by(moderation_audit.c.id)
        )
        return [(row.act, row.outcome) for row in rows]


async def test_of_many_reports_of_one_person_at_once_there_is_one(stage: Stage) -> None:
    story = await stage.post_text(visibility=PUBLIC)
    filed = await asyncio.gather(*(_report(stage, "bob", story) for _ in range(10)))
    assert len({each.report.id for each in filed}) == 1
    assert sum(not each.before for each in filed) == 1
    assert await _statuses(stage) == {"open": 1}


async def test_of_many_who_resolve_a_report_at_once_one_does(stage: Stage) -> None:
    for number in range(6):
        story = await stage.post_text(visibility=PUBLIC)
        filed = await _report(stage, "bob", story)
        acts = (Act.DISMISS, Act.REMOVE_STORY)
        done, refused = await _done(
            *(_resolve(stage, filed.report.id, acts[each % 2], f"moderator-{each}") for each in range(6))
        )
        assert (len(done), refused) == (1, 5)
        assert len(await _acts(stage)) == number + 1
    assert (await _statuses(stage))["open"] == 0


async def test_those_who_remove_a_story_by_different_reports_of_it_do_so_once(stage: Stage) -> None:
    for gone in (False, True):
        story = await stage.post_text(visibility=PUBLIC)
        filed = [await _report(stage, f"user-{number}", story) for number in range(6)]
        if gone:
            await stage.container.delete_story()(DeleteStory(caller=stage.caller("alice"), story_id=story))
        done, refused = await _done(
            *(_resolve(stage, each.report.id, Act.REMOVE_STORY, each.report.id.hex) for each in filed),
            stage.container.remove_story()(RemoveStory(caller=_moderator(stage), story_id=story)),
        )
        assert len(done) + refused == 7
        assert sum(isinstance(each, ResolvedReport) for each in done) <= 1
    assert (await _statuses(stage))["open"] == 0
    assert [each for _, each in await _acts(stage)].count("removed") == 1
    archived = [event for event in await stage.events() if event.type == "story.archived"]
    assert len(archived) == 1


async def test_a_report_that_comes_with_a_removal_is_resolved_by_it_or_waits(stage: Stage) -> None:
    for _ in range(6):
        story = await stage.post_text(visibility=PUBLIC)
        removal = stage.container.remove_story()(RemoveStory(caller=_moderator(stage), story_id=story))
        filing = asyncio.gather(*(_report(stage, f"user-{number}", story) for number in range(4)))
        (filed, *_), removed = await asyncio.gather(filing, removal)
        assert removed == "removed"
        async with stage.container.unit_of_work().begin(stage.org) as tx:
            report = await tx.reports.get(filed.report.id)
        assert report is not None
        assert report.closed_by in {None, "max"}
    assert sum((await _statuses(stage)).values()) == 24


async def test_a_dismissal_and_a_new_report_of_the_same_one_are_two_or_one(stage: Stage) -> None:
    for number in range(6):
        target = UserId(f"mallory-{number}")
        first = await _report(stage, "bob", target)
        filed, _ = await asyncio.gather(
            _report(stage, "bob", target), _resolve(stage, first.report.id, Act.DISMISS, "max")
        )
        assert filed.before is (filed.report.id == first.report.id)
    statuses = await _statuses(stage)
    assert statuses["dismissed"] == 6


async def test_of_many_blocks_of_one_person_at_once_one_is_the_first(stage: Stage) -> None:
    block = stage.container.block_user()
    command = BlockUser(caller=stage.caller("alice"), target=UserId("bob"), reason="spam")
    blocked = await asyncio.gather(*(block(command) for _ in range(8)))
    assert sum(not each.before for each in blocked) == 1
    assert len({each.at for each in blocked}) == 1
    page = await stage.container.list_blocks()(ListBlocks(caller=stage.caller("alice"), page=1, page_size=9))
    assert [(each.target_id, each.reason) for each in page.blocks] == [("bob", "spam")]

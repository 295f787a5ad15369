"""Reports, what moderators make of them, and the trail of it."""

from __future__ import annotations

import pytest
from msgspec import structs
from sqlalchemy import update

from application.caller import Caller
from application.commands.archive_story import ArchiveStory
from application.commands.delete_story import DeleteStory
from application.commands.file_report import Filed, FileReport
from application.commands.remove_story import RemoveStory
from application.commands.resolve_report import ResolvedReport, ResolveReport
from application.ports.people import Role
from application.queries.get_community_story import GetCommunityStory
from application.queries.list_audit import AuditItem, ListAudit
from application.queries.list_reports import ListReports, ReportItem
from domain.audience import Visibility
from domain.errors import (
    InvalidError,
    NotFoundError,
    OwnStoryError,
    ReportClosedError,
    RoleRequiredError,
    StoryExpiredError,
    StoryNotFoundError,
)
from domain.moderation import Act, Outcome, ReportStatus, TargetType
from domain.story import Access, ArchiveReason
from domain.values import ReportId, StoryId, UserId
from infrastructure.sql.tables import reports
from tests.stage import Stage
from tests.unit.application.scenes import DAY, access, as_admin, last_event, own_card, told

PUBLIC = Visibility.PUBLIC


def moderator(stage: Stage, who: str = "max") -> Caller:
    """Somebody with the role of a moderator."""
    return structs.replace(stage.caller(who), roles=frozenset({Role.MODERATOR}))


async def report(stage: Stage, who: str, target: StoryId | UserId, reason: str = "spam") -> Filed:
    """Somebody reports something."""
    command = FileReport(caller=stage.caller(who), target=target, reason=reason, details="Look!")
    return await stage.container.file_report()(command)


async def resolve(stage: Stage, report_id: ReportId, act: Act = Act.REMOVE_STORY, who: str = "max") -> ResolvedReport:
    """A moderator resolves a report."""
    command = ResolveReport(caller=moderator(stage, who), report_id=report_id, act=act)
    return await stage.container.resolve_report()(command)


async def remove(stage: Stage, story: StoryId, who: str = "max") -> Outcome:
    """A moderator removes a story."""
    return await stage.container.remove_story()(RemoveStory(caller=moderator(stage, who), story_id=story))


async def queue(stage: Stage, status: ReportStatus | None = ReportStatus.OPEN) -> list[ReportItem]:
    """The reports of a status."""
    query = ListReports(caller=moderator(stage), status=status, page=1, page_size=100)
    return list((await stage.container.list_reports()(query)).reports)


async def trail(stage: Stage) -> list[AuditItem]:
    """What was done, newest first."""
    query = ListAudit(caller=as_admin(stage, "root"), page=1, page_size=100)
    return list((await stage.container.list_audit()(query)).entries)


# --- reporting


@pytest.mark.parametrize("who", ["alice", "bob"])
async def test_words_that_break_a_rule_are_refused_before_it_is_told_what_they_are_about(
    stage: Stage, who: str
) -> None:
    hidden = await stage.post_text(visibility=Visibility.ONLY_ME)
    for target in (hidden, StoryId(stage.container.new_id()())):
        with pytest.raises(InvalidError, match="blank"):
            await report(stage, who, target, " ")


async def test_what_one_sees_is_reported_once_as_long_as_the_report_is_open(stage: Stage) -> None:
    story = await stage.post_text(visibility=PUBLIC)
    first = await report(stage, "bob", story)
    again = await report(stage, "bob", story, "it is worse than I thought")
    other = await report(stage, "carol", story)
    assert (first.before, again.before, other.before) == (False, True, False)
    assert again.report == first.report
    assert [(each.reporter_id, each.reason) for each in await queue(stage)] == [("bob", "spam"), ("carol", "spam")]
    (item, _) = await queue(stage)
    assert (item.target_type, item.target_id, item.target_user_id) == (TargetType.STORY, str(story), "alice")
    assert (item.details, item.closed_by, item.closed_at) == ("Look!", None, None)


async def test_what_was_dismissed_may_be_reported_anew(stage: Stage) -> None:
    story = await stage.post_text(visibility=PUBLIC)
    first = await report(stage, "bob", story)
    await resolve(stage, first.report.id, Act.DISMISS)
    second = await report(stage, "bob", story)
    assert not second.before
    assert [each.status for each in await queue(stage, None)] == [ReportStatus.DISMISSED, ReportStatus.OPEN]


async def test_what_is_over_may_be_reported_by_those_who_saw_it(stage: Stage) -> None:
    story = await stage.post_text(visibility=PUBLIC)
    await stage.pass_time(story, DAY)
    assert not (await report(stage, "bob", story)).before


async def test_what_is_hidden_cannot_be_reported_nor_what_there_is_not(stage: Stage) -> None:
    for hidden in (await stage.post_text(), StoryId(stage.container.new_id()())):
        with pytest.raises(StoryNotFoundError):
            await report(stage, "stranger", hidden)
    assert await queue(stage, None) == []


async def test_nobody_reports_themselves_or_what_is_theirs(stage: Stage) -> None:
    story = await stage.post_text()
    with pytest.raises(OwnStoryError):
        await report(stage, "alice", story)
    with pytest.raises(InvalidError) as refused:
        await report(stage, "alice", UserId("alice"))
    assert refused.value.field == "targetId"


async def test_a_person_is_reported_whether_or_not_anything_is_known_of_them(stage: Stage) -> None:
    filed = await report(stage, "bob", UserId("mallory"))
    assert (filed.report.target_type, filed.report.target_id) == (TargetType.USER, "mallory")
    assert (await report(stage, "bob", UserId("mallory"))).before
    assert [each.target_user_id for each in await queue(stage)] == ["mallory"]


async def test_a_report_without_a_reason_is_none(stage: Stage) -> None:
    with pytest.raises(InvalidError):
        await report(stage, "bob", await stage.post_text(visibility=PUBLIC), "  ")


# --- resolving


async def test_removing_a_reported_story_archives_it_and_resolves_all_its_reports(stage: Stage) -> None:
    story, other = await stage.post_text(visibility=PUBLIC), await stage.post_text(visibility=PUBLIC)
    first, _, untouched = [
        await report(stage, who, what) for who, what in (("bob", story), ("carol", story), ("bob", other))
    ]
    resolved = await resolve(stage, first.report.id)
    assert (resolved.id, resolved.status, resolved.outcome) == (
        first.report.id,
        ReportStatus.RESOLVED,
        Outcome.REMOVED,
    )
    assert await access(stage, "bob", story) is Access.GONE
    assert (await own_card(stage, story)).archive_reason is ArchiveReason.MODERATION
    event = await last_event(stage, story)
    assert (event.type, event.data["reason"]) == ("story.archived", "moderation")
    assert [each.id for each in await queue(stage)] == [untouched.report.id]
    assert {(each.closed_by, each.closed_at is None) for each in await queue(stage, ReportStatus.RESOLVED)} == {
        ("max", False)
    }
    (entry,) = await trail(stage)
    assert (entry.actor_id, entry.action, entry.target_id) == ("max", Act.REMOVE_STORY, str(story))
    assert (entry.report_id, entry.outcome) == (first.report.id, Outcome.REMOVED)


async def test_dismissing_changes_the_one_report_and_nothing_else(stage: Stage) -> None:
    story = await stage.post_text(visibility=PUBLIC)
    first, second = await report(stage, "bob", story), await report(stage, "carol", story)
    resolved = await resolve(stage, first.report.id, Act.DISMISS)
    assert (resolved.status, resolved.outcome) == (ReportStatus.DISMISSED, Outcome.DISMISSED)
    assert await access(stage, "bob", story) is Access.VISIBLE
    assert [each.id for each in await queue(stage)] == [second.report.id]
    (entry,) = await trail(stage)
    assert (entry.action, entry.outcome, entry.report_id) == (Act.DISMISS, Outcome.DISMISSED, first.report.id)


@pytest.mark.parametrize("first", Act)
@pytest.mark.parametrize("then", Act)
async def test_what_is_closed_is_closed(stage: Stage, first: Act, then: Act) -> None:
    filed = await report(stage, "bob", await stage.post_text(visibility=PUBLIC))
    await resolve(stage, filed.report.id, first)
    with pytest.raises(ReportClosedError):
        await resolve(stage, filed.report.id, then, "root")
    assert [each.actor_id for each in await trail(stage)] == ["max"]


async def test_a_story_that_was_over_keeps_its_reason(stage: Stage) -> None:
    by_hand, by_time = await stage.post_text(visibility=PUBLIC), await stage.post_text(visibility=PUBLIC)
    reports = [await report(stage, "bob", story) for story in (by_hand, by_time)]
    await stage.container.archive_story()(ArchiveStory(caller=stage.caller("alice"), story_id=by_hand))
    await stage.pass_time(by_time, DAY)
    for filed in reports:
        assert (await resolve(stage, filed.report.id)).outcome is Outcome.ALREADY_OVER
    assert (await own_card(stage, by_hand)).archive_reason is ArchiveReason.MANUAL
    assert (await own_card(stage, by_time)).archive_reason is ArchiveReason.EXPIRED
    assert (await told(stage, by_time))[-1] == "story.archived"
    assert await queue(stage) == []


async def test_a_report_outlives_the_story(stage: Stage) -> None:
    story = await stage.post_text(visibility=PUBLIC)
    first, second = await report(stage, "bob", story), await report(stage, "carol", story)
    await stage.container.delete_story()(DeleteStory(caller=stage.caller("alice"), story_id=story))
    assert len(await queue(stage)) == 2
    assert (await resolve(stage, second.report.id)).outcome is Outcome.ALREADY_GONE
    assert await queue(stage) == []
    with pytest.raises(ReportClosedError):
        await resolve(stage, first.report.id)


async def test_of_a_person_no_story_is_removed(stage: Stage) -> None:
    filed = await report(stage, "bob", UserId("mallory"))
    with pytest.raises(InvalidError):
        await resolve(stage, filed.report.id)
    assert (await resolve(stage, filed.report.id, Act.DISMISS)).status is ReportStatus.DISMISSED


async def test_there_are_no_reports_but_those_of_the_organisation(stage: Stage) -> None:
    filed = await report(stage, "bob", UserId("mallory"))
    elsewhere = Stage(stage.container, "elsewhere")
    for where, report_id in ((stage, ReportId(stage.container.new_id()())), (elsewhere, filed.report.id)):
        with pytest.raises(NotFoundError):
            await resolve(where, report_id, Act.DISMISS)
    assert await queue(elsewhere, None) == []
    assert len(await queue(stage)) == 1


# --- removing without a report


async def test_a_story_is_removed_without_a_report_and_again_nothing_happens_but_the_entry(stage: Stage) -> None:
    story = await stage.post_text()
    assert await remove(stage, story) is Outcome.REMOVED
    assert await remove(stage, story, "other") is Outcome.ALREADY_OVER
    assert await told(stage, story) == ["story.created", "story.published", "story.archived"]
    assert [(each.actor_id, each.outcome, each.report_id) for each in await trail(stage)] == [
        ("other", Outcome.ALREADY_OVER, None),
        ("max", Outcome.REMOVED, None),
    ]


async def test_a_removal_resolves_the_reports(stage: Stage) -> None:
    story = await stage.post_text(visibility=PUBLIC)
    await report(stage, "bob", story)
    await remove(stage, story)
    assert await queue(stage) == []


async def test_what_there_is_not_cannot_be_removed_and_leaves_no_entry(stage: Stage) -> None:
    with pytest.raises(StoryNotFoundError):
        await remove(stage, StoryId(stage.container.new_id()()))
    story = await stage.post_text()
    with pytest.raises(StoryNotFoundError):
        await remove(Stage(stage.container, "elsewhere"), story)
    assert await trail(stage) == []


async def test_a_removed_picture_is_never_published(stage: Stage) -> None:
    story = await stage.post_image(visibility=PUBLIC, processed=False)
    assert await remove(stage, story) is Outcome.REMOVED
    await stage.container.process_media()(stage.org, story)
    assert await told(stage, story) == ["story.created", "story.archived"]
    assert await access(stage, "bob", story) is Access.HIDDEN


# --- roles


@pytest.mark.parametrize("roles", [(), (Role.SERVICE,)])
async def test_only_moderators_and_admins_moderate(stage: Stage, roles: tuple[Role, ...]) -> None:
    story = await stage.post_text(visibility=PUBLIC)
    filed = await report(stage, "bob", story)
    who = structs.replace(stage.caller("alice"), roles=frozenset(roles))
    container = stage.container
    for asked in (
        lambda: container.remove_story()(RemoveStory(caller=who, story_id=story)),
        lambda: container.resolve_report()(ResolveReport(caller=who, report_id=filed.report.id, act=Act.DISMISS)),
        lambda: container.list_reports()(ListReports(caller=who, status=None, page=1, page_size=1)),
        lambda: container.list_audit()(ListAudit(caller=who, page=1, page_size=1)),
    ):
        with pytest.raises(RoleRequiredError):
            await asked()
    assert await trail(stage) == []


async def test_moderators_look_at_a_reported_story_while_the_report_waits(stage: Stage) -> None:
    story = await stage.post_text()
    get, query = stage.container.get_community_story(), GetCommunityStory(caller=moderator(stage), story_id=story)
    with pytest.raises(StoryNotFoundError):
        await get(query)
    await stage.befriend("alice", "bob")
    filed = await report(stage, "bob", story)
    assert (await get(query)).id == story
    await stage.pass_time(story, DAY)
    assert (await get(query)).state == "archived"
    with pytest.raises(StoryExpiredError):
        await get(GetCommunityStory(caller=stage.caller("bob"), story_id=story))
    await resolve(stage, filed.report.id, Act.DISMISS)
    with pytest.raises(StoryNotFoundError):
        await get(query)


async def test_no_other_report_opens_a_story_to_moderators(stage: Stage) -> None:
    story = await stage.post_text()
    await report(stage, "bob", UserId(str(story)))  # of a person who is called so
    await stage.befriend("alice", "bob")
    await report(stage, "bob", story)
    async with stage.container.database().write(None) as connection:
        of_story = reports.c.target_type == TargetType.STORY
        await connection.execute(update(reports).where(of_story).values(org_id="elsewhere"))
    with pytest.raises(StoryNotFoundError):
        await stage.container.get_community_story()(GetCommunityStory(caller=moderator(stage), story_id=story))


# --- lists


async def test_reports_come_oldest_first_and_acts_newest_first_a_page_at_a_time(stage: Stage) -> None:
    filed = [(await report(stage, f"user-{number}", UserId("mallory"))).report.id for number in range(5)]
    container, who = stage.container, moderator(stage)
    pages = [
        await container.list_reports()(ListReports(caller=who, status=None, page=page, page_size=2))
        for page in (1, 2, 3, 4)
    ]
    assert [each.id for page in pages for each in page.reports] == filed
    assert {(page.total_count, page.total_pages) for page in pages} == {(5, 3)}
    for each in filed[:3]:
        await resolve(stage, each, Act.DISMISS)
    assert [each.id for each in await queue(stage, ReportStatus.DISMISSED)] == filed[:3]
    audits = [await container.list_audit()(ListAudit(caller=who, page=page, page_size=2)) for page in (1, 2)]
    assert [each.report_id for page in audits for each in page.entries] == filed[2::-1]
    assert {(page.total_count, page.total_pages) for page in audits} == {(3, 2)}

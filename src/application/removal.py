"""How moderators take a story down: the story, every open report of it and the audit entry, in one transaction."""

from __future__ import annotations

from application.caller import Caller
from application.ports.transactions import NewIds, Transaction
from domain.errors import StoryNotFoundError
from domain.moderation import Act, AuditEntry, Outcome, Report, Target
from domain.story import ArchiveReason, Story
from domain.values import AuditId, StoryId


async def remove_story(
    tx: Transaction, new_id: NewIds, caller: Caller, story_id: StoryId, report: Report | None = None
) -> Outcome:
    """Remove a story and resolve all open reports of it; what that came to.

    Args:
        tx: what it is done in.
        new_id: makes the id of the entry.
        caller: a moderator.
        story_id: of a story; one that was deleted, if a report of it is acted on.
        report: the report that is acted on; None: there need be none.

    Raises:
        StoryNotFoundError: there is no such story, and no report is acted on.
        ReportClosedError: the report is not open (any more).
    """
    # The story before its reports, always: two who remove it wait for each other here, and not crosswise.
    story = await tx.stories.get(story_id)
    if story is None and report is None:
        raise StoryNotFoundError
    target = Target.of_story(story_id)
    await tx.reports.hold(target)
    at = await tx.clock()
    if report is not None:
        await tx.reports.close(report.resolve(by=caller.user, at=at))
    await tx.reports.resolve_all(target, by=caller.user, at=at)
    outcome = Outcome.ALREADY_GONE
    if story is not None:
        removed = story.remove(at=at)
        await tx.stories.save(removed)
        outcome = _outcome(story, removed)
    entry = AuditEntry(
        id=AuditId(new_id()),
        actor=caller.user,
        act=Act.REMOVE_STORY,
        target=target,
        report=None if report is None else report.id,
        outcome=outcome,
        at=at,
    )
    await tx.audit.add(entry)
    return outcome


def _outcome(before: Story, after: Story) -> Outcome:
    ended_now = after.version != before.version and after.archive_reason is ArchiveReason.MODERATION
    return Outcome.REMOVED if ended_now else Outcome.ALREADY_OVER

"""Reports: what may be said in one, and that each is closed once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.errors import InvalidError, ReportClosedError
from domain.moderation import Report, ReportStatus, Target
from domain.values import ReportId, StoryId, UserId

BEGIN = datetime(2026, 1, 2, tzinfo=UTC)
LATER = BEGIN + timedelta(minutes=1)
STORY = StoryId(UUID(int=1))
MAX = UserId("max")
REPORT = Report(
    id=ReportId(UUID(int=2)),
    reporter=UserId("bob"),
    target=Target.of_story(STORY),
    subject=UserId("alice"),
    reason="spam",
    at=BEGIN,
)


def test_a_report_begins_open_and_names_its_story() -> None:
    assert REPORT.status is ReportStatus.OPEN
    assert REPORT.story == STORY


def test_of_a_person_there_is_no_story_to_remove() -> None:
    with pytest.raises(InvalidError) as refused:
        _ = replace(REPORT, target=Target.of_user(UserId("alice"))).story
    assert refused.value.field == "action"


def test_what_a_moderator_made_of_it_is_kept_with_who_and_when() -> None:
    dismissed, resolved = REPORT.dismiss(by=MAX, at=LATER), REPORT.resolve(by=MAX, at=LATER)
    assert [str(each.status) for each in (dismissed, resolved)] == ["dismissed", "resolved"]
    for closed in (dismissed, resolved):
        assert (closed.closed_by, closed.closed_at) == (MAX, LATER)
        assert replace(closed, status=ReportStatus.OPEN, closed_by=None, closed_at=None) == REPORT


@pytest.mark.parametrize("closed", [REPORT.dismiss(by=MAX, at=LATER), REPORT.resolve(by=MAX, at=LATER)])
def test_a_report_is_closed_once(closed: Report) -> None:
    with pytest.raises(ReportClosedError):
        closed.dismiss(by=MAX, at=LATER)
    with pytest.raises(ReportClosedError):
        closed.resolve(by=MAX, at=LATER)


@pytest.mark.parametrize("reason", ["", " \n", "x" * 201, "a\x00b"])
def test_a_reason_says_something_in_at_most_200_code_points(reason: str) -> None:
    with pytest.raises(InvalidError) as refused:
        replace(REPORT, reason=reason)
    assert refused.value.field == "reason"
    assert replace(REPORT, reason="😀" * 200).reason


@pytest.mark.parametrize("details", ["x" * 2_001, "a\x00b"])
def test_details_are_a_text_of_at_most_2000_code_points(details: str) -> None:
    with pytest.raises(InvalidError) as refused:
        replace(REPORT, details=details)
    assert refused.value.field == "details"
    assert replace(REPORT, details="😀" * 2_000).details
    assert replace(REPORT, details="").details == ""

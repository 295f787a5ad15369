"""What becomes of a webhook that does not take its events: pauses, patience, and the end of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidError, UrlNotAllowedError
from domain.values import OrgId, WebhookId, WebhookUrl
from domain.webhooks import (
    GIVEN_UP_MAX,
    RETRY_FIRST_SECONDS,
    RETRY_MOST_SECONDS,
    TYPES,
    DisabledReason,
    Webhook,
    event_types,
    in_order,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
DAY = 86_400.0


def webhook() -> Webhook:
    """A webhook that has come to position 7."""
    return Webhook(
        id=WebhookId(UUID(int=1)),
        org=OrgId("test"),
        url=WebhookUrl("https://one.test/hook"),
        types=None,
        created_at=NOON,
        position=7,
        due_at=NOON,
    )


def failing(times: int, *, jitter: float = 1.0, every: float = 1.0, pause: float = 0.0) -> Webhook:
    """One that has not taken its next event so many times."""
    failed = webhook()
    for number in range(times):
        at = NOON + timedelta(seconds=every * number)
        failed = failed.failed(8, at=at, patience_seconds=DAY, jitter=jitter, pause_seconds=pause)
    return failed


def test_pauses_double_up_to_ten_minutes() -> None:
    waited = [(failing(times).due_at - NOON - timedelta(seconds=times - 1)).total_seconds() for times in range(1, 13)]
    assert waited[:4] == [RETRY_FIRST_SECONDS, 4.0, 8.0, 16.0]
    assert waited[-3:] == [RETRY_MOST_SECONDS] * 3


@given(times=st.integers(1, 60), jitter=st.floats(0, 1))
def test_a_pause_lies_anywhere_below_the_longest(times: int, jitter: float) -> None:
    longest = min(RETRY_MOST_SECONDS, RETRY_FIRST_SECONDS * 2 ** (times - 1))
    paused = (failing(times, jitter=jitter, every=0).due_at - NOON).total_seconds()
    assert paused == pytest.approx(jitter * longest, abs=0.001)


@pytest.mark.parametrize(("asked", "waited"), [(0, 2.0), (1, 2.0), (60, 60.0), (9_999_999, RETRY_MOST_SECONDS)])
def test_a_pause_that_the_target_asks_for_is_kept_within_reason(asked: float, waited: float) -> None:
    assert failing(1, pause=asked).due_at == NOON + timedelta(seconds=waited)


def test_a_failing_webhook_stays_where_it_is_and_knows_since_when() -> None:
    failed = failing(3)
    assert (failed.position, failed.attempts, failed.failing_since) == (7, 3, NOON)
    taken = failed.delivered(8, at=NOON + timedelta(seconds=9))
    assert (taken.position, taken.attempts, taken.failing_since, taken.given_up) == (8, 0, None, 0)


def test_when_patience_ends_the_event_is_given_up_and_the_next_one_due_at_once() -> None:
    end = NOON + timedelta(seconds=DAY)
    tried = failing(2).failed(8, at=end - timedelta(milliseconds=1), patience_seconds=DAY, jitter=1.0)
    assert tried.given_up == 0
    over = tried.failed(8, at=end, patience_seconds=DAY, jitter=1.0)
    assert (over.given_up, over.position, over.attempts, over.failing_since, over.due_at) == (1, 8, 0, None, end)
    assert over.disabled is None


def test_too_many_given_up_in_a_row_disable_it_and_one_that_was_taken_forgives_them() -> None:
    def gives_up(hook: Webhook) -> Webhook:
        return hook.failed(hook.position + 1, at=NOON, patience_seconds=0, jitter=0.5)

    given_up = webhook()
    for _ in range(GIVEN_UP_MAX - 1):
        given_up = gives_up(given_up)
        assert given_up.disabled is None
    assert gives_up(given_up).disabled is DisabledReason.FAILING
    assert gives_up(given_up.delivered(9, at=NOON)).disabled is None


def test_one_that_is_gone_is_disabled_where_it_is_and_resumes_there() -> None:
    gone = failing(1).gone()
    assert (gone.disabled, gone.position) == (DisabledReason.GONE, 7)
    resumed = gone.resumes(at=NOON)
    assert (resumed.disabled, resumed.position, resumed.attempts, resumed.due_at) == (None, 7, 0, NOON)
    assert not resumed.replaying


def test_it_may_go_back_and_what_is_sent_again_stays_so_until_it_was() -> None:
    back = webhook().resumes(at=NOON, position=3, replaying=True)
    assert (back.position, back.replaying) == (3, True)
    assert back.resumes(at=NOON).replaying
    assert not back.replayed().replaying


def test_a_position_is_never_passed_backwards() -> None:
    assert (webhook().passes(3).position, webhook().passes(9).position) == (7, 9)
    assert webhook().delivered(3, at=NOON).position == 7


def test_types_are_those_that_there_are() -> None:
    assert event_types(TYPES) == frozenset(TYPES)
    assert event_types(["user.erased", "user.erased"]) == frozenset({"user.erased"})
    for wrong in ([], ["story.exploded"], ["story.viewed", "*"]):
        with pytest.raises(InvalidError) as refused:
            event_types(wrong)
        assert refused.value.field == "types"
    assert (in_order(None), in_order(frozenset({"user.erased", "story.created"}))) == (
        None,
        ("story.created", "user.erased"),
    )


def test_types_that_are_not_wanted_are_not() -> None:
    assert webhook().wants("story.viewed")
    picky = Webhook(
        id=WebhookId(UUID(int=2)),
        org=OrgId("test"),
        url=WebhookUrl("https://one.test/hook"),
        types=event_types(["user.erased"]),
        created_at=NOON,
        position=0,
        due_at=NOON,
    )
    assert (picky.wants("user.erased"), picky.wants("story.viewed")) == (True, False)


@pytest.mark.parametrize(
    "text",
    [
        *("ftp://one.test/", "https://", "https://user@one.test/", "https://user:word@one.test/", "//one.test/hook"),
        *("https://one.test:0/", "https://one.test:65536/", "https://one..test/", "https://300.1.1.1/", "http://[::1/"),
        *("https://one.test/a b", "https://one.test/\n", "javascript:alert(1)", f"https://one.test/{'a' * 2_048}"),
    ],
)
def test_a_url_is_one_of_the_web_without_credentials(text: str) -> None:
    with pytest.raises(UrlNotAllowedError) as refused:
        WebhookUrl(text)
    assert (refused.value.field, refused.value.code) == ("url", "url_not_allowed")

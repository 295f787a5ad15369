"""What viewers do with a story: views, reactions, replies."""

from datetime import UTC, datetime
from math import inf, nan
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.engagement import Reaction, Reactions, Reply, View, ViewQuality, view_duration
from domain.errors import InvalidError, OwnStoryError
from domain.values import ReplyId, StoryId, UserId
from tests.unit.domain import strategies

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OLGA, VERA, NORA = UserId("olga"), UserId("vera"), UserId("nora")
"""The owner, a viewer, somebody else."""

GRADES = [ViewQuality.LOW, ViewQuality.MEDIUM, ViewQuality.HIGH]


def test_the_grades_of_a_view_have_these_names() -> None:
    assert [str(grade) for grade in ViewQuality] == ["Low", "Medium", "High"]


@pytest.mark.parametrize(
    ("seconds", "length", "grade"),
    [
        (0, 5, ViewQuality.LOW),
        (1.249, 5, ViewQuality.LOW),
        (1.25, 5, ViewQuality.MEDIUM),
        (3.749, 5, ViewQuality.MEDIUM),
        (3.75, 5, ViewQuality.HIGH),
        (5, 5, ViewQuality.HIGH),
        (3_600, 5, ViewQuality.HIGH),
        (14.9, 60, ViewQuality.LOW),
        (15, 60, ViewQuality.MEDIUM),
        (45, 60, ViewQuality.HIGH),
    ],
)
def test_a_view_is_graded_by_the_part_that_was_watched(seconds: float, length: float, grade: ViewQuality) -> None:
    assert ViewQuality.of(seconds, length) is grade


@given(strategies.view_durations, strategies.view_durations, st.floats(0.1, 3_600))
def test_who_watches_longer_is_graded_no_lower(one: float, other: float, length: float) -> None:
    shorter, longer = sorted([one, other])

    assert GRADES.index(ViewQuality.of(shorter, length)) <= GRADES.index(ViewQuality.of(longer, length))


@given(strategies.view_durations)
@example(0.0)
@example(3_600.0)
def test_a_view_lasts_up_to_an_hour(seconds: float) -> None:
    assert view_duration(seconds) == seconds


@pytest.mark.parametrize("seconds", [-0.001, -1, 3_600.001, inf, -inf, nan])
def test_a_view_lasts_neither_less_than_nothing_nor_more_than_an_hour(seconds: float) -> None:
    with pytest.raises(InvalidError) as refused:
        view_duration(seconds)

    assert refused.value.field == "viewDurationSeconds"


@given(strategies.views, st.lists(strategies.view_durations, max_size=5).flatmap(st.permutations))
def test_of_many_views_the_first_time_and_the_longest_duration_are_kept(view: View, durations: list[float]) -> None:
    seen = view
    for seconds in durations:
        seen = seen.again(seconds)

    assert seen == View(view.viewer, view.at, max([view.duration_seconds, *durations]))


@given(strategies.views, strategies.view_durations)
def test_a_view_told_twice_counts_once(view: View, seconds: float) -> None:
    assert view.again(seconds).again(seconds) == view.again(seconds)


def test_there_are_four_feelings_and_the_share() -> None:
    assert [str(reaction) for reaction in Reaction] == ["like", "love", "haha", "dislike", "share"]


@given(strategies.reactions, st.data())
def test_a_reaction_is_read_in_any_letter_case(reaction: Reaction, data: st.DataObject) -> None:
    letters = [st.sampled_from([letter.lower(), letter.upper()]) for letter in reaction]

    assert Reaction.parse("".join(data.draw(st.tuples(*letters)))) is reaction


@pytest.mark.parametrize(("text", "field"), [("", "reaction"), ("laugh", "emoji"), ("like ", "type"), ("👍", "emoji")])
def test_another_reaction_there_is_not(text: str, field: str) -> None:
    with pytest.raises(InvalidError, match="like, love, haha, dislike, share") as refused:
        Reaction.parse(text, field)

    assert refused.value.field == field


def test_an_unknown_reaction_is_refused_under_its_own_name_unless_said() -> None:
    with pytest.raises(InvalidError) as refused:
        Reaction.parse("wow")

    assert refused.value.field == "reaction"


def test_nothing_is_said_at_first() -> None:
    assert Reactions().said() == frozenset()
    assert not any(reaction in Reactions() for reaction in Reaction)


@given(strategies.said, strategies.reactions)
def test_what_is_said_is_said_and_saying_it_again_changes_nothing(said: Reactions, reaction: Reaction) -> None:
    once = said.add(reaction)

    assert reaction in once
    assert once.add(reaction) == once


@given(strategies.said, strategies.feelings, strategies.feelings)
def test_one_feeling_takes_the_place_of_another(said: Reactions, first: Reaction, second: Reaction) -> None:
    assert said.add(first).add(second) == said.add(second)


@given(strategies.said, strategies.feelings)
def test_a_share_stands_beside_the_feeling(said: Reactions, feeling: Reaction) -> None:
    both = said.add(feeling).add(Reaction.SHARE)

    assert both == said.add(Reaction.SHARE).add(feeling)
    assert both.said() == {feeling, Reaction.SHARE}
    assert both.remove(feeling).said() == {Reaction.SHARE}
    assert both.remove(Reaction.SHARE).said() == {feeling}


@given(strategies.said, strategies.reactions)
def test_what_is_taken_back_is_not_said_and_taking_it_back_again_changes_nothing(
    said: Reactions,
    reaction: Reaction,
) -> None:
    without = said.remove(reaction)

    assert reaction not in without
    assert without.said() == said.said() - {reaction}
    assert without.remove(reaction) == without


@given(strategies.said, strategies.reactions)
def test_what_was_not_said_cannot_be_taken_back(said: Reactions, reaction: Reaction) -> None:
    if reaction not in said.said():
        assert said.remove(reaction) == said
        assert said.add(reaction).remove(reaction).said() <= said.said()


@given(strategies.said)
def test_everything_can_be_taken_back_at_once(said: Reactions) -> None:
    assert said.remove(None) == Reactions()


@given(st.lists(st.tuples(st.booleans(), st.none() | strategies.reactions), max_size=12))
def test_after_any_taps_at_most_one_feeling_and_the_share_are_said(taps: list[tuple[bool, Reaction | None]]) -> None:
    reactions, expected = Reactions(), set[Reaction]()
    for adds, reaction in taps:
        if reaction is None:
            reactions, expected = reactions.remove(None), set()
        elif not adds:
            reactions, expected = reactions.remove(reaction), expected - {reaction}
        elif reaction is Reaction.SHARE:
            reactions, expected = reactions.add(reaction), expected | {reaction}
        else:
            reactions, expected = reactions.add(reaction), (expected & {Reaction.SHARE}) | {reaction}

        assert reactions.said() == expected
        assert {each for each in Reaction if each in reactions} == expected
        assert len(expected - {Reaction.SHARE}) <= 1


def write(sender: UserId, to: UserId | None, content: str = "Nice!") -> Reply:
    return Reply.write(
        id=ReplyId(UUID(int=1)), story=StoryId(UUID(int=2)), owner=OLGA, sender=sender, to=to, content=content, at=AT
    )


@pytest.mark.parametrize("to", [None, OLGA])
def test_a_viewer_writes_to_the_owner_in_a_thread_of_their_own(to: UserId | None) -> None:
    assert write(VERA, to) == Reply(
        ReplyId(UUID(int=1)),
        StoryId(UUID(int=2)),
        thread=VERA,
        sender=VERA,
        recipient=OLGA,
        content="Nice!",
        at=AT,
    )


def test_the_owner_answers_in_the_thread_of_the_other() -> None:
    assert write(OLGA, VERA) == Reply(
        ReplyId(UUID(int=1)),
        StoryId(UUID(int=2)),
        thread=VERA,
        sender=OLGA,
        recipient=VERA,
        content="Nice!",
        at=AT,
    )


@pytest.mark.parametrize("to", [None, OLGA])
def test_the_owner_does_not_write_to_themselves(to: UserId | None) -> None:
    with pytest.raises(OwnStoryError, match="The owner answers somebody who replied"):
        write(OLGA, to)


@pytest.mark.parametrize("to", [VERA, NORA])
def test_a_viewer_writes_to_nobody_but_the_owner(to: UserId) -> None:
    with pytest.raises(InvalidError) as refused:
        write(VERA, to)

    assert refused.value.field == "to"


@pytest.mark.parametrize("content", ["a", "\N{MUSICAL SYMBOL G CLEF}" * 1_000, "two\nlines"])
def test_a_reply_has_1_to_1000_characters(content: str) -> None:
    assert write(VERA, None, content).content == content


@pytest.mark.parametrize("content", ["", " \n", "a" * 1_001, "a\x07"])
@pytest.mark.parametrize(("sender", "to"), [(VERA, None), (OLGA, VERA)])
def test_a_reply_is_neither_blank_nor_overlong_nor_unreadable(sender: UserId, to: UserId | None, content: str) -> None:
    with pytest.raises(InvalidError) as refused:
        write(sender, to, content)

    assert refused.value.field == "content"


@given(strategies.replies)
def test_a_thread_is_between_the_owner_and_the_other(reply: Reply) -> None:
    assert {reply.sender, reply.recipient} == {OLGA, reply.thread}
    assert reply.thread != OLGA

"""Who may see a story: the whole rule, cell by cell, as a table that knows nothing of the code."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audience import STRANGER, Audience, Relation, Visibility
from domain.errors import InvalidError
from domain.values import UserId
from tests.unit.domain import strategies

VERA = UserId("vera")
"""The viewer."""
NORA = UserId("nora")
"""Somebody else."""

AUDIENCES = {
    "Public": Audience(Visibility.PUBLIC),
    "Friends": Audience(Visibility.FRIENDS),
    "CloseFriends": Audience(Visibility.CLOSE_FRIENDS),
    "OnlyMe": Audience(Visibility.ONLY_ME),
    "Custom with her": Audience(Visibility.CUSTOM, frozenset({VERA, NORA})),
    "Custom without": Audience(Visibility.CUSTOM, frozenset({NORA})),
}

# What relates her to the owner, and whether she sees what is posted to each of AUDIENCES, in that order.
RULE = """
friend  close  blocked | Public  Friends  CloseFriends  OnlyMe  Custom-with-her  Custom-without
no      no     no      | yes     no       no            no      yes              no
yes     no     no      | yes     yes      no            no      yes              no
no      yes    no      | yes     no       yes           no      yes              no
yes     yes    no      | yes     yes      yes           no      yes              no
no      no     yes     | no      no       no            no      no               no
yes     no     yes     | no      no       no            no      no               no
no      yes    yes     | no      no       no            no      no               no
yes     yes    yes     | no      no       no            no      no               no
"""

Cell = tuple[Relation, str, bool]


def cells() -> list[Cell]:
    """Read the table: a relation, the name of an audience, and whether it admits."""
    header, *rows = [line.replace("|", " ").split() for line in RULE.strip().splitlines()]
    names = [name.replace("-", " ") for name in header[3:]]
    read: list[Cell] = []
    for row in rows:
        friend, close_friend, blocked, *verdicts = [word == "yes" for word in row]
        relation = Relation(friend=friend, close_friend=close_friend, blocked=blocked)
        read += [(relation, name, verdict) for name, verdict in zip(names, verdicts, strict=True)]
    return read


def test_the_table_has_every_cell() -> None:
    relations = {
        Relation(friend=friend, close_friend=close_friend, blocked=blocked)
        for friend, close_friend, blocked in product((False, True), repeat=3)
    }

    assert {(relation, name) for relation, name, _ in cells()} == set(product(relations, AUDIENCES))
    assert {audience.visibility for audience in AUDIENCES.values()} == set(Visibility)
    assert len(cells()) == 48


@pytest.mark.parametrize(("relation", "name", "verdict"), cells(), ids=str)
def test_an_audience_admits_exactly_those_it_is_for(relation: Relation, name: str, *, verdict: bool) -> None:
    assert AUDIENCES[name].admits(VERA, relation) is verdict


@given(strategies.audiences, strategies.people, st.booleans(), st.booleans())
def test_nobody_is_admitted_past_a_block(audience: Audience, viewer: UserId, friend: bool, close: bool) -> None:  # noqa: FBT001 - drawn
    assert not audience.admits(viewer, Relation(friend=friend, close_friend=close, blocked=True))


@given(strategies.audiences, strategies.relations)
def test_a_listed_user_is_admitted_unless_blocked(audience: Audience, relation: Relation) -> None:
    assert all(audience.admits(user, relation) is not relation.blocked for user in audience.allowed)


def test_a_stranger_is_neither_friend_nor_close_nor_blocked() -> None:
    assert Relation(friend=False, close_friend=False, blocked=False) == STRANGER


@pytest.mark.says(
    "story:privacy friendsvisible-friends-onlyonly  ",
    "story:privacy friendsvisible-friends-onlyonly ",
    "story:privacy friendsvisible-friends-onlyonly",
)
def test_a_story_is_for_friends_unless_said() -> None:
    assert Audience() == Audience(Visibility.FRIENDS, frozenset())


@pytest.mark.parametrize("visibility", [each for each in Visibility if each is not Visibility.CUSTOM])
def test_only_a_custom_audience_lists_users(visibility: Visibility) -> None:
    with pytest.raises(InvalidError) as refused:
        Audience(visibility, frozenset({VERA}))

    assert refused.value.field == "allowedUserIds"


@pytest.mark.parametrize("count", [1, 1_000])
def test_a_custom_audience_lists_up_to_1000_users(count: int) -> None:
    listed = frozenset(UserId(f"user-{number}") for number in range(count))

    assert Audience(Visibility.CUSTOM, listed).allowed == listed


@pytest.mark.parametrize("count", [0, 1_001])
def test_a_custom_audience_is_neither_empty_nor_a_crowd(count: int) -> None:
    with pytest.raises(InvalidError) as refused:
        Audience(Visibility.CUSTOM, frozenset(UserId(f"user-{number}") for number in range(count)))

    assert refused.value.field == "allowedUserIds"


@pytest.mark.says(
    "story:architecture story-value-objects  ",
    "story:architecture story-value-objects ",
    "story:architecture story-value-objects",
)
def test_the_visibilities_have_these_names() -> None:
    assert [str(each) for each in Visibility] == ["Public", "Friends", "CloseFriends", "OnlyMe", "Custom"]


@pytest.mark.parametrize(
    ("text", "visibility"),
    [
        ("Public", Visibility.PUBLIC),
        ("public", Visibility.PUBLIC),
        ("FRIENDS", Visibility.FRIENDS),
        ("CloseFriends", Visibility.CLOSE_FRIENDS),
        ("closefriends", Visibility.CLOSE_FRIENDS),
        ("close_friends", Visibility.CLOSE_FRIENDS),
        ("Only_Me", Visibility.ONLY_ME),
        ("onlyMe", Visibility.ONLY_ME),
        ("_CUSTOM_", Visibility.CUSTOM),
    ],
)
def test_a_visibility_is_read_as_people_write_it(text: str, visibility: Visibility) -> None:
    assert Visibility.parse(text) is visibility


@given(st.sampled_from(Visibility), st.data())
def test_case_and_underscores_of_a_visibility_do_not_matter(visibility: Visibility, data: st.DataObject) -> None:
    forms = [st.sampled_from([letter.lower(), letter.upper(), f"_{letter}", f"{letter}__"]) for letter in visibility]

    assert Visibility.parse("".join(data.draw(st.tuples(*forms)))) is visibility


@pytest.mark.parametrize("text", ["", "_", "private", "friend", "close friends", "close-friends", "Public "])
def test_another_visibility_there_is_not(text: str) -> None:
    with pytest.raises(InvalidError, match="Public, Friends, CloseFriends, OnlyMe, Custom") as refused:
        Visibility.parse(text, "privacy")

    assert refused.value.field == "privacy"


def test_an_unknown_visibility_is_refused_under_its_own_name_unless_said() -> None:
    with pytest.raises(InvalidError) as refused:
        Visibility.parse("everyone")

    assert refused.value.field == "visibility"

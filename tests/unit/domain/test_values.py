"""Small values: what they accept, and exactly where they stop."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf, nan
from typing import TypedDict, Unpack

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.errors import InvalidError
from domain.values import (
    Align,
    BackgroundColor,
    Caption,
    Lifetime,
    OrgId,
    TextOverlay,
    UserId,
    org_id,
    overlays,
    plain_text,
    user_id,
    written_text,
)
from tests.unit.domain import strategies

CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"]
SURROGATES = ["\ud800", "\udbff", "\udc00", "\udfff"]
CLEF = "\N{MUSICAL SYMBOL G CLEF}"
"""One code point, two UTF-16 units, four bytes of UTF-8."""


class Changed(TypedDict, total=False):
    text: str
    x: float
    y: float
    font_size: float
    color: str
    rotation: float
    align: Align


def overlay(**changed: Unpack[Changed]) -> TextOverlay:
    return replace(TextOverlay(text="Hi", x=0.5, y=0.5), **changed)


@given(strategies.org_ids)
@example(OrgId("a"))
@example(OrgId("Z" * 64))
@example(OrgId("._-"))
def test_an_organisation_is_named_as_it_was_written(text: str) -> None:
    assert org_id(text) == text


@pytest.mark.parametrize("text", ["", "a" * 65, "a b", "a\n", "\na", "a/b", "a:b", "é", "\N{ARABIC-INDIC DIGIT ONE}"])
def test_an_organisation_is_nothing_but_letters_digits_dots_dashes(text: str) -> None:
    with pytest.raises(InvalidError) as refused:
        org_id(text)

    assert refused.value.field == "orgid"


@given(st.text(strategies.ORG_LETTERS + " /é\n", max_size=70))
def test_an_organisation_is_refused_for_one_wrong_character(text: str) -> None:
    right = 1 <= len(text) <= 64 and set(text) <= set(strategies.ORG_LETTERS)

    try:
        assert org_id(text) == text
    except InvalidError:
        assert not right
    else:
        assert right


@given(strategies.user_ids)
@example(UserId("u"))
@example(UserId(CLEF * 128))
@example(UserId("..."))
@example(UserId(".a"))
@example(UserId("jo@example.org"))
@example(UserId("auth0|5f7c8ec7c33c6c004bbafe82"))
def test_a_user_may_be_called_anything_printable(text: str) -> None:
    assert user_id(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *["", "u" * 129, ".", "..", "a/b", "a\\b", "a?b", "a#b", "a%b", "a b", " a", "a "],
        *["a\u00a0b", "a\u2003b", "a\n", "a\tb", "a\0b", "a\x7fb", "a\u200bb", "a\u202eb", "a\ud800b"],
    ],
)
def test_a_user_is_not_called_what_breaks_a_path_or_cannot_be_seen(text: str) -> None:
    with pytest.raises(InvalidError) as refused:
        user_id(text)

    assert refused.value.field == "userId"


def test_a_refused_user_is_named_as_the_client_named_the_field() -> None:
    with pytest.raises(InvalidError) as refused:
        user_id("", "friendId")

    assert refused.value.field == "friendId"


@given(strategies.texts)
@example("")
@example("two\nlines\tand a tab")
@example("\x20\x7e\xa0")
@example("\ue000")
def test_a_text_is_kept_as_it_was_written(text: str) -> None:
    assert plain_text(text, "content", longest=50) == text


@pytest.mark.parametrize("character", [*CONTROLS, *SURROGATES], ids=lambda character: f"U+{ord(character):04X}")
def test_a_text_has_no_control_characters_and_no_half_pairs(character: str) -> None:
    with pytest.raises(InvalidError) as refused:
        plain_text(f"a{character}b", "content", longest=50)

    assert refused.value.field == "content"


def test_the_length_of_a_text_is_counted_in_code_points() -> None:
    assert plain_text(CLEF * 50, "content", longest=50) == CLEF * 50
    with pytest.raises(InvalidError, match="At most 1,000 characters") as refused:
        plain_text("a" * 1_001, "content", longest=1_000)
    assert refused.value.field == "content"


@given(strategies.written_texts)
def test_what_must_say_something_may_say_anything(text: str) -> None:
    assert written_text(text, "content", longest=50) == text


@given(st.text("\n\t \u00a0\u2003\u3000", max_size=50))
@example("")
def test_what_must_say_something_is_not_blank(text: str) -> None:
    with pytest.raises(InvalidError, match="blank") as refused:
        written_text(text, "content", longest=50)

    assert refused.value.field == "content"


def test_what_must_say_something_obeys_the_rules_of_any_text() -> None:
    with pytest.raises(InvalidError, match="At most 3"):
        written_text("four", "content", longest=3)
    with pytest.raises(InvalidError, match="Control"):
        written_text("a\0", "content", longest=3)


@pytest.mark.parametrize("text", ["", "a", CLEF * 2_200])
def test_a_caption_has_up_to_2200_characters(text: str) -> None:
    assert Caption(text).text == text


@pytest.mark.parametrize("text", ["a" * 2_201, "\0"])
def test_a_caption_is_no_essay_and_no_code(text: str) -> None:
    with pytest.raises(InvalidError) as refused:
        Caption(text)

    assert refused.value.field == "caption"


def test_a_background_is_black_unless_said() -> None:
    assert BackgroundColor().rgb == "#000000"


@given(strategies.colors(6))
def test_a_background_is_any_colour(rgb: str) -> None:
    assert BackgroundColor(rgb).rgb == rgb


@pytest.mark.parametrize(
    "rgb",
    ["", "#", "#12345", "#1234567", "#12345678", "123456", "#12345G", "#123456\n", " #123456", "red", "#١٢٣٤٥٦"],
)
def test_a_background_is_six_hexadecimal_digits(rgb: str) -> None:
    with pytest.raises(InvalidError) as refused:
        BackgroundColor(rgb)

    assert refused.value.field == "backgroundColor"


def test_an_overlay_is_small_white_level_and_centred_unless_said() -> None:
    plain = TextOverlay(text="Hi", x=0.1, y=0.9)

    assert (plain.font_size, plain.color, plain.rotation, plain.align) == (0.05, "#FFFFFF", 0.0, Align.CENTER)


def test_an_overlay_is_set_left_center_or_right() -> None:
    assert [str(each) for each in Align] == ["left", "center", "right"]


ON_THE_EDGE: list[Changed] = [
    {"text": "a"},
    {"text": CLEF * 200},
    {"x": 0.0},
    {"x": 1.0},
    {"y": 0.0},
    {"y": 1.0},
    {"font_size": 0.01},
    {"font_size": 0.5},
    {"color": "#abCDef"},
    {"color": "#abCDef09"},
    {"rotation": -360.0},
    {"rotation": 360.0},
]
OVER_THE_EDGE: list[Changed] = [
    {"text": ""},
    {"text": " \n"},
    {"text": "a" * 201},
    {"text": "a\x1b"},
    {"x": -0.001},
    {"x": 1.001},
    {"x": nan},
    {"y": -0.001},
    {"y": 1.001},
    {"y": nan},
    {"y": inf},
    {"font_size": 0.0099},
    {"font_size": 0.501},
    {"font_size": nan},
    {"color": ""},
    {"color": "#abcde"},
    {"color": "#abcdef0"},
    {"color": "#abcdef012"},
    {"color": "#abcdeg"},
    {"color": "#abcdef\n"},
    {"rotation": -360.1},
    {"rotation": 360.1},
    {"rotation": nan},
    {"rotation": -inf},
]


@pytest.mark.parametrize("changed", ON_THE_EDGE, ids=repr)
def test_an_overlay_reaches_to_the_edge(changed: Changed) -> None:
    drawn = overlay(**changed)

    assert {name: getattr(drawn, name) for name in changed} == changed


@pytest.mark.parametrize("changed", OVER_THE_EDGE, ids=repr)
def test_an_overlay_does_not_reach_over_the_edge(changed: Changed) -> None:
    with pytest.raises(InvalidError) as refused:
        overlay(**changed)

    assert refused.value.field == "overlays"


@given(st.floats(), st.floats())
@example(0.0, 1.0)
def test_an_overlay_is_accepted_exactly_where_it_lies_in_the_picture(x: float, y: float) -> None:
    inside = 0 <= x <= 1 and 0 <= y <= 1

    try:
        overlay(x=x, y=y)
    except InvalidError:
        assert not inside
    else:
        assert inside


def test_a_story_has_up_to_20_overlays() -> None:
    assert overlays(()) == ()
    assert len(overlays((overlay(),) * 20)) == 20
    with pytest.raises(InvalidError, match=re.escape("At most 20")) as refused:
        overlays((overlay(),) * 21)
    assert refused.value.field == "overlays"


def test_a_story_lives_for_a_day_unless_said() -> None:
    assert Lifetime().seconds == 24 * 60 * 60


@pytest.mark.parametrize("seconds", [1, 86_400, 7 * 86_400])
def test_a_story_lives_from_a_second_to_a_week(seconds: int) -> None:
    assert Lifetime(seconds).seconds == seconds


@pytest.mark.parametrize("seconds", [-1, 0, 7 * 86_400 + 1, 10**12])
def test_a_story_lives_no_shorter_and_no_longer(seconds: int) -> None:
    with pytest.raises(InvalidError) as refused:
        Lifetime(seconds)

    assert refused.value.field == "duration"


def test_a_life_ends_its_seconds_after_it_has_begun() -> None:
    assert Lifetime(90).ends(datetime(2026, 2, 28, 23, 59, tzinfo=UTC)) == datetime(2026, 3, 1, 0, 0, 30, tzinfo=UTC)


@given(strategies.lifetimes, strategies.instants)
def test_every_life_ends_after_it_has_begun(lifetime: Lifetime, begun: datetime) -> None:
    assert lifetime.ends(begun) - begun == timedelta(seconds=lifetime.seconds)

"""What a story shows: the rules of each kind."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given

from domain.content import STILL_SECONDS, Content, Kind, LinkedContent, MediaContent, TextContent
from domain.errors import InvalidError
from domain.values import BackgroundColor, MediaFileId, MediaUrl, TextOverlay
from tests.unit.domain import strategies

FILE = MediaFileId(UUID(int=7))
URL = MediaUrl("https://cdn.example.com/story.png")
OVERLAY = TextOverlay(text="Hi", x=0.5, y=0.5)


def test_a_story_is_an_image_a_video_or_a_text() -> None:
    assert [str(kind) for kind in Kind] == ["image", "video", "text"]


def test_what_does_not_move_is_shown_for_five_seconds() -> None:
    assert STILL_SECONDS == 5


@given(strategies.text_contents)
def test_words_make_a_text_story(content: TextContent) -> None:
    assert content.kind is Kind.TEXT


def test_a_text_stands_on_black_without_overlays_unless_said() -> None:
    assert TextContent("Hello") == TextContent("Hello", background=BackgroundColor("#000000"), overlays=())


@pytest.mark.parametrize("text", ["a", "\N{MUSICAL SYMBOL G CLEF}" * 2_200, "two\nlines"])
def test_a_text_has_1_to_2200_characters(text: str) -> None:
    assert TextContent(text).text == text


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "a" * 2_201, "a\0", "a\ud83d"])
def test_a_text_is_neither_blank_nor_overlong_nor_unreadable(text: str) -> None:
    with pytest.raises(InvalidError) as refused:
        TextContent(text)

    assert refused.value.field == "content"


@pytest.mark.parametrize(
    "content", [TextContent("Hello"), MediaContent(Kind.IMAGE, FILE), LinkedContent(Kind.VIDEO, URL)]
)
def test_every_kind_carries_up_to_20_overlays(content: Content) -> None:
    assert len(replace(content, overlays=(OVERLAY,) * 20).overlays) == 20
    with pytest.raises(InvalidError) as refused:
        replace(content, overlays=(OVERLAY,) * 21)
    assert refused.value.field == "overlays"


def test_what_is_linked_is_an_image_or_a_video() -> None:
    assert {LinkedContent(kind, URL).kind for kind in (Kind.IMAGE, Kind.VIDEO)} == {Kind.IMAGE, Kind.VIDEO}
    with pytest.raises(InvalidError) as refused:
        LinkedContent(Kind.TEXT, URL)
    assert refused.value.field == "url"


def test_an_upload_has_neither_caption_nor_overlays_nor_rendition_unless_said() -> None:
    content = MediaContent(Kind.VIDEO, FILE)

    assert (content.caption, content.overlays, content.rendition) == (None, (), None)

"""Media links: what was signed is read back, and nothing else is."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.queries.open_media import MediaPart
from domain.errors import NotFoundError
from domain.values import StoryId
from infrastructure.media.links import SignedMediaLinks
from tests.stage import caller

LINKS = SignedMediaLinks(b"one secret")
ENDS = datetime(2027, 1, 1, tzinfo=UTC)


def token_of(link: str) -> str:
    return link.split("/")[-2]


def test_a_link_is_absolute_and_names_nobody_in_plain_words() -> None:
    link = LINKS.link(caller("alice"), StoryId(uuid.uuid4()), MediaPart.THUMBNAIL, expires_at=ENDS)
    assert link.startswith("http://stories.test/media/")
    assert link.endswith("/thumbnail")
    assert "alice" not in link


@given(user=st.text(st.characters(codec="utf-8"), min_size=1, max_size=128), story=st.uuids())
def test_what_was_signed_is_read_back(user: str, story: uuid.UUID) -> None:
    link = LINKS.link(caller(user), StoryId(story), MediaPart.MEDIA, expires_at=ENDS)
    ticket = LINKS.read(token_of(link))
    assert (ticket.org, ticket.viewer, ticket.story_id, ticket.expires_at) == ("test", user, story, ENDS)


@given(position=st.integers(0, 10_000), letter=st.sampled_from("ABCxyz019-_"))
def test_a_link_changed_in_any_letter_is_none_of_ours(position: int, letter: str) -> None:
    token = token_of(LINKS.link(caller("alice"), StoryId(uuid.UUID(int=7)), MediaPart.MEDIA, expires_at=ENDS))
    place = position % len(token)
    changed = token[:place] + letter + token[place + 1 :]
    if changed == token:
        return
    with pytest.raises(NotFoundError):
        LINKS.read(changed)


@given(position=st.integers(0, 10_000), more=st.sampled_from(["!", "=", "==", "+", "/", ".", " ", "\n", "~A"]))
def test_a_link_is_written_in_one_way(position: int, more: str) -> None:
    token = token_of(LINKS.link(caller("alice"), StoryId(uuid.UUID(int=7)), MediaPart.MEDIA, expires_at=ENDS))
    place = position % (len(token) + 1)
    with pytest.raises(NotFoundError):
        LINKS.read(token[:place] + more + token[place:])


@given(st.text(max_size=200))
def test_anything_else_is_none_of_ours(text: str) -> None:
    with pytest.raises(NotFoundError):
        LINKS.read(text)


def test_a_link_signed_with_another_secret_is_none_of_ours() -> None:
    other = SignedMediaLinks(b"another secret")
    link = other.link(caller("alice"), StoryId(uuid.uuid4()), MediaPart.MEDIA, expires_at=ENDS)
    with pytest.raises(NotFoundError):
        LINKS.read(token_of(link))


def test_the_same_link_is_made_again_so_that_browsers_keep_what_they_have() -> None:
    story = StoryId(uuid.uuid4())
    first, second = (LINKS.link(caller("alice"), story, MediaPart.MEDIA, expires_at=ENDS) for _ in range(2))
    assert first == second

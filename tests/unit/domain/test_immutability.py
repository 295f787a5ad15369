"""Nothing that the domain makes can be changed in place."""

from dataclasses import FrozenInstanceError, fields
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.domain import strategies

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

MADE: dict[str, "st.SearchStrategy[DataclassInstance]"] = {
    "caption": strategies.captions,
    "background": strategies.backgrounds,
    "overlay": strategies.text_overlays,
    "lifetime": strategies.lifetimes,
    "rendition": strategies.renditions,
    "text": strategies.text_contents,
    "media": strategies.media_contents,
    "link": strategies.linked_contents,
    "url": strategies.linked_contents.map(lambda content: content.url),
    "relation": strategies.relations,
    "audience": strategies.audiences,
    "story": strategies.posts(),
    "event": strategies.posts().map(lambda story: story.events[-1]),
    "view": strategies.views,
    "reactions": strategies.said,
    "reply": strategies.replies,
    "friendship": strategies.friendships,
    "scores": strategies.scores,
    "weights": strategies.weights,
}


@pytest.mark.parametrize("name", MADE)
@settings(max_examples=10)
@given(data=st.data())
def test_nothing_can_be_changed_added_or_taken_away(name: str, data: st.DataObject) -> None:
    made = data.draw(MADE[name])
    before = repr(made)

    for field in fields(made):
        with pytest.raises(FrozenInstanceError):
            setattr(made, field.name, None)
        with pytest.raises(FrozenInstanceError):
            delattr(made, field.name)

    assert not hasattr(made, "__dict__")
    assert repr(made) == before


@pytest.mark.parametrize("name", MADE)
@settings(max_examples=10)
@given(data=st.data())
def test_everything_is_a_value_equal_ones_are_one(name: str, data: st.DataObject) -> None:
    made = data.draw(MADE[name])

    assert hash(made) == hash(made)
    assert len({made, made}) == 1

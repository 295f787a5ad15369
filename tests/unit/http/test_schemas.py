"""Schemas made from types: what a description shows of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

import pytest
from litestar import Response
from msgspec import UNSET, Struct, UnsetType, defstruct

from interfaces.http.schemas import Schemas

T = TypeVar("T")


class Leaf(Struct):
    """A leaf.

    More of it.

    Attributes:
        size: in ``mm``,
            along the vein.
    """

    size: int = 0
    torn: bool | UnsetType = UNSET


class Branch(Leaf):
    """A branch.

    Attributes:
        leaves: all of them.
    """

    leaves: tuple[Leaf, ...] = ()


class Sent(Struct, Generic[T]):
    """It was sent."""

    data: T


@pytest.fixture
def schemas() -> Schemas:
    return Schemas()


def test_what_is_answered_is_there_unless_it_may_be_absent(schemas: Schemas) -> None:
    assert schemas.of_answer(Response[Branch]) == {"$ref": "#/components/schemas/Branch"}
    assert schemas.components["Branch"]["required"] == ["size", "leaves"]


def test_what_is_sent_may_be_absent_if_it_has_a_default(schemas: Schemas) -> None:
    schemas.of_body(Leaf)
    assert schemas.components["Leaf"]["required"] == []


def test_docstrings_tell_of_a_class_and_of_its_attributes_and_of_those_it_has_from_another(schemas: Schemas) -> None:
    schemas.of_answer(Branch)
    branch = schemas.components["Branch"]
    assert branch["description"] == "A branch."
    assert branch["properties"]["size"]["description"] == "In `mm`, along the vein."
    assert branch["properties"]["leaves"]["description"] == "All of them."
    assert schemas.components["Leaf"]["description"] == "A leaf.\n\nMore of it."


def test_an_envelope_is_called_by_what_is_in_it(schemas: Schemas) -> None:
    assert schemas.of_answer(Sent[Leaf]) == {"$ref": "#/components/schemas/LeafAnswer"}
    assert schemas.of_answer(Sent[Sequence[Leaf | Branch]]) == {"$ref": "#/components/schemas/LeafsAnswer"}
    assert schemas.components["LeafsAnswer"]["properties"]["data"]["items"] == {
        "anyOf": [{"$ref": "#/components/schemas/Branch"}, {"$ref": "#/components/schemas/Leaf"}]
    }
    assert schemas.components["LeafAnswer"]["description"] == "It was sent."


def test_nothing_has_no_schema(schemas: Schemas) -> None:
    assert schemas.of_answer(None) is None


def test_two_things_of_one_name_are_refused(schemas: Schemas) -> None:
    schemas.of_answer(Leaf)
    with pytest.raises(ValueError, match="one name"):
        schemas.of_answer(defstruct("Leaf", [("green", bool)]))

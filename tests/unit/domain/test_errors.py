"""What the domain refuses: by kind, under a name that clients may rely on."""

import pytest

from domain.errors import (
    ConflictError,
    DomainError,
    ForbiddenError,
    GoneError,
    InvalidError,
    NotActiveError,
    NotFoundError,
    NotTheOwnerError,
    OwnStoryError,
    RoleRequiredError,
    StoryExpiredError,
    StoryNotFoundError,
)

LEAVES = [
    (StoryNotFoundError(), NotFoundError, "story_not_found"),
    (StoryExpiredError(), GoneError, "story_expired"),
    (NotTheOwnerError(), ForbiddenError, "owner_only"),
    (RoleRequiredError(), ForbiddenError, "role_required"),
    (OwnStoryError(), ConflictError, "own_story"),
    (NotActiveError(), ConflictError, "conflict"),
    (NotFoundError(), NotFoundError, "not_found"),
    (InvalidError("caption", "Too long"), InvalidError, "invalid_request"),
]


@pytest.mark.parametrize(("error", "kind", "code"), LEAVES)
def test_a_refusal_has_a_kind_and_a_stable_code(error: DomainError, kind: type[DomainError], code: str) -> None:
    assert isinstance(error, kind)
    assert error.code == code


@pytest.mark.parametrize("error", [error for error, _, _ in LEAVES])
def test_a_refusal_says_why_in_a_sentence(error: DomainError) -> None:
    assert error.detail
    assert str(error) == error.detail


def test_a_refusal_can_be_told_in_other_words() -> None:
    assert str(OwnStoryError("Nobody views their own story.")) == "Nobody views their own story."
    assert OwnStoryError.detail == "This cannot be done to one's own story."


def test_an_invalid_value_is_named() -> None:
    refusal = InvalidError("backgroundColor", "A colour is #RRGGBB")

    assert (refusal.field, refusal.detail) == ("backgroundColor", "A colour is #RRGGBB")


def test_a_hidden_story_and_a_missing_one_are_told_in_the_same_words() -> None:
    assert str(StoryNotFoundError()) == "There is no such story."

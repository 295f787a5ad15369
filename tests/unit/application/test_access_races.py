"""What is found once the lock is there may be another thing than what was asked about before."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from application.access import known_story
from application.ports.stories import StoryAccess
from domain.audience import Audience, Relation, Visibility
from domain.content import TextContent
from domain.errors import StoryNotFoundError
from domain.story import Access, Story
from domain.values import Lifetime, OrgId, StoryId, UserId
from tests.stage import caller

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ID = StoryId(UUID(int=7))


class Overtaken:
    """A transaction in which the story was visible when asked about, and is something else once it is locked."""

    def __init__(self, locked: Story | None) -> None:
        self.stories = self.social = self
        self._locked = locked

    async def access(self, _story: StoryId, _viewer: UserId) -> StoryAccess:
        return StoryAccess(Access.VISIBLE, UserId("alice"), active=True)

    async def get(self, _story: StoryId) -> Story | None:
        return self._locked

    async def relation(self, _owner: UserId, _viewer: UserId) -> Relation:
        return Relation()

    async def clock(self) -> datetime:
        return NOW


def story(visibility: Visibility) -> Story:
    return Story.post(
        org=OrgId("test"),
        id=ID,
        owner=UserId("alice"),
        content=TextContent("Hi"),
        audience=Audience(visibility),
        lifetime=Lifetime(),
        at=NOW,
    )


async def _found(locked: Story | None) -> Any:
    return await known_story(Overtaken(locked), caller("bob"), ID)  # type: ignore[arg-type]


async def test_a_story_deleted_before_the_lock_is_not_found() -> None:
    with pytest.raises(StoryNotFoundError):
        await _found(None)


async def test_a_story_hidden_before_the_lock_is_not_found() -> None:
    with pytest.raises(StoryNotFoundError):
        await _found(story(Visibility.ONLY_ME))


async def test_a_story_that_stayed_as_it_was_is_found() -> None:
    assert await _found(story(Visibility.PUBLIC)) == story(Visibility.PUBLIC)

"""Edit a story: its caption, overlays and audience."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from application.access import known_story
from application.caller import Caller
from application.ports.transactions import UnitOfWork
from domain.audience import Audience, Visibility
from domain.values import Caption, StoryId, TextOverlay, UserId


class EditStory(Struct, frozen=True, kw_only=True):
    """Change what is not None.

    Attributes:
        allowed: the list of a ``Custom`` audience; alone, it makes sense only on a story that has one.
    """

    caller: Caller
    story_id: StoryId
    caption: Caption | None = None
    overlays: tuple[TextOverlay, ...] | None = None
    visibility: Visibility | None = None
    allowed: frozenset[UserId] | None = None


@dataclass(frozen=True, slots=True)
class EditStoryHandler:
    """Changes an active story; who sees it now is decided before the answer is sent."""

    unit_of_work: UnitOfWork

    async def __call__(self, command: EditStory) -> None:
        """Edit it.

        Raises:
            StoryNotFoundError, NotTheOwnerError, NotActiveError, InvalidError: as `Story.edit`.
        """
        async with self.unit_of_work.begin(command.caller.org) as tx:
            story = await known_story(tx, command.caller, command.story_id)
            edited = story.edit(
                by=command.caller.user,
                at=await tx.clock(),
                caption=command.caption,
                overlays=command.overlays,
                audience=_audience(command, story.audience),
            )
            await tx.stories.save(edited)


def _audience(command: EditStory, before: Audience) -> Audience | None:
    if command.visibility is None and command.allowed is None:
        return None
    visibility = command.visibility or before.visibility
    inherited = before.allowed if visibility is Visibility.CUSTOM else frozenset[UserId]()
    return Audience(visibility, inherited if command.allowed is None else command.allowed)

"""Track that the caller watches a story, and for how long."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from application.access import require_visible
from application.caller import Caller
from application.ports.transactions import UnitOfWork
from domain.engagement import view_duration
from domain.events import StoryViewed
from domain.values import StoryId


class TrackView(Struct, frozen=True, kw_only=True):
    """The caller watches.

    Attributes:
        duration_seconds: how long this time, 0-3,600.
    """

    caller: Caller
    story_id: StoryId
    duration_seconds: float


@dataclass(frozen=True, slots=True)
class TrackViewHandler:
    """One record per viewer: the first time is kept, and the longest duration. The owner's own is not recorded."""

    unit_of_work: UnitOfWork

    async def __call__(self, command: TrackView) -> None:
        """Track it.

        Raises:
            InvalidError: a duration out of range.
            StoryNotFoundError, StoryExpiredError: the caller does not see the story (any more).
        """
        duration, viewer = view_duration(command.duration_seconds), command.caller.user
        async with self.unit_of_work.begin(command.caller.org) as tx:
            first = await tx.views.record(command.story_id, viewer, duration)
            if first:
                await tx.publish(
                    StoryViewed(
                        org=command.caller.org, story=command.story_id, owner=first.owner, at=first.at, viewer=viewer
                    )
                )
                return
            known = require_visible(await tx.stories.access(command.story_id, viewer))
            if known.owner != viewer:
                await tx.views.extend(command.story_id, viewer, duration)

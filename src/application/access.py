"""The one way from a story's id to a story, or to the refusal that tells no more than may be told."""

from __future__ import annotations

from application.caller import Caller
from application.ports.stories import StoryAccess
from application.ports.transactions import Transaction
from domain.audience import STRANGER
from domain.errors import NotActiveError, StoryExpiredError, StoryNotFoundError
from domain.story import Access, Story
from domain.values import StoryId


async def known_story(tx: Transaction, caller: Caller, story_id: StoryId) -> Story:
    """Load a story, for changing it, that the caller may know of.

    Raises:
        StoryNotFoundError: there is none, or it is hidden from the caller.
    """
    # Asked first, and without a lock: those it is hidden from learn nothing from how long the answer takes, and hold
    # nobody up.
    known = await tx.stories.access(story_id, caller.user)
    if known is None or known.access is Access.HIDDEN:
        raise StoryNotFoundError
    story = await tx.stories.get(story_id)
    if story is None:
        raise StoryNotFoundError
    owned = story.owner == caller.user
    relation = STRANGER if owned else await tx.social.relation(story.owner, caller.user)
    if story.access(caller.user, relation, await tx.clock()) is Access.HIDDEN:
        raise StoryNotFoundError
    return story


def require_visible(known: StoryAccess | None) -> StoryAccess:
    """Let the owner and those pass who see the story now.

    Raises:
        StoryNotFoundError: there is none, or it is hidden.
        StoryExpiredError: it was there for them, and is over.
    """
    if known is None or known.access is Access.HIDDEN:
        raise StoryNotFoundError
    if known.access is Access.GONE:
        raise StoryExpiredError
    return known


def require_active(known: StoryAccess | None) -> StoryAccess:
    """As `require_visible`, and for its owner too the story must be active.

    Raises:
        StoryNotFoundError: there is none, or it is hidden.
        StoryExpiredError: it was there for them, and is over.
        NotActiveError: it is the caller's own, and not active.
    """
    visible = require_visible(known)
    if not visible.active:
        raise NotActiveError
    return visible

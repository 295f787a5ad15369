"""Reply to a story in private, or answer as its owner."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from application.access import require_visible
from application.caller import Caller
from application.ports.transactions import NewIds, Transaction, UnitOfWork
from domain.engagement import Reply, reply_content
from domain.errors import InvalidError, NotFoundError
from domain.events import StoryReplied
from domain.values import ReplyId, StoryId, UserId


class ReplyToStory(Struct, frozen=True, kw_only=True):
    """The caller writes.

    Attributes:
        to: whom the owner answers; a viewer always writes to the owner.
    """

    caller: Caller
    story_id: StoryId
    content: str
    to: UserId | None = None


@dataclass(frozen=True, slots=True)
class ReplyToStoryHandler:
    """Sends a message that only the owner and one other ever read."""

    unit_of_work: UnitOfWork
    new_id: NewIds

    async def __call__(self, command: ReplyToStory) -> ReplyId:
        """Reply.

        Raises:
            StoryNotFoundError, StoryExpiredError: the caller does not see the story (any more).
            OwnStoryError: the owner writes without naming whom to answer.
            InvalidError: blank or too long, or ``to`` has not replied.
            NotFoundError: the owner and ``to`` are blocked from each other.
        """
        content = reply_content(command.content)
        async with self.unit_of_work.begin(command.caller.org) as tx:
            known = require_visible(await tx.stories.access(command.story_id, command.caller.user))
            reply = Reply.write(
                id=ReplyId(self.new_id()),
                story=command.story_id,
                owner=known.owner,
                sender=command.caller.user,
                to=command.to,
                content=content,
                at=await tx.clock(),
            )
            if reply.sender == known.owner:
                await _require_thread(tx, reply)
            await tx.replies.add(reply)
            await tx.publish(
                StoryReplied(
                    org=command.caller.org,
                    story=reply.story,
                    owner=known.owner,
                    at=reply.at,
                    reply=reply.id,
                    sender=reply.sender,
                    recipient=reply.recipient,
                )
            )
        return reply.id


async def _require_thread(tx: Transaction, reply: Reply) -> None:
    """Let an owner answer only those who wrote, and none that either has blocked since."""
    if not await tx.replies.thread_exists(reply.story, reply.thread):
        raise InvalidError("to", "They have not replied to this story")
    if (await tx.social.relation(reply.sender, reply.thread)).blocked:
        raise NotFoundError("There is no such user.")

"""Posting over HTTP, the same for every API: a story comes as JSON or as a form with its file, once or again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol

from litestar.di import NamedDependency

from application.caller import Caller
from application.commands.begin_upload import UPLOAD_MAX_BYTES
from application.commands.complete_upload import CompleteUpload, CompleteUploadHandler
from application.commands.discard_upload import DiscardUpload
from application.commands.post_story import PostedStory, PostStory, PostStoryHandler
from application.failpoints import Failpoint, failpoint
from application.one_shot_uploads import OneShotUploads
from domain.values import MediaFileId
from interfaces.http.forms import read_form
from interfaces.http.once import KEY_HEADER, Once
from interfaces.http.requests import StoriesRequest, read_json

_FORM_SLACK_BYTES: Final = 1_048_576
FORM_MAX_BYTES: Final = UPLOAD_MAX_BYTES + _FORM_SLACK_BYTES
"""A media part at its largest, and what a form needs around it; the part itself is counted on its own."""


class StoryToPost(Protocol):
    """A body that says what to post."""

    def command(self, caller: Caller, media_file: MediaFileId | None = None) -> PostStory:
        """The command, for ``media_file`` or what the body says.

        Raises:
            InvalidError: a value breaks a rule.
        """


@dataclass(frozen=True, slots=True)
class Posting:
    """Posts the story that a request brings."""

    request: StoriesRequest
    post_story: PostStoryHandler
    uploads: OneShotUploads
    complete_upload: CompleteUploadHandler
    once: Once

    async def __call__(self, as_json: type[StoryToPost], as_form: type[StoryToPost], **parts: Any) -> PostedStory:
        """Post it; ``parts`` as `read_form` has them.

        Raises:
            RequestError, InvalidError: the body cannot be read, or breaks a rule; and as the handlers do.
        """
        if self.request.content_type[0] == "multipart/form-data":
            posted = await self._post_form(as_form, parts)
        else:
            posted = await self._post_json(as_json)
        failpoint(Failpoint.CREATE_BEFORE_REPLY)
        return posted

    async def _post_json(self, as_json: type[StoryToPost]) -> PostedStory:
        body = await read_json(self.request, as_json)
        caller = self.request.user
        async with self.once(body) as perform:
            command = body.command(caller)
            if command.media_file:
                await self.complete_upload(CompleteUpload(caller=caller, media_file=command.media_file))
            return await perform(self.post_story, command)

    async def _post_form(self, as_form: type[StoryToPost], parts: dict[str, Any]) -> PostedStory:
        caller = self.request.user
        async with self.uploads.receiving(caller, at_least=_media_bytes(self.request)) as receive:
            body, upload = await read_form(
                self.request, as_form, lambda media: receive(self.once.passing(media)), **parts
            )
            media_file = upload.id if upload else None
            async with self.once(body) as perform:
                posted = await perform(self.post_story, body.command(caller, media_file))
        if media_file and posted.media_file != media_file:  # the story is of an earlier request, with its own copy
            await self.uploads.discard(DiscardUpload(caller=caller, media_file=media_file))
        return posted


async def posting_of(
    request: StoriesRequest,
    post_story: NamedDependency[PostStoryHandler],
    one_shot_uploads: NamedDependency[OneShotUploads],
    complete_upload: NamedDependency[CompleteUploadHandler],
    once: NamedDependency[Once],
) -> Posting:
    """What posts the story of the request at hand."""
    return Posting(request, post_story, one_shot_uploads, complete_upload, once)


def _media_bytes(request: StoriesRequest) -> int | None:
    """How many bytes of media are coming at least; None if the request may have come before, and was answered."""
    if KEY_HEADER in request.headers:
        return None
    announced = request.headers.get("content-length", "")
    return max(int(announced) - _FORM_SLACK_BYTES, 0) if announced.isdigit() else 0

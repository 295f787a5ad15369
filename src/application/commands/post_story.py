"""Post a story: a text, the media of an upload, or media that lie elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from msgspec import Struct

from application.caller import Caller
from application.failpoints import Failpoint, failpoint
from application.ports.media import Upload
from application.ports.transactions import NewIds, Transaction, UnitOfWork
from application.quotas import Quotas
from domain.audience import Audience
from domain.content import Content, Kind, LinkedContent, MediaContent, TextContent
from domain.errors import InvalidError
from domain.story import Status, Story
from domain.values import (
    BackgroundColor,
    Caption,
    Lifetime,
    MediaFileId,
    MediaHosts,
    MediaUrl,
    PageId,
    StoryId,
    TextOverlay,
)


class TypeMismatchError(InvalidError):
    """The bytes are of an accepted kind, and of another than was said."""

    code = "type_mismatch"


class PostStory(Struct, frozen=True, kw_only=True):
    """Begin a story of the caller's.

    Attributes:
        kind: what the client says it is; None: whatever it is.
        text: the words of a text story.
        media_file: the upload a media story is made of.
        url: where the media of a linked story lie.
        page: the community page it is posted to.
    """

    caller: Caller
    kind: Kind | None = None
    text: str | None = None
    background: BackgroundColor | None = None
    caption: Caption | None = None
    overlays: tuple[TextOverlay, ...] = ()
    media_file: MediaFileId | None = None
    url: MediaUrl | None = None
    page: PageId | None = None
    audience: Audience
    lifetime: Lifetime


class PostedStory(Struct, frozen=True, kw_only=True):
    """What has come of it."""

    story_id: StoryId
    media_file: MediaFileId | None
    status: Status
    expires_at: datetime
    lifetime: Lifetime


@dataclass(frozen=True, slots=True)
class PostStoryHandler:
    """Turns words, an upload that was received, or a link into a story."""

    unit_of_work: UnitOfWork
    new_id: NewIds
    hosts: MediaHosts
    quotas: Quotas

    async def __call__(self, command: PostStory) -> PostedStory:
        """Post it.

        Raises:
            InvalidError: the content breaks a rule, or the upload is not there, not the caller's, or used.
            TypeMismatchError: the upload is of another kind than was said.
            UrlNotAllowedError: media may not be linked from there.
            QuotaExceededError: the caller, or their organisation, has posted too much today.
        """
        if command.url:
            self.hosts.require(command.url)
        async with self.unit_of_work.begin(command.caller.org) as tx:
            upload = await _received_upload(tx, command) if command.media_file else None
            content = _content(command, upload)
            await self.quotas.spend(tx, command.caller.user, size=upload.size or 0 if upload else 0)
            story = Story.post(
                org=command.caller.org,
                id=StoryId(self.new_id()),
                owner=command.caller.user,
                content=content,
                audience=command.audience,
                lifetime=command.lifetime,
                at=await tx.clock(),
                page=command.page,
            )
            await tx.stories.add(story)
            if upload:
                await tx.uploads.assign(upload.id, story.id)
            failpoint(Failpoint.CREATE_BEFORE_COMMIT)
        failpoint(Failpoint.CREATE_AFTER_COMMIT)
        return PostedStory(
            story_id=story.id,
            media_file=command.media_file,
            status=story.status,
            expires_at=story.expires_at,
            lifetime=story.lifetime,
        )


async def _received_upload(tx: Transaction, command: PostStory) -> Upload:
    upload = await tx.uploads.get(command.media_file) if command.media_file else None
    if upload is None or upload.owner != command.caller.user or upload.story is not None:
        raise InvalidError("mediaFileId", "No upload of yours that is still unused has this id")
    if upload.kind is None:
        raise InvalidError("mediaFileId", "The file has not been uploaded yet")
    if command.kind not in {None, upload.kind}:
        raise TypeMismatchError("type", f"The file is {_A[upload.kind]}, not {_A[command.kind or upload.kind]}")
    return upload


_A = {Kind.IMAGE: "an image", Kind.VIDEO: "a video", Kind.TEXT: "a text"}


def _content(command: PostStory, upload: Upload | None) -> Content:
    if upload and upload.kind:
        if command.url:
            raise InvalidError("url", "A story has a file or a url, not both")
        if command.text is not None:
            raise InvalidError("content", "A story with media has a caption; only a text story has content")
        return MediaContent(upload.kind, upload.id, command.caption, command.overlays)
    if command.url:
        return _linked(command, command.url)
    if command.kind not in {None, Kind.TEXT}:
        raise InvalidError("media", "It needs its file: in `media`, or uploaded before as `mediaFileId`")
    if command.text is None:
        raise InvalidError("content", "A text story needs its words")
    if command.caption is not None:
        raise InvalidError("caption", "A text story has no caption; its words are its content")
    return TextContent(command.text, command.background or BackgroundColor(), command.overlays)


def _linked(command: PostStory, url: MediaUrl) -> LinkedContent:
    if command.kind is None:
        raise InvalidError("type", "Say whether the url is of an image or a video")
    content = LinkedContent(command.kind, url, command.caption, command.overlays)
    if command.text is not None:
        raise InvalidError("content", "A story with media has a caption; only a text story has content")
    return content

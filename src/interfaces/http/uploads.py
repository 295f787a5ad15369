"""Uploads over HTTP: a file within the form that posts a story, or sent before it to a place of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Protocol, runtime_checkable
from urllib.parse import quote

from litestar import Router, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from application.caller import Caller
from application.commands.begin_upload import UPLOAD_MAX_BYTES, BeginUpload, BeginUploadHandler
from application.commands.receive_upload import FileTooLargeError, ReceiveUpload, ReceiveUploadHandler
from application.queries.open_media import MediaPart
from application.queries.times import timestamp
from domain.values import StoryId
from interfaces.http.answers import BegunUpload, ReceivedUpload, Success
from interfaces.http.auth import OF_PATH
from interfaces.http.bodies import UploadBody, media_file_id_of
from interfaces.http.limits import POSTS, UPLOADS
from interfaces.http.once import Once
from interfaces.http.openapi import SendUploadOperation
from interfaces.http.problems import specs
from interfaces.http.requests import StoriesRequest

_SLACK: Final = 1
"""One byte more than is accepted may come, so that it is seen to be too much."""


@runtime_checkable
class UploadLinks(Protocol):
    """Makes links to what was uploaded."""

    def link(self, caller: Caller, story_id: StoryId, part: MediaPart, *, expires_at: datetime) -> str:
        """An absolute link for the caller, good until ``expires_at`` (UTC) at the longest."""


@post("/{user_id:str}/uploads", opt=OF_PATH | POSTS, operation_id="beginUpload", responses=specs(409, 413, 415))
async def begin_upload(
    user_id: FromPath[str],
    data: JSONBody[UploadBody],
    request: StoriesRequest,
    begin_upload: NamedDependency[BeginUploadHandler],
    once: NamedDependency[Once],
) -> Success[BegunUpload]:
    """Begin to upload a file: answers the request to send it with. Unused, it is gone after 24 hours."""
    size = data.bytes
    if size > UPLOAD_MAX_BYTES:
        raise FileTooLargeError
    caller = request.user
    async with once(data) as perform:
        begun = await perform(begin_upload, BeginUpload(caller=caller, size=size, direct=True))
    upload = begun.upload
    own_place = f"{caller.origin}/api/story/users/{quote(caller.user, safe='')}/uploads/{upload.id}"
    return Success(
        data=BegunUpload(
            media_file_id=upload.id,
            upload_url=begun.link or own_place,
            method="PUT",
            headers={"Content-Type": data.mime_type},
            expires_at=timestamp(upload.expires_at),
        )
    )


@put(
    "/{user_id:str}/uploads/{media_file_id:str}",
    opt=OF_PATH | UPLOADS,
    operation_class=SendUploadOperation,
    operation_id="sendUpload",
    request_max_body_size=UPLOAD_MAX_BYTES + _SLACK,
    responses=specs(404, 409, 413, 415),
)
async def send_upload(
    user_id: FromPath[str],
    media_file_id: FromPath[str],
    request: StoriesRequest,
    receive_upload: NamedDependency[ReceiveUploadHandler],
) -> Success[ReceivedUpload]:
    """Send the bytes of an upload, once; then post the story with its ``mediaFileId``."""
    media_file = media_file_id_of(media_file_id)
    upload = await receive_upload(ReceiveUpload(caller=request.user, media_file=media_file, chunks=request.stream()))
    return Success(
        data=ReceivedUpload(media_file_id=upload.id, mime_type=upload.mime_type or "", size=upload.size or 0)
    )


uploads_router = Router("/api/story/users", route_handlers=[begin_upload, send_upload], tags=["Uploads"])

"""Stories over HTTP: post, read, edit, archive, delete."""

from __future__ import annotations

from collections.abc import Sequence

from litestar import Response, Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from application.caller import Caller
from application.commands.archive_story import ArchiveStory, ArchiveStoryHandler
from application.commands.delete_story import DeleteStory, DeleteStoryHandler
from application.commands.edit_story import EditStoryHandler
from application.commands.post_story import PostedStory
from application.queries.cards import CardPage, OwnerStoryCard, StoryCard
from application.queries.get_story import GetStory, GetStoryHandler
from application.queries.list_active_stories import ListActiveStories, ListActiveStoriesHandler
from application.queries.list_history import ListHistory, ListHistoryHandler
from application.queries.open_media import MediaPart
from application.queries.times import timestamp
from domain.values import user_id as user_id_of
from interfaces.http.answers import Done, Posted, Success
from interfaces.http.auth import OF_PATH
from interfaces.http.bodies import EditBody, StoryBody, story_id_of
from interfaces.http.limits import UPLOADS
from interfaces.http.openapi import PostStoryOperation, told_header
from interfaces.http.parameters import Page, PageSize
from interfaces.http.posting import FORM_MAX_BYTES, Posting
from interfaces.http.problems import specs
from interfaces.http.requests import StoriesRequest
from interfaces.http.uploads import UploadLinks


@post(
    "/users/{user_id:str}",
    opt=OF_PATH | UPLOADS,
    operation_class=PostStoryOperation,
    operation_id="postStory",
    request_max_body_size=FORM_MAX_BYTES,
    response_headers=[told_header("Location", "Where the story is")],
    responses=specs(409, 413, 415),
)
async def post_story(
    user_id: FromPath[str],
    request: StoriesRequest,
    posting: NamedDependency[Posting],
    links: NamedDependency[UploadLinks],
) -> Response[Success[Posted]]:
    """Post a story: a file with its fields as a multipart form, a text or an upload's id as JSON."""
    return _posted(request.user, await posting(StoryBody, StoryBody), links)


def _posted(caller: Caller, posted: PostedStory, links: UploadLinks) -> Response[Success[Posted]]:
    media = posted.media_file is not None
    hours = posted.lifetime.seconds / 3_600
    answer = Posted(
        story_id=posted.story_id,
        media_file_id=posted.media_file,
        temp_url=links.link(caller, posted.story_id, MediaPart.UPLOAD, expires_at=posted.expires_at) if media else None,
        status=posted.status,
        expires_at=timestamp(posted.expires_at),
        message="Story created successfully." + (" Media is processing in background." if media else ""),
        expires_in_hours=int(hours) if hours.is_integer() else hours,
    )
    return Response(
        Success(data=answer),
        status_code=201,
        headers={"Location": f"{caller.origin}/api/story/{posted.story_id}"},
    )


@get("/users/{user_id:str}/active", operation_id="listActiveStories", responses=specs())
async def list_active_stories(
    user_id: FromPath[str], request: StoriesRequest, list_active_stories: NamedDependency[ListActiveStoriesHandler]
) -> Success[Sequence[StoryCard | OwnerStoryCard]]:
    """List a user's active stories that the caller may see, in playing order."""
    return Success(data=await list_active_stories(ListActiveStories(caller=request.user, owner=user_id_of(user_id))))


@get("/users/{user_id:str}/history", opt=OF_PATH, operation_id="listHistory", responses=specs())
async def list_history(
    user_id: FromPath[str],
    request: StoriesRequest,
    list_history: NamedDependency[ListHistoryHandler],
    page: Page = 1,
    page_size: PageSize = 20,
) -> Success[CardPage]:
    """List all stories of the caller that were not deleted, newest first."""
    query = ListHistory(caller=request.user, archived_only=False, page=page, page_size=page_size)
    return Success(data=await list_history(query))


@get("/users/{user_id:str}/archived", opt=OF_PATH, operation_id="listArchived", responses=specs())
async def list_archived(
    user_id: FromPath[str],
    request: StoriesRequest,
    list_history: NamedDependency[ListHistoryHandler],
    page: Page = 1,
    page_size: PageSize = 20,
) -> Success[CardPage]:
    """List the caller's archived stories, by hand, by expiry and by moderation, newest first."""
    query = ListHistory(caller=request.user, archived_only=True, page=page, page_size=page_size)
    return Success(data=await list_history(query))


@get("/{story_id:str}", operation_id="getStory", responses=specs(404, 410))
async def get_story(
    story_id: FromPath[str], request: StoriesRequest, get_story: NamedDependency[GetStoryHandler]
) -> Success[StoryCard | OwnerStoryCard]:
    """Get a story, if the caller may see it."""
    return Success(data=await get_story(GetStory(caller=request.user, story_id=story_id_of(story_id))))


@patch("/{story_id:str}", operation_id="editStory", responses=specs(404, 409, 413, 415))
async def edit_story(
    story_id: FromPath[str],
    data: JSONBody[EditBody],
    request: StoriesRequest,
    edit_story: NamedDependency[EditStoryHandler],
    get_story: NamedDependency[GetStoryHandler],
) -> Success[StoryCard | OwnerStoryCard]:
    """Edit caption, overlays and audience of an active story of the caller's."""
    known = story_id_of(story_id)
    await edit_story(data.command(request.user, known))
    return Success(data=await get_story(GetStory(caller=request.user, story_id=known)))


@post("/{story_id:str}/archive", status_code=200, operation_id="archiveStory", responses=specs(404))
async def archive_story(
    story_id: FromPath[str], request: StoriesRequest, archive_story: NamedDependency[ArchiveStoryHandler]
) -> Done:
    """Archive a story of the caller's before it expires; again is the same."""
    await archive_story(ArchiveStory(caller=request.user, story_id=story_id_of(story_id)))
    return Done(message="Story archived successfully")


@delete("/{story_id:str}", status_code=200, operation_id="deleteStory", responses=specs(404))
async def delete_story(
    story_id: FromPath[str], request: StoriesRequest, delete_story: NamedDependency[DeleteStoryHandler]
) -> Done:
    """Delete a story of the caller's for good, and all that hangs on it."""
    await delete_story(DeleteStory(caller=request.user, story_id=story_id_of(story_id)))
    return Done(message="Story deleted successfully")


stories_router = Router(
    "/api/story",
    route_handlers=[
        post_story,
        list_active_stories,
        list_history,
        list_archived,
        get_story,
        edit_story,
        archive_story,
        delete_story,
    ],
    tags=["Stories"],
)

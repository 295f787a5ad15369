"""Stories over the community API: list, post, view, delete, read."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from application.commands.delete_story import DeleteStory, DeleteStoryHandler
from application.commands.track_view import TrackView, TrackViewHandler
from application.queries.community_records import CommunityGroup, CommunityStory
from application.queries.get_community_story import GetCommunityStory, GetCommunityStoryHandler
from application.queries.list_community_stories import ListCommunityStories, ListCommunityStoriesHandler
from domain.values import PAGE_MAX, page_id
from interfaces.http.auth import OPTIONAL
from interfaces.http.bodies import story_id_of
from interfaces.http.community.answers import Succeeded
from interfaces.http.community.bodies import CommunityStoryBody, CommunityStoryForm, ContentBody
from interfaces.http.community.openapi import PostCommunityStoryOperation
from interfaces.http.fields import text_schema
from interfaces.http.limits import UPLOADS
from interfaces.http.openapi import told_header
from interfaces.http.posting import FORM_MAX_BYTES, Posting
from interfaces.http.problems import specs
from interfaces.http.requests import StoriesRequest


@get(
    "/client/community/stories",
    opt=OPTIONAL,
    operation_id="listCommunityStories",
    response_headers=[told_header("Link", "The next authors, `rel=next`, if there are more")],
    responses=specs(),
)
async def list_community_stories(
    request: StoriesRequest,
    list_community_stories: NamedDependency[ListCommunityStoriesHandler],
    page: Annotated[
        str | None,
        QueryParameter(description="A community page; absent or empty: all", schema_extra=text_schema(PAGE_MAX)),
    ] = None,
    cursor: Annotated[str | None, QueryParameter(description="As the `Link` of the answer before has it")] = None,
) -> Response[tuple[CommunityGroup, ...]]:
    """List everybody's active stories that the caller may see, by author; without a token the public ones.

    Authors with the newest story come first, each with their stories oldest first. Of more than 1,000 authors the
    next ones are at the `Link` with `rel="next"`.
    """
    on_page = page_id(page) if page else None
    found = await list_community_stories(ListCommunityStories(caller=request.user, page=on_page, cursor=cursor))
    headers = {}
    if found.next_cursor is not None:
        query = urlencode({**({"page": page} if page else {}), "cursor": found.next_cursor})
        headers["Link"] = f'<{request.user.origin}/client/community/stories?{query}>; rel="next"'
    return Response(found.groups, headers=headers)


@post(
    "/client/community/stories",
    opt=UPLOADS,
    operation_class=PostCommunityStoryOperation,
    operation_id="postCommunityStory",
    request_max_body_size=FORM_MAX_BYTES,
    response_headers=[told_header("Location", "Where the record is")],
    responses=specs(409, 413, 415),
)
async def post_community_story(
    request: StoriesRequest,
    posting: NamedDependency[Posting],
    get_community_story: NamedDependency[GetCommunityStoryHandler],
) -> Response[CommunityStory]:
    """Post a story: a text or the url of an image or video as JSON, or a file with its fields as a multipart form."""
    caller = request.user
    posted = await posting(CommunityStoryBody, CommunityStoryForm, content=ContentBody)
    record = await get_community_story(GetCommunityStory(caller=caller, story_id=posted.story_id))
    return Response(
        record, status_code=201, headers={"Location": f"{caller.origin}/data/community_story/{posted.story_id}"}
    )


@post(
    "/client/community/stories/{story_id:str}/view",
    status_code=200,
    operation_id="viewCommunityStory",
    responses=specs(404, 410),
)
async def view_community_story(
    story_id: FromPath[str],
    request: StoriesRequest,
    track_view: NamedDependency[TrackViewHandler],
    get_community_story: NamedDependency[GetCommunityStoryHandler],
) -> CommunityStory:
    """Say that the caller has seen a story; the first time alone is kept. Answers the story."""
    known = story_id_of(story_id)
    await track_view(TrackView(caller=request.user, story_id=known, duration_seconds=0.0))
    return await get_community_story(GetCommunityStory(caller=request.user, story_id=known))


@delete(
    "/client/community/stories/{story_id:str}",
    status_code=200,
    operation_id="deleteCommunityStory",
    responses=specs(404),
)
async def delete_community_story(
    story_id: FromPath[str], request: StoriesRequest, delete_story: NamedDependency[DeleteStoryHandler]
) -> Succeeded:
    """Delete a story of the caller's for good, and all that hangs on it."""
    await delete_story(DeleteStory(caller=request.user, story_id=story_id_of(story_id)))
    return Succeeded()


@get("/data/community_story/{story_id:str}", operation_id="getCommunityStory", responses=specs(404, 410))
async def get_community_story(
    story_id: FromPath[str], request: StoriesRequest, get_community_story: NamedDependency[GetCommunityStoryHandler]
) -> CommunityStory:
    """Get a story as a record: its author and admins as long as it exists, others while they may see it."""
    return await get_community_story(GetCommunityStory(caller=request.user, story_id=story_id_of(story_id)))


community_stories = [
    list_community_stories,
    post_community_story,
    view_community_story,
    delete_community_story,
    get_community_story,
]

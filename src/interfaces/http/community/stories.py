"""Stories over the community API: list, read."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from application.queries.community_records import CommunityGroup, CommunityStory
from application.queries.get_community_story import GetCommunityStory, GetCommunityStoryHandler
from application.queries.list_community_stories import ListCommunityStories, ListCommunityStoriesHandler
from domain.values import PAGE_MAX, page_id
from interfaces.http.auth import OPTIONAL
from interfaces.http.bodies import story_id_of
from interfaces.http.fields import text_schema
from interfaces.http.openapi import told_header
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


@get("/data/community_story/{story_id:str}", operation_id="getCommunityStory", responses=specs(404, 410))
async def get_community_story(
    story_id: FromPath[str], request: StoriesRequest, get_community_story: NamedDependency[GetCommunityStoryHandler]
) -> CommunityStory:
    """Get a story as a record: its author and admins as long as it exists, others while they may see it."""
    return await get_community_story(GetCommunityStory(caller=request.user, story_id=story_id_of(story_id)))


community_stories = [list_community_stories, get_community_story]

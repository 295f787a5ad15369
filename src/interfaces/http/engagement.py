"""What viewers do, over HTTP: views, reactions, replies, and what the owner learns of them."""

from __future__ import annotations

from typing import Annotated

from litestar import Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from application.commands.react_to_story import ReactToStory, ReactToStoryHandler
from application.commands.remove_reaction import RemoveReaction, RemoveReactionHandler
from application.commands.reply_to_story import ReplyToStory, ReplyToStoryHandler
from application.commands.track_view import TrackView, TrackViewHandler
from application.queries.list_replies import (
    Direction,
    ListStoryReplies,
    ListStoryRepliesHandler,
    ListUserReplies,
    ListUserRepliesHandler,
    ReplyPage,
)
from application.queries.list_viewers import ListViewers, ListViewersHandler, ViewerOrder
from domain.engagement import Reaction
from domain.values import plain_text
from domain.values import user_id as user_id_of
from interfaces.http.answers import Done, Replied, RepliedAnswer, Success, ViewersAnswer
from interfaces.http.auth import OF_PATH
from interfaces.http.bodies import ReactionBody, ReplyBody, ViewBody, story_id_of
from interfaces.http.fields import text_schema
from interfaces.http.limits import POSTS
from interfaces.http.once import Once
from interfaces.http.parameters import Page, PageSize
from interfaces.http.problems import specs
from interfaces.http.requests import StoriesRequest

_SEARCH_MAX = 128


@post("/{story_id:str}/views", status_code=200, operation_id="trackView", responses=specs(404, 410, 413, 415))
async def track_view(
    story_id: FromPath[str],
    data: JSONBody[ViewBody],
    request: StoriesRequest,
    track_view: NamedDependency[TrackViewHandler],
) -> Done:
    """Track that the caller watches a story. Again, the longer duration is kept."""
    await track_view(
        TrackView(caller=request.user, story_id=story_id_of(story_id), duration_seconds=data.view_duration_seconds)
    )
    return Done(message="Story view tracked successfully")


@post("/{story_id:str}/reactions", status_code=200, operation_id="react", responses=specs(404, 410, 413, 415))
async def react(
    story_id: FromPath[str],
    data: JSONBody[ReactionBody],
    request: StoriesRequest,
    react_to_story: NamedDependency[ReactToStoryHandler],
) -> Done:
    """React to a story: one feeling at a time, and `share` beside it."""
    await react_to_story(
        ReactToStory(caller=request.user, story_id=story_id_of(story_id), reaction=Reaction.parse(data.reaction))
    )
    return Done(message="Reaction added successfully")


@delete("/{story_id:str}/reactions", status_code=200, operation_id="removeReaction", responses=specs(404, 410))
async def remove_reaction(
    story_id: FromPath[str],
    request: StoriesRequest,
    remove_reaction: NamedDependency[RemoveReactionHandler],
    reaction: Annotated[
        str | None, QueryParameter(description="Which; absent: all of the caller's", enum=list(Reaction))
    ] = None,
) -> Done:
    """Take a reaction back; where there is none, nothing happens."""
    await remove_reaction(
        RemoveReaction(
            caller=request.user,
            story_id=story_id_of(story_id),
            reaction=None if reaction is None else Reaction.parse(reaction),
        )
    )
    return Done(message="Reaction removed successfully")


@post("/{story_id:str}/replies", opt=POSTS, operation_id="reply", responses=specs(404, 409, 410, 413, 415))
async def reply(
    story_id: FromPath[str],
    data: JSONBody[ReplyBody],
    request: StoriesRequest,
    reply_to_story: NamedDependency[ReplyToStoryHandler],
    once: NamedDependency[Once],
) -> RepliedAnswer:
    """Write to the owner in private; the owner answers somebody who wrote by naming them in `to`."""
    async with once(data) as perform:
        command = ReplyToStory(
            caller=request.user,
            story_id=story_id_of(story_id),
            content=data.content,
            to=None if data.to is None else user_id_of(data.to, "to"),
        )
        reply_id = await perform(reply_to_story, command)
    return RepliedAnswer(data=Replied(reply_id=reply_id), message="Reply sent successfully")


@get("/{story_id:str}/replies", operation_id="listStoryReplies", responses=specs(404, 410))
async def list_story_replies(
    story_id: FromPath[str],
    request: StoriesRequest,
    list_story_replies: NamedDependency[ListStoryRepliesHandler],
    page: Page = 1,
    page_size: PageSize = 20,
) -> Success[ReplyPage]:
    """List replies to a story, oldest first: all threads for its owner, their own for who replied."""
    query = ListStoryReplies(caller=request.user, story_id=story_id_of(story_id), page=page, page_size=page_size)
    return Success(data=await list_story_replies(query))


@get("/users/{user_id:str}/replies", opt=OF_PATH, operation_id="listUserReplies", responses=specs())
async def list_user_replies(
    user_id: FromPath[str],
    request: StoriesRequest,
    list_user_replies: NamedDependency[ListUserRepliesHandler],
    direction: Annotated[Direction, QueryParameter(description="Got or sent")] = Direction.RECEIVED,
    page: Page = 1,
    page_size: PageSize = 20,
) -> Success[ReplyPage]:
    """List the caller's replies across stories, newest first."""
    query = ListUserReplies(caller=request.user, direction=direction, page=page, page_size=page_size)
    return Success(data=await list_user_replies(query))


@get("/{story_id:str}/viewers", operation_id="listViewers", responses=specs(404))
async def list_viewers(
    story_id: FromPath[str],
    request: StoriesRequest,
    list_viewers: NamedDependency[ListViewersHandler],
    page: Page = 1,
    page_size: PageSize = 20,
    search: Annotated[
        str | None, QueryParameter(description="Part of a name", schema_extra=text_schema(_SEARCH_MAX))
    ] = None,
    sort: Annotated[ViewerOrder, QueryParameter(description="Order")] = ViewerOrder.RECENT,
) -> ViewersAnswer:
    """List who viewed a story of the caller's, with what it comes to."""
    viewers = await list_viewers(
        ListViewers(
            caller=request.user,
            story_id=story_id_of(story_id),
            page=page,
            page_size=page_size,
            search=None if search is None else plain_text(search, "search", longest=_SEARCH_MAX),
            order=sort,
        )
    )
    return ViewersAnswer.of(viewers)


engagement_router = Router(
    "/api/story",
    route_handlers=[
        track_view,
        react,
        remove_reaction,
        reply,
        list_story_replies,
        list_user_replies,
        list_viewers,
    ],
    tags=["Views, reactions, replies"],
)

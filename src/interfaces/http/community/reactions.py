"""Reactions over the community API."""

from __future__ import annotations

from typing import Annotated, Final

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter

from application.caller import ANONYMOUS
from application.commands.react_to_story import ReactToStory, ReactToStoryHandler
from application.commands.remove_reaction import RemoveReaction, RemoveReactionHandler
from application.queries.get_story import GetStory, GetStoryHandler
from domain.engagement import Reaction
from interfaces.http.auth import OPTIONAL
from interfaces.http.community.answers import Reacted, ReactionCounts, ReactionTakenBack
from interfaces.http.community.bodies import STORY, ReactBody, target_of
from interfaces.http.community.openapi import ReactOperation, TakeBackOperation
from interfaces.http.problems import specs
from interfaces.http.requests import StoriesRequest, read_json

_TYPE: Final = QueryParameter(name="targetType", description="`story`", enum=[STORY])
_ID: Final = QueryParameter(name="targetId", description="Id of a story", schema_extra={"format": "uuid"})


@post(
    "/client/community/react",
    status_code=200,
    operation_id="reactOnCommunity",
    operation_class=ReactOperation,
    responses=specs(404, 409, 410, 413, 415),
)
async def community_react(
    data: JSONBody[ReactBody],
    request: StoriesRequest,
    react_to_story: NamedDependency[ReactToStoryHandler],
    get_story: NamedDependency[GetStoryHandler],
) -> Reacted:
    """React to a story: one feeling at a time, and `share` beside it; the same again changes nothing."""
    story, said = target_of(data.target_type, data.target_id), data.required()
    await react_to_story(ReactToStory(caller=request.user, story_id=story, reaction=said))
    card = await get_story(GetStory(caller=request.user, story_id=story))
    return Reacted(target_id=story, reaction=said, reaction_counts=card.reaction_counts)


@delete(
    "/client/community/react",
    status_code=200,
    operation_id="takeReactionBack",
    operation_class=TakeBackOperation,
    responses=specs(404, 409, 410, 413, 415),
)
async def community_take_reaction_back(
    request: StoriesRequest,
    remove_reaction: NamedDependency[RemoveReactionHandler],
    get_story: NamedDependency[GetStoryHandler],
    target_type: Annotated[str | None, _TYPE] = None,
    target_id: Annotated[str | None, _ID] = None,
    reaction: Annotated[
        str | None, QueryParameter(description="Which; absent: all of the caller's", enum=list(Reaction))
    ] = None,
) -> ReactionTakenBack:
    """Take a reaction to a story back, or all; where there is none, nothing happens.

    What is meant is named in the query, or in a body like that of the reaction itself.
    """
    if target_type is None and target_id is None and request.content_type[0]:
        named = await read_json(request, ReactBody)
    else:
        named = ReactBody(target_type=target_type or "", target_id=target_id or "", reaction=reaction)
    story = target_of(named.target_type, named.target_id)
    await remove_reaction(RemoveReaction(caller=request.user, story_id=story, reaction=named.said()))
    card = await get_story(GetStory(caller=request.user, story_id=story))
    return ReactionTakenBack(target_id=story, reaction_counts=card.reaction_counts)


@get("/client/community/reactions", opt=OPTIONAL, operation_id="countReactions", responses=specs(404, 410))
async def community_reactions(
    request: StoriesRequest,
    get_story: NamedDependency[GetStoryHandler],
    target_type: Annotated[str, _TYPE],
    target_id: Annotated[str, _ID],
) -> ReactionCounts:
    """Count the reactions to a story, by kind; with a token also the caller's own."""
    story = target_of(target_type, target_id)
    card = await get_story(GetStory(caller=request.user, story_id=story))
    if request.user.user == ANONYMOUS:
        return ReactionCounts(target_id=story, reaction_counts=card.reaction_counts)
    return ReactionCounts(
        target_id=story, reaction_counts=card.reaction_counts, my_reaction=card.my_reaction, shared=card.shared
    )


community_reactions_routes = [community_react, community_take_reaction_back, community_reactions]

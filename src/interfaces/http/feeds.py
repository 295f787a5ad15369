"""Feeds and rings over HTTP."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import quote

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from application.queries.check_active import CheckActive, CheckActiveHandler
from application.queries.get_recommended_feed import (
    GetRecommendedFeed,
    GetRecommendedFeedHandler,
    RecommendedFeed,
)
from application.queries.list_feed import Feed, ListFeed, ListFeedHandler
from domain.values import user_id as user_id_of
from interfaces.http.answers import RingsAnswer, Success
from interfaces.http.auth import OF_PATH
from interfaces.http.fields import Users
from interfaces.http.limits import READS
from interfaces.http.openapi import told_header
from interfaces.http.parameters import Limit, Skip
from interfaces.http.problems import specs
from interfaces.http.requests import StoriesRequest

_DEPRECATED_SINCE: Final = "@1795305600"
"""2026-11-22, as RFC 9745 writes a date."""


@get("/feed/{user_id:str}/recommended", opt=OF_PATH, operation_id="getRecommendedFeed", responses=specs())
async def get_recommended_feed(
    user_id: FromPath[str],
    request: StoriesRequest,
    get_recommended_feed: NamedDependency[GetRecommendedFeedHandler],
    limit: Limit = 50,
    skip: Skip = 0,
    cursor: Annotated[str | None, QueryParameter(description="`nextCursor` of the page before")] = None,
    include_score_details: Annotated[bool, QueryParameter(name="includeScoreDetails")] = False,
) -> Success[RecommendedFeed]:
    """Get the caller's feed, most worth seeing first.

    `skip=0` without a cursor ranks anew; a cursor, or a higher skip, goes on in the last order.
    """
    query = GetRecommendedFeed(
        caller=request.user, limit=limit, skip=skip, cursor=cursor, include_score_details=include_score_details
    )
    return Success(data=await get_recommended_feed(query))


@get(
    "/feed/{user_id:str}",
    opt=OF_PATH,
    operation_id="listFeed",
    deprecated=True,
    response_headers=[
        told_header("Deprecation", "Since when, as RFC 9745 has it"),
        told_header("Link", "Its successor, `rel=successor-version`"),
    ],
    responses=specs(),
)
async def list_feed(
    user_id: FromPath[str],
    request: StoriesRequest,
    list_feed: NamedDependency[ListFeedHandler],
    limit: Limit = 50,
    skip: Skip = 0,
) -> Response[Success[Feed]]:
    """List the caller's feed, newest first. Deprecated: the recommended feed takes its place."""
    feed = await list_feed(ListFeed(caller=request.user, limit=limit, skip=skip))
    successor = f"{request.user.origin}/api/story/feed/{quote(request.user.user, safe='')}/recommended"
    return Response(
        Success(data=feed),
        headers={"Deprecation": _DEPRECATED_SINCE, "Link": f'<{successor}>; rel="successor-version"'},
    )


@post("/check-active", opt=READS, status_code=200, operation_id="checkActive", responses=specs(413, 415))
async def check_active(
    data: JSONBody[Users], request: StoriesRequest, check_active: NamedDependency[CheckActiveHandler]
) -> RingsAnswer:
    """Check which of up to 1,000 users have active stories the caller may see, and which unseen ones."""
    users = [user_id_of(user, "body") for user in data]
    rings = await check_active(CheckActive(caller=request.user, users=users))
    return RingsAnswer(data=rings.active, unseen=rings.unseen)


feeds_router = Router(
    "/api/story", route_handlers=[get_recommended_feed, list_feed, check_active], tags=["Feeds and rings"]
)

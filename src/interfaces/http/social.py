"""The social graph over HTTP: friends."""

from __future__ import annotations

from litestar import Router, delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath

from application.commands.befriend import Befriend, BefriendHandler
from application.commands.unfriend import Unfriend, UnfriendHandler
from application.ports import Role
from application.queries.list_friends import FriendPage, ListFriends, ListFriendsHandler
from domain.values import user_id as user_id_of
from interfaces.http.answers import Success
from interfaces.http.auth import OF_PATH
from interfaces.http.parameters import Page, PageSize
from interfaces.http.problems import specs
from interfaces.http.requests import StoriesRequest


@put("/friends/{friend_id:str}", status_code=204, operation_id="befriend", responses=specs(404))
async def befriend(
    user_id: FromPath[str],
    friend_id: FromPath[str],
    request: StoriesRequest,
    befriend: NamedDependency[BefriendHandler],
) -> None:
    """Ask for a friendship, or confirm one; put by a service, it is confirmed at once."""
    await befriend(
        Befriend(
            caller=request.user,
            friend=user_id_of(friend_id, "friendId"),
            confirmed=Role.SERVICE in request.auth.roles,
        )
    )


@delete("/friends/{friend_id:str}", status_code=204, operation_id="unfriend", responses=specs())
async def unfriend(
    user_id: FromPath[str],
    friend_id: FromPath[str],
    request: StoriesRequest,
    unfriend: NamedDependency[UnfriendHandler],
) -> None:
    """End a friendship or a request, for both."""
    await unfriend(Unfriend(caller=request.user, friend=user_id_of(friend_id, "friendId")))


@get("/friends", operation_id="listFriends", responses=specs())
async def list_friends(
    user_id: FromPath[str],
    request: StoriesRequest,
    list_friends: NamedDependency[ListFriendsHandler],
    page: Page = 1,
    page_size: PageSize = 20,
) -> Success[FriendPage]:
    """List the caller's friends and requests, with their status."""
    return Success(data=await list_friends(ListFriends(caller=request.user, page=page, page_size=page_size)))


social_router = Router(
    "/api/social/users/{user_id:str}",
    route_handlers=[befriend, unfriend, list_friends],
    opt=OF_PATH,
    tags=["Friends"],
)

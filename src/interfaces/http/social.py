"""The social graph over HTTP: friends, close friends, mutes, blocks."""

from __future__ import annotations

from litestar import Router, delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath

from application.commands.add_close_friend import AddCloseFriend, AddCloseFriendHandler
from application.commands.befriend import Befriend, BefriendHandler
from application.commands.block_user import BlockUser, BlockUserHandler
from application.commands.mute_user import MuteUser, MuteUserHandler
from application.commands.remove_close_friend import RemoveCloseFriend, RemoveCloseFriendHandler
from application.commands.unblock_user import UnblockUser, UnblockUserHandler
from application.commands.unfriend import Unfriend, UnfriendHandler
from application.commands.unmute_user import UnmuteUser, UnmuteUserHandler
from application.ports.people import Role
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


@put("/close-friends/{friend_id:str}", status_code=204, operation_id="addCloseFriend", responses=specs(404))
async def add_close_friend(
    user_id: FromPath[str],
    friend_id: FromPath[str],
    request: StoriesRequest,
    add_close_friend: NamedDependency[AddCloseFriendHandler],
) -> None:
    """Put somebody on the caller's close-friends list; nobody is told."""
    await add_close_friend(AddCloseFriend(caller=request.user, friend=user_id_of(friend_id, "friendId")))


@delete("/close-friends/{friend_id:str}", status_code=204, operation_id="removeCloseFriend", responses=specs())
async def remove_close_friend(
    user_id: FromPath[str],
    friend_id: FromPath[str],
    request: StoriesRequest,
    remove_close_friend: NamedDependency[RemoveCloseFriendHandler],
) -> None:
    """Take somebody off the caller's close-friends list."""
    await remove_close_friend(RemoveCloseFriend(caller=request.user, friend=user_id_of(friend_id, "friendId")))


@put("/mutes/{target_id:str}", status_code=204, operation_id="muteUser", responses=specs())
async def mute_user(
    user_id: FromPath[str],
    target_id: FromPath[str],
    request: StoriesRequest,
    mute_user: NamedDependency[MuteUserHandler],
) -> None:
    """Mute somebody: their stories leave the caller's feeds, and stay to be seen by profile, ring and id."""
    await mute_user(MuteUser(caller=request.user, target=user_id_of(target_id, "targetId")))


@delete("/mutes/{target_id:str}", status_code=204, operation_id="unmuteUser", responses=specs())
async def unmute_user(
    user_id: FromPath[str],
    target_id: FromPath[str],
    request: StoriesRequest,
    unmute_user: NamedDependency[UnmuteUserHandler],
) -> None:
    """Unmute somebody."""
    await unmute_user(UnmuteUser(caller=request.user, target=user_id_of(target_id, "targetId")))


@put("/blocks/{target_id:str}", status_code=204, operation_id="blockUser", responses=specs())
async def block_user(
    user_id: FromPath[str],
    target_id: FromPath[str],
    request: StoriesRequest,
    block_user: NamedDependency[BlockUserHandler],
) -> None:
    """Block somebody: neither sees the other's stories, and what made them friends ends."""
    await block_user(BlockUser(caller=request.user, target=user_id_of(target_id, "targetId")))


@delete("/blocks/{target_id:str}", status_code=204, operation_id="unblockUser", responses=specs())
async def unblock_user(
    user_id: FromPath[str],
    target_id: FromPath[str],
    request: StoriesRequest,
    unblock_user: NamedDependency[UnblockUserHandler],
) -> None:
    """Take a block back; nothing that it ended is restored."""
    await unblock_user(UnblockUser(caller=request.user, target=user_id_of(target_id, "targetId")))


social_router = Router(
    "/api/social/users/{user_id:str}",
    route_handlers=[
        befriend,
        unfriend,
        list_friends,
        add_close_friend,
        remove_close_friend,
        mute_user,
        unmute_user,
        block_user,
        unblock_user,
    ],
    opt=OF_PATH,
    tags=["Social graph"],
)

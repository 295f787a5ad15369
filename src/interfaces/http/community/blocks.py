"""Blocks over the community API, at two addresses each: the same blocks as those of the social graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody
from litestar.types import OperationIDCreator

from application.commands.block_user import BlockUserHandler
from application.commands.unblock_user import UnblockUser, UnblockUserHandler
from application.queries.list_blocks import BlockPage, ListBlocks, ListBlocksHandler
from domain.values import user_id as user_id_of
from interfaces.http.community.answers import BlockAnswer, Succeeded
from interfaces.http.community.bodies import BlockBody
from interfaces.http.once import Once
from interfaces.http.parameters import Page, PageSize
from interfaces.http.problems import specs
from interfaces.http.requests import StoriesRequest

_BLOCKS: Final = ["/community/blocks", "/client/community/blocks"]
_BLOCK: Final = [f"{path}/{{target_id:str}}" for path in _BLOCKS]
_BEFORE: Final = ResponseSpec(BlockAnswer, description="They were blocked before", generate_examples=False)


def _by_address(name: str, mirrored: str) -> OperationIDCreator:
    """An operation's name at the first address, and at the one that mirrors it."""

    def named(_: object, __: object, path: Sequence[Any]) -> str:
        return mirrored if path[0] == "client" else name

    return named


@post(
    _BLOCKS,
    operation_id=_by_address("blockOnCommunity", "blockAsClient"),
    responses={**specs(409, 413, 415), 200: _BEFORE},
)
async def community_block(
    data: JSONBody[BlockBody],
    request: StoriesRequest,
    block_user: NamedDependency[BlockUserHandler],
    once: NamedDependency[Once],
) -> Response[BlockAnswer]:
    """Block somebody: neither sees the other's stories, and what made them friends ends. Again: 200."""
    async with once(data) as perform:
        blocked = await perform(block_user, data.command(request.user))
    answer = BlockAnswer(target_id=blocked.target, reason=blocked.reason, created_at=blocked.at)
    return Response(answer, status_code=200 if blocked.before else 201)


@get(_BLOCKS, operation_id=_by_address("listBlocks", "listBlocksAsClient"), responses=specs())
async def community_blocks(
    request: StoriesRequest,
    list_blocks: NamedDependency[ListBlocksHandler],
    page: Page = 1,
    page_size: PageSize = 20,
) -> BlockPage:
    """List whom the caller has blocked, by id."""
    return await list_blocks(ListBlocks(caller=request.user, page=page, page_size=page_size))


@delete(
    _BLOCK,
    status_code=200,
    operation_id=_by_address("unblockOnCommunity", "unblockAsClient"),
    responses=specs(),
)
async def community_unblock(
    target_id: FromPath[str], request: StoriesRequest, unblock_user: NamedDependency[UnblockUserHandler]
) -> Succeeded:
    """Take a block back; nothing that it ended is restored. Who is not blocked is no error."""
    await unblock_user(UnblockUser(caller=request.user, target=user_id_of(target_id, "targetId")))
    return Succeeded()


blocks_routes = [community_block, community_blocks, community_unblock]

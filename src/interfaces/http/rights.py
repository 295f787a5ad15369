"""The rights of people over HTTP: what is kept about them, and the end of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import msgspec
from litestar import Router, delete, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from application.commands.erase_user import EraseUser, EraseUserHandler
from application.queries.export_user import ExportUser, ExportUserHandler, Record
from interfaces.http.answers import Done
from interfaces.http.auth import FORGETS, OF_PATH
from interfaces.http.ndjson import NDJSON
from interfaces.http.openapi import ExportUserOperation
from interfaces.http.problems import specs
from interfaces.http.requests import StoriesRequest


@get("/export", operation_class=ExportUserOperation, operation_id="exportUser", media_type=NDJSON, responses=specs())
async def export_user(
    user_id: FromPath[str], request: StoriesRequest, export_user: NamedDependency[ExportUserHandler]
) -> Stream:
    """Export all that is kept about the caller, line by line; the last line says how many there were before it."""
    pages = await export_user(ExportUser(caller=request.user))
    first = await anext(pages)  # whatever refuses it does so before the answer has begun
    return Stream(_lines(first, pages), media_type=NDJSON)


@delete("/", opt=FORGETS, status_code=202, operation_id="eraseUser", responses=specs())
async def erase_user(
    user_id: FromPath[str], request: StoriesRequest, erase_user: NamedDependency[EraseUserHandler]
) -> Done:
    """Erase the caller: at once nobody sees their stories or who they are, and soon nothing of them is left.

    When it is done, the event `user.erased` says so. Safe to repeat.
    """
    await erase_user(EraseUser(caller=request.user))
    return Done(message="Erasure has begun")


async def _lines(first: Sequence[Record], others: AsyncIterator[Sequence[Record]]) -> AsyncIterator[bytes]:
    yield _written(first)
    async for page in others:
        yield _written(page)


def _written(page: Sequence[Record]) -> bytes:
    return b"".join(msgspec.json.encode(record) + b"\n" for record in page)


rights_router = Router(
    "/api/users/{user_id:str}", route_handlers=[export_user, erase_user], opt=OF_PATH, tags=["People's rights"]
)

"""The social graph as its owner brings it, over HTTP: an import, line by line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import msgspec
from litestar import Router, post
from litestar.di import NamedDependency
from msgspec import Struct, structs

from application.commands.import_graph import (
    BlockRecord,
    FriendshipRecord,
    ImportGraph,
    ImportGraphHandler,
    ImportReport,
    Line,
    ProfileRecord,
    Record,
)
from application.people import require_other
from application.ports.people import Profile
from domain.errors import InvalidError
from domain.values import user_id
from interfaces.http.answers import Success
from interfaces.http.ndjson import LINE_MAX_BYTES, lines_of, require_ndjson
from interfaces.http.openapi import ImportGraphOperation
from interfaces.http.problems import decode_problem, specs
from interfaces.http.requests import StoriesRequest

IMPORT_MAX_BYTES: Final = 1_073_741_824
_TOLD_MAX: Final = 2_000
"""Code points of what is told of somebody: as many as of a token's claim."""


class FriendshipLine(Struct, frozen=True, kw_only=True, tag="friendship"):
    """Two people are friends."""

    a: str
    b: str

    def record(self) -> Record:
        """What it says.

        Raises:
            InvalidError: a value breaks a rule.
        """
        one, other = user_id(self.a, "a"), user_id(self.b, "b")
        require_other(one, other, "b")
        return FriendshipRecord(one, other)


class ProfileLine(Struct, frozen=True, kw_only=True, tag="profile", rename="camel"):
    """What is to be known of somebody; what is absent, null or empty is not told."""

    user_id: str
    username: str | None = None
    full_name: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    avatar_url: str | None = None
    email: str | None = None
    company: str | None = None
    job_title: str | None = None

    def record(self) -> Record:
        """What it says.

        Raises:
            InvalidError: a value breaks a rule.
        """
        told = {name: getattr(self, name) or None for name in Profile.__struct_fields__}
        for name, value in told.items():
            if value is not None and not (len(value) <= _TOLD_MAX and value.isprintable()):
                raise InvalidError(_WIRE_NAMES[name], f"1 to {_TOLD_MAX:,} printable characters")
        return ProfileRecord(user_id(self.user_id), Profile(**told))


class BlockLine(Struct, frozen=True, kw_only=True, tag="block", rename="camel"):
    """Somebody blocks somebody."""

    user_id: str
    target_id: str

    def record(self) -> Record:
        """What it says.

        Raises:
            InvalidError: a value breaks a rule.
        """
        user, target = user_id(self.user_id), user_id(self.target_id, "targetId")
        require_other(user, target, "targetId")
        return BlockRecord(user, target)


_WIRE_NAMES: Final = {each.name: each.encode_name for each in structs.fields(ProfileLine)}
_DECODER: Final = msgspec.json.Decoder(FriendshipLine | ProfileLine | BlockLine)


@post(
    "/import",
    status_code=200,
    operation_class=ImportGraphOperation,
    operation_id="importGraph",
    request_max_body_size=IMPORT_MAX_BYTES,
    responses=specs(413, 415),
)
async def import_graph(
    request: StoriesRequest, import_graph: NamedDependency[ImportGraphHandler]
) -> Success[ImportReport]:
    """Import friendships, profiles and blocks, line by line, for the application that owns the graph.

    What was imported stays if the request breaks off; sent again, it changes nothing more. Takes role `service`.
    """
    return Success(data=await import_graph(ImportGraph(caller=request.user, lines=_lines(request))))


async def _lines(request: StoriesRequest) -> AsyncIterator[Line]:
    """What stands in the body; nothing of it is asked for before the first line is."""
    require_ndjson(request)
    async for number, line in lines_of(request.stream()):
        yield number, f"A line has at most {LINE_MAX_BYTES:,} bytes" if line is None else _read(line)


def _read(line: bytes) -> Record | str:
    try:
        told: FriendshipLine | ProfileLine | BlockLine = _DECODER.decode(line.decode())
        return told.record()
    except InvalidError as error:
        return f"{error.field}: {error.detail}"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        problem = decode_problem(error)
        return "; ".join(f"{each.field}: {each.message}" for each in problem.errors) or "Not JSON, in UTF-8"


graph_router = Router("/api/social", route_handlers=[import_graph], tags=["Social graph"])

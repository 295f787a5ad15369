"""Who a request is by, and for: one row is one request, over routes that are asked for a token in different ways."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from litestar import Litestar, get, post
from litestar.params import FromPath

from infrastructure.container import Container
from interfaces.http.auth import ACTING_HEADER, OF_PATH, OPTIONAL, PUBLIC, Identify
from interfaces.http.limits import Limits
from interfaces.http.metrics import Metrics
from interfaces.http.problems import handle
from interfaces.http.requests import StoriesRequest


@get("/plain")
async def plain(request: StoriesRequest) -> list[str]:
    return _said(request)


@get("/users/{user_id:str}/own", opt=OF_PATH)
async def own(user_id: FromPath[str], request: StoriesRequest) -> list[str]:
    return _said(request)


@get("/users/{user_id:str}/active")
async def subject(user_id: FromPath[str], request: StoriesRequest) -> list[str]:
    return _said(request)


@get("/optional", opt=OPTIONAL | ACTING_HEADER)
async def optional(request: StoriesRequest) -> list[str]:
    return _said(request)


@get("/community", opt=ACTING_HEADER)
async def community(request: StoriesRequest) -> list[str]:
    return _said(request)


@get("/public", opt=PUBLIC)
async def public() -> list[str]:
    return ["anybody"]


@post("/plain")
async def write(request: StoriesRequest) -> list[str]:
    return _said(request)


def _said(request: StoriesRequest) -> list[str]:
    return [request.user.user, request.user.org]


@pytest.fixture
def engine() -> str:
    """Nothing here differs between engines."""
    return "sqlite"


@pytest.fixture
async def ask(container: Container) -> AsyncIterator[Any]:
    """Asks as somebody, or nobody."""
    app = Litestar(
        [plain, own, subject, optional, community, public, write],
        request_class=StoriesRequest,
        middleware=[
            Identify(
                container.tokens(),
                container.keep_profile(),
                Limits(container.rate_limiter(), None, Metrics(int).refused, container.links().is_ours),
                None,
            )
        ],
        exception_handlers={Exception: handle},
        openapi_config=None,
        logging_config=None,
    )
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type] # the two describe ASGI in words of their own
    async with httpx.AsyncClient(transport=transport, base_url="http://stories.test") as client:

        async def ask(user: str | None, path: str, *headers: tuple[str, str]) -> httpx.Response:
            sent = [*headers]
            if user is not None:
                roles = ["service"] if user == "app" else ["moderator", "admin"]
                token = container.token_maker().make(user, ttl_seconds=60, roles=roles)
                sent.append(("Authorization", f"Bearer {token}"))
            return await client.get(path, headers=sent)

        yield ask


FOR_ALICE = ("X-Acting-User", "alice")
AS = [
    # an ordinary user is themselves, and may say so
    ("bob", "/plain", (), "bob"),
    ("bob", "/plain?userId=bob", (), "bob"),
    ("bob", "/plain?requestingUserId=bob&userId=bob", (), "bob"),
    ("bob", "/plain?userid=alice&USERID=alice", (), "bob"),
    ("bob", "/users/bob/own", (), "bob"),
    ("bob", "/users/alice/active", (), "bob"),
    ("bob", "/optional", (), "bob"),
    ("bob", "/community", (("X-Acting-User", "bob"),), "bob"),
    ("bob", "/plain", (FOR_ALICE,), "bob"),
    # a service is whom it names, in query or path, or in the header of the community API; without, itself
    ("app", "/plain", (), "app"),
    ("app", "/plain?userId=alice", (), "alice"),
    ("app", "/plain?requestingUserId=alice", (), "alice"),
    ("app", "/plain?requestingUserId=alice&userId=alice", (), "alice"),
    ("app", "/plain?userId=never-seen%21", (), "never-seen!"),
    ("app", "/users/alice/own", (), "alice"),
    ("app", "/users/alice/own?userId=alice", (), "alice"),
    ("app", "/users/alice/active", (), "app"),
    ("app", "/users/alice/active?requestingUserId=bob", (), "bob"),
    ("app", "/community", (), "app"),
    ("app", "/community", (FOR_ALICE,), "alice"),
    ("app", "/community?userId=alice", (FOR_ALICE,), "alice"),
    ("app", "/optional", (FOR_ALICE,), "alice"),
    ("app", "/plain", (FOR_ALICE,), "app"),
    # nobody is nobody
    (None, "/optional", (), ""),
]
REFUSED: list[tuple[str | None, str, tuple[tuple[str, str], ...], int, str]] = [
    ("bob", "/plain?userId=alice", (), 403, "identity_mismatch"),
    ("bob", "/plain?requestingUserId=alice", (), 403, "identity_mismatch"),
    ("bob", "/plain?userId=bob&requestingUserId=alice", (), 403, "identity_mismatch"),
    ("bob", "/plain?userId=", (), 403, "identity_mismatch"),
    ("bob", "/plain?userId=BOB", (), 403, "identity_mismatch"),
    ("bob", "/plain?%75serId=alice", (), 403, "identity_mismatch"),
    ("bob", "/users/alice/own", (), 403, "owner_only"),
    ("bob", "/users/alice/own?requestingUserId=bob", (), 403, "owner_only"),
    ("bob", "/users/alice/own?requestingUserId=alice", (), 403, "identity_mismatch"),
    ("bob", "/community", (FOR_ALICE,), 403, "identity_mismatch"),
    ("bob", "/optional", (FOR_ALICE,), 403, "identity_mismatch"),
    ("app", "/plain?userId=alice&requestingUserId=bob", (), 403, "identity_mismatch"),
    ("app", "/users/alice/own?userId=bob", (), 403, "identity_mismatch"),
    ("app", "/users/alice/own?userId=app", (), 403, "identity_mismatch"),
    ("app", "/community?userId=bob", (FOR_ALICE,), 403, "identity_mismatch"),
    ("app", "/community", (FOR_ALICE, FOR_ALICE), 400, "invalid_request"),
    ("app", "/community?userId=alice", (), 403, "identity_mismatch"),
    ("app", "/community", (("X-Acting-User", "a/b"),), 400, "invalid_request"),
    ("app", "/community", (("X-Acting-User", ""),), 400, "invalid_request"),
    ("app", "/plain?userId=a%2Fb", (), 400, "invalid_request"),
    ("app", "/plain?userId=", (), 400, "invalid_request"),
    (None, "/plain", (), 401, "unauthenticated"),
    (None, "/community", (), 401, "unauthenticated"),
    (None, "/plain?access_token=x", (), 401, "unauthenticated"),
    (None, "/optional?userId=alice", (), 403, "identity_mismatch"),
    (None, "/optional", (FOR_ALICE,), 403, "identity_mismatch"),
    *(
        (user, f"/{path}?x=1&x=1", (), 400, "duplicate_parameter")
        for user, path in ((None, "optional"), (None, "public"), ("bob", "public"), ("bob", "plain"), ("app", "plain"))
    ),
    *(
        (None, f"/{path}", orgs, 400, "org_invalid")
        for path in ("optional", "public")
        for orgs in ((("orgid", ""),), (("orgid", "a"), ("orgid", "a")), (("orgid", "a b"),))
    ),
    *(
        (None, f"/{path}", (("Authorization", "Bearer nonsense"), ("orgid", "")), 401, "invalid_token")
        for path in ("optional", "public", "plain")
    ),
]


@pytest.mark.parametrize(("user", "path", "headers", "acting"), AS)
async def test_whom_a_request_is_for(ask: Any, user: str | None, path: str, headers: Any, acting: str) -> None:
    response = await ask(user, path, *headers)
    assert response.status_code == 200, response.text
    assert response.json() == [acting, "default"]


@pytest.mark.parametrize("row", REFUSED, ids=str)
async def test_whom_no_request_is_for(ask: Any, row: tuple[str | None, str, Any, int, str]) -> None:
    user, path, headers, status, code = row
    response = await ask(user, path, *headers)
    assert (response.status_code, response.json()["code"]) == (status, code), response.text


async def test_nobody_may_name_an_organisation(ask: Any) -> None:
    assert (await ask(None, "/optional", ("orgid", "acme"))).json() == ["", "acme"]
    assert (await ask(None, "/public", ("orgid", "acme"))).status_code == 200

"""Who calls: the token, the organisation and the names in path and query, checked in this order, first of all."""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from litestar.datastructures import Headers
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from application.caller import ANONYMOUS, Caller
from application.commands.keep_profile import KeepProfile, KeepProfileHandler
from application.ports.errors import InvalidTokenError, UnavailableError
from application.ports.people import Role, TokenClaims, TokenVerifier
from domain.errors import InvalidError, NotTheOwnerError
from domain.values import OrgId, UserId, org_id, user_id
from interfaces.http.limits import Limits
from interfaces.http.problems import REFUSALS, RequestError, invalid
from interfaces.http.sockets import BEARER, refuse

PUBLIC: Final = {"public": True}
"""For the options of a route that asks for no token, and is the same for everybody."""
OF_PATH: Final = {"of_path": True}
"""For the options of a route whose path names the caller: nobody else may call it, and a service acts for them."""
OPTIONAL: Final = {"optional": True}
"""For the options of a route that asks for no token, and shows more to those who send one."""
FORGETS: Final = {"forgets": True}
"""For the options of a route after which nothing is known of the caller: what their token tells is not kept."""
ACTING_HEADER: Final = {"acting_header": "X-Acting-User"}
"""For the options of a route at which a service says in a header for whom it acts."""
ORG_IN_QUERY: Final = {"org_in_query": True}
"""For the options of a route that browsers call without a header of their own: the query may name the organisation."""

_REFUSED: Final[tuple[type[Exception], ...]] = (*REFUSALS, RequestError, UnavailableError)
_DEFAULT_ORG: Final = OrgId("default")
_REMEMBERED_MAX: Final = 10_000
_QUERY_MAX: Final = 100
_HOST = re.compile(r"[A-Za-z0-9.\-_:\[\]]{1,255}")


class Identify(ASGIMiddleware):
    """Finds out who calls, and puts the `Caller` where handlers find it."""

    def __init__(
        self, verifier: TokenVerifier, keep_profile: KeepProfileHandler, limits: Limits, public_url: str | None
    ) -> None:
        self._verifier, self._keep_profile, self._limits = verifier, keep_profile, limits
        self._public_url = public_url.rstrip("/") if public_url else None
        self._kept: OrderedDict[tuple[OrgId, UserId], tuple[TokenClaims, bool]] = OrderedDict()

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Identify the caller, or refuse the request."""
        options: dict[str, Any] = scope["route_handler"].opt
        if scope["type"] == ScopeType.HTTP:
            await (self._admit(scope) if options.get("public") else self._identify(scope, options))
        else:
            try:
                await self._identify(scope, options)
            except _REFUSED as error:
                await refuse(scope, send, error)
                return
        await next_app(scope, receive, send)

    async def _admit(self, scope: Any) -> None:
        """Let anybody pass. What is wrong with a request is refused even where it would not matter."""
        await self._limits.admit_anybody(scope)
        headers = Headers.from_scope(scope)
        claims = await self._verifier.verify(bearer(scope)) if "authorization" in headers else None
        _org(headers, claims)
        _query(scope["query_string"])

    async def _identify(self, scope: Any, options: dict[str, Any]) -> None:
        headers, of_path = Headers.from_scope(scope), bool(options.get("of_path"))
        claims = await self._claims(scope, headers, optional=bool(options.get("optional")))
        query = _query(scope["query_string"]) if options.get("org_in_query") else {}
        org = _org(headers, claims, query.get("orgid"))
        query = query or _query(scope["query_string"])
        named = {query[name] for name in ("userId", "requestingUserId") if name in query}
        if header := options.get("acting_header"):
            user = _acting_by_header(claims, named, headers, header)
        else:
            user = _acting(claims, named, scope["path_params"] if of_path else {})
        roles = claims.roles if claims else frozenset[Role]()
        caller = Caller(org=org, user=user, roles=roles, origin=self._public_url or _origin(scope, headers))
        if claims is None:
            await self._limits.admit_anybody(scope)
        else:
            service = Role.SERVICE in roles
            by_itself, in_any = service and user == claims.user, not service and claims.org is None
            await self._limits.admit(scope, org, None if by_itself else user, in_any=in_any)
        if of_path and scope["path_params"].get("user_id") != user:
            raise NotTheOwnerError("The path names somebody else.")
        scope["user"], scope["auth"] = caller, claims
        if options.get("forgets"):
            self._kept.pop((org, user), None)
        elif claims and Role.SERVICE not in claims.roles:
            await self._remember(caller, claims, writes=scope.get("method", "GET") not in {"GET", "HEAD"})

    async def _claims(self, scope: Any, headers: Headers, *, optional: bool) -> TokenClaims | None:
        if optional and "authorization" not in headers:
            return None
        try:
            return await self._verifier.verify(bearer(scope))
        except (RequestError, InvalidTokenError):
            await self._limits.admit_anybody(scope)  # who tries one token after the other is slowed down
            raise

    async def _remember(self, caller: Caller, claims: TokenClaims, *, writes: bool) -> None:
        """Keep the caller's profile, once for each token; those who only ask are not added.

        A token made later is told again though it says the same: who was erased meanwhile is known anew by it.
        """
        key = (caller.org, caller.user)
        known, written = self._kept.get(key, (None, False))
        told = known and (known.issued_at > claims.issued_at or _tells_the_same(known, claims))
        if told and (written or not writes):
            return
        await self._keep_profile(
            KeepProfile(caller=caller, profile=claims.profile, told_at=claims.issued_at, create=writes)
        )
        self._kept[key] = (claims, writes)
        if len(self._kept) > _REMEMBERED_MAX:
            self._kept.popitem(last=False)


def _tells_the_same(known: TokenClaims, claims: TokenClaims) -> bool:
    return (known.issued_at, known.profile) == (claims.issued_at, claims.profile)


def bearer(scope: Any) -> str:
    """The token of a request; browsers, which cannot give a WebSocket headers, send it as ``bearer, <token>``.

    Raises:
        RequestError: there is none.
        InvalidTokenError: it is sent in no way that tokens are sent.
    """
    given = Headers.from_scope(scope).getall("authorization", [])
    if BEARER in (protocols := scope.get("subprotocols", ())):
        given = [*given, " ".join(protocols)]
    if not given:
        raise RequestError(401, "unauthenticated", "Send a token: Authorization: Bearer ...")
    scheme, _, token = given[0].partition(" ")
    if len(given) > 1 or scheme.lower() != BEARER or not token.strip():
        raise InvalidTokenError("Send one token: Authorization: Bearer ...")
    return token.strip()


def _org(headers: Headers, claims: TokenClaims | None, asked: str | None = None) -> OrgId:
    given = [*headers.getall("orgid", []), *([] if asked is None else [asked])]
    only = claims.org if claims else None
    if not given:
        return only or _DEFAULT_ORG
    if len(given) > 1 and (asked is None or len(set(given)) > 1):
        raise invalid("org_invalid", "orgid", "One organisation at a time")
    try:
        org = org_id(given[0])
    except InvalidError as error:
        raise invalid("org_invalid", "orgid", error.detail) from None
    if only not in {None, org}:
        raise RequestError(403, "org_mismatch", "The token is for another organisation.")
    return org


def _query(query_string: bytes) -> dict[str, str]:
    query: dict[str, str] = {}
    try:
        given = parse_qsl(query_string.decode("latin-1"), keep_blank_values=True, max_num_fields=_QUERY_MAX)
    except ValueError:
        raise RequestError(400, "invalid_request", f"A query has at most {_QUERY_MAX} parameters.") from None
    for name, value in given:
        if name in query:
            raise invalid("duplicate_parameter", name, "Given more than once")
        query[name] = value
    return query


def _acting(claims: TokenClaims | None, named: set[str], path: dict[str, Any]) -> UserId:
    """The user the request is carried out for: the token's, or whom a service names in query or path."""
    if claims and Role.SERVICE in claims.roles:
        named |= {path["user_id"]} if "user_id" in path else set()
        if len(named) == 1:
            return user_id(named.pop())
    return _require_same(claims.user if claims else ANONYMOUS, named)


def _acting_by_header(claims: TokenClaims | None, named: set[str], headers: Headers, header: str) -> UserId:
    """The user the request is carried out for: the token's, or whom a service names in a header."""
    given = headers.getall(header, [])
    if len(given) > 1:
        raise invalid("invalid_request", header, "One user at a time")
    acting = user_id(unquote(given[0]), header) if given else None
    if acting and claims and Role.SERVICE in claims.roles:
        return _require_same(acting, named)
    return _require_same(claims.user if claims else ANONYMOUS, named | ({acting} if acting else set()))


def _require_same(user: UserId, named: set[str]) -> UserId:
    if named - {user}:
        raise RequestError(403, "identity_mismatch", "The request names another user than its token.")
    return user


def _origin(scope: Any, headers: Headers) -> str:
    host = headers.get("host", "")
    if not _HOST.fullmatch(host):
        server = scope.get("server") or ("localhost", 80)
        host = f"{server[0]}:{server[1]}"
    scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"])
    return f"{scheme}://{host}"

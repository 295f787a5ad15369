"""Commands that are carried out once, however often they are asked for: what the first came to is kept with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar, Generic, Protocol, TypeVar, get_type_hints

from msgspec import Struct, json

from application.failpoints import Failpoint, failpoint
from application.ports.requests import FirstAnswer, RequestInProgressError, RequestKey
from application.ports.transactions import Transaction, UnitOfWork
from domain.errors import ConflictError
from domain.values import OrgId

C_contra = TypeVar("C_contra", contravariant=True)
C = TypeVar("C")
R_co = TypeVar("R_co", covariant=True)
R = TypeVar("R")


class KeyReusedError(ConflictError):
    """The key stands for another request."""

    code = "idempotency_key_reused"
    detail = "This key was used for another request."


class RefusedBeforeError(Exception):
    """The request was refused when it first came.

    Attributes:
        refusal: as `PerformOnce.refuse` was given it.
    """

    def __init__(self, refusal: bytes) -> None:
        self.refusal = refusal
        super().__init__(refusal)


class Handler(Protocol[C_contra, R_co]):
    """A command's handler whose work is one transaction, and whose result can be written as JSON."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def unit_of_work(self) -> UnitOfWork: ...  # noqa: D102 - named by its type

    async def __call__(self, command: C_contra, /) -> R_co: ...  # noqa: D102 - as every handler


class Performed(Struct, Generic[R], frozen=True, kw_only=True):
    """What came of a command.

    Attributes:
        before: whether it was carried out at an earlier request.
    """

    result: R
    before: bool


@dataclass(frozen=True, slots=True)
class PerformOnce:
    """Carries a command out and keeps its result in one and the same transaction: there are both, or neither."""

    unit_of_work: UnitOfWork

    async def __call__(self, request: RequestKey, handler: Handler[C, R], command: C) -> Performed[R]:
        """Carry it out, unless the request was answered before.

        Raises:
            RequestInProgressError: it is being worked on.
            KeyReusedError: what was answered before was another request with the same key.
            RefusedBeforeError: it was refused before.
        """
        async with self.unit_of_work.begin(request.org) as tx:
            first = await tx.requests.hold(request)
            if first is None:
                result = await replace(handler, unit_of_work=_Within(tx))(command)
                await tx.requests.keep(request, json.encode(result), refused=False)
                failpoint(Failpoint.ONCE_AFTER_KEEP)
                return Performed(result=result, before=False)
        return Performed(result=json.decode(_same(request, first), type=_result_of(type(handler))), before=True)

    async def refuse(self, request: RequestKey, refusal: bytes) -> None:
        """Keep how the request was refused, unless it is being worked on elsewhere, or was done by now.

        Raises:
            KeyReusedError, RefusedBeforeError: as if it were carried out.
        """
        with suppress(RequestInProgressError):
            async with self.unit_of_work.begin(request.org) as tx:
                first = await tx.requests.hold(request)
                if first is None:
                    await tx.requests.keep(request, refusal, refused=True)
            if first:
                _same(request, first)


def _same(request: RequestKey, first: FirstAnswer) -> bytes:
    if first.fingerprint != request.fingerprint:
        raise KeyReusedError
    if first.refused:
        raise RefusedBeforeError(first.answer)
    return first.answer


@cache
def _result_of(handler: type) -> Any:  # noqa: ANN401 - a type, read where the handler states it
    return get_type_hints(handler.__call__)["return"]


class _Within:
    """A unit of work in a transaction that has begun: what is done in it is committed or rolled back with the rest."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    @asynccontextmanager
    async def begin(self, org: OrgId) -> AsyncIterator[Transaction]:
        yield self._tx

"""What a caller's token gives them, beyond being themselves."""

from __future__ import annotations

import pytest

from application.caller import Caller
from application.ports.people import Role
from domain.errors import RoleRequiredError
from domain.values import OrgId, UserId


def _with(*roles: Role) -> Caller:
    return Caller(org=OrgId("acme"), user=UserId("alice"), roles=frozenset(roles))


def test_one_of_the_roles_asked_for_is_enough() -> None:
    _with(Role.ADMIN).require_role(Role.MODERATOR, Role.ADMIN)


@pytest.mark.parametrize("caller", [_with(), _with(Role.SERVICE)])
def test_without_the_role_one_is_refused(caller: Caller) -> None:
    with pytest.raises(RoleRequiredError):
        caller.require_role(Role.MODERATOR, Role.ADMIN)

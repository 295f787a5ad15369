"""What a token that `stories token` prints says, and to whom."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from application.ports.errors import InvalidTokenError
from application.ports.people import Role
from infrastructure.identity.claims import ClaimRules
from infrastructure.identity.keys import SharedSecret
from infrastructure.identity.tokens import Tokens
from tests.conftest import SECRET

pytestmark = pytest.mark.slow

Stories = Callable[..., CompletedProcess[str]]


async def test_a_token_says_all_that_was_asked_for(stories: Stories) -> None:
    made = stories(
        *("token", "alice", "--email", "a@example.org", "--name", "Alice Moreau", "--org", "acme", "--ttl", "60"),
        *("--role", "service", "--role", "moderator"),
        jwt_secret=SECRET,
    )

    claims = await Tokens([SharedSecret(SECRET.encode())]).verify(made.stdout.strip())
    assert (claims.user, claims.org) == ("alice", "acme")
    assert claims.roles == {Role.SERVICE, Role.MODERATOR}
    assert (claims.profile.email, claims.profile.full_name) == ("a@example.org", "Alice Moreau")
    assert (claims.expires_at - claims.issued_at).total_seconds() == 60


async def test_a_token_says_little_by_itself(stories: Stories) -> None:
    made = stories("token", "alice", jwt_secret=SECRET)

    claims = await Tokens([SharedSecret(SECRET.encode())]).verify(made.stdout.strip())
    assert (claims.user, claims.org, claims.roles) == ("alice", None, frozenset())
    assert (claims.expires_at - claims.issued_at).total_seconds() == 86_400


async def test_a_token_carries_the_issuer_and_audience_that_are_required(stories: Stories) -> None:
    made = stories("token", "alice", jwt_secret=SECRET, jwt_issuer="https://id.example.org", jwt_audience="stories")

    strict = Tokens([SharedSecret(SECRET.encode())], ClaimRules("https://id.example.org", "stories"))
    assert (await strict.verify(made.stdout.strip())).user == "alice"


async def test_a_token_is_signed_with_the_secret_of_the_data_folder(stories: Stories, tmp_path: Path) -> None:
    token = stories("token", "alice").stdout.strip()

    secret = tmp_path / "data" / "jwt-secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert (await Tokens([SharedSecret(secret.read_bytes())]).verify(token)).user == "alice"
    with pytest.raises(InvalidTokenError):
        await Tokens([SharedSecret(SECRET.encode())]).verify(token)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["a/b"], "A user id is"),
        (["alice", "--org", "no org"], "An organisation is"),
        (["alice", "--ttl", "0"], "1 or more"),
        (["alice", "--role", "king"], "invalid choice"),
    ],
)
def test_a_token_that_would_never_be_accepted_is_not_made(stories: Stories, arguments: list[str], reason: str) -> None:
    done = stories("token", *arguments)
    assert done.returncode == 2
    assert not done.stdout
    assert reason in done.stderr


def test_who_has_an_issuer_makes_no_token_without_a_secret_of_theirs(stories: Stories, tmp_path: Path) -> None:
    issuer = {"jwt_jwks_url": "https://id.example.org/jwks.json"}

    for command in (["token", "alice"], ["demo"]):
        refused = stories(*command, **issuer)
        assert refused.returncode == 2
        assert refused.stderr.startswith("stories: STORIES_JWT_SECRET: ")
        assert not refused.stdout
    assert stories("token", "alice", **issuer, jwt_secret=SECRET).returncode == 0

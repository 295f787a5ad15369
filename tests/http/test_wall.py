"""With the organisation forgotten in every statement, PostgreSQL alone still keeps two of them apart."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal
from dependency_injector import providers

from infrastructure.container import Container
from infrastructure.settings import Settings
from tests.conftest import LOOP, SECRET
from tests.forgetful import ForgetfulDatabase
from tests.http.test_tenancy import (
    test_a_friendship_a_block_and_a_ring_are_of_one_organisation,
    test_an_upload_of_one_organisation_makes_no_story_in_another,
    test_media_links_carry_their_organisation_and_no_header_moves_them,
    test_nothing_of_one_organisation_is_changed_from_another,
    test_nothing_of_one_organisation_is_read_in_another_on_any_path,
    test_one_profile_tells_nothing_of_the_same_id_elsewhere,
    test_webhooks_of_one_organisation_are_none_in_another,
)
from tests.http.town import Town
from tests.stage import serve

__all__ = [  # played once more, in front of the forgetful service below
    "test_a_friendship_a_block_and_a_ring_are_of_one_organisation",
    "test_an_upload_of_one_organisation_makes_no_story_in_another",
    "test_media_links_carry_their_organisation_and_no_header_moves_them",
    "test_nothing_of_one_organisation_is_changed_from_another",
    "test_nothing_of_one_organisation_is_read_in_another_on_any_path",
    "test_one_profile_tells_nothing_of_the_same_id_elsewhere",
    "test_webhooks_of_one_organisation_are_none_in_another",
]

pytestmark = [pytest.mark.slow, pytest.mark.postgres]


@pytest.fixture(scope="module", params=["postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    """The engine that has a wall."""
    return str(request.param)


def _forgetful(settings: Settings) -> Container:
    return Container(settings=settings, database=providers.Singleton(ForgetfulDatabase, settings.database))


@pytest.fixture(scope="module")
def address(house: Settings) -> Iterator[str]:
    """The application, which has forgotten whose is what."""
    with (
        start_blocking_portal("asyncio", LOOP) as portal,
        portal.wrap_async_context_manager(serve(house, _forgetful(house))) as served,
    ):
        yield served.url


async def test_without_a_wall_the_same_service_tells_one_organisation_of_another(
    sqlite_template: Path, tmp_path: Path
) -> None:
    shutil.copy(sqlite_template, tmp_path / "stories.db")
    url = f"sqlite:///{tmp_path / 'stories.db'}"
    settings = Settings(data_dir=str(tmp_path), database_url=url, jwt_secret=SECRET, log_level="error")
    async with serve(settings, _forgetful(settings)) as served:
        here, there = (Town(served, f"town-{uuid.uuid4().hex[:12]}") for _ in range(2))
        await there.post_text("alice", content="words of theirs", visibility="Public")
        told = (await here.client("bob").get("/api/story/users/alice/active")).text
        for town in (here, there):
            await town.close()
    assert "words of theirs" in told

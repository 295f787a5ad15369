"""Quotas: so much in a day, of one user and of one organisation; what is refused is not counted."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select, update

from application.commands.begin_upload import BeginUpload
from application.quotas import Quota, QuotaExceededError, Quotas
from domain.errors import InvalidError
from infrastructure.container import Container
from infrastructure.sql.tables import postings
from tests.stage import ORG, Stage, jpeg
from tests.unit.application.scenes import all_story_ids

PICTURE = jpeg()


def with_quotas(stage: Stage, *, user: Quota | None = None, org: Quota | None = None) -> Stage:
    """The same stage, where no more may be posted than this."""
    stage.container.quotas.override(Quotas(user or Quota(), org or Quota()))
    return stage


async def counted(container: Container) -> dict[str, tuple[int, int]]:
    """What is counted, by user; of all together under no name."""
    async with container.database().read(ORG) as connection:
        rows = await connection.execute(select(postings.c.user_id, postings.c.stories, postings.c.size))
        return {row.user_id: (row.stories, row.size) for row in rows}


async def refused(doing: Any) -> QuotaExceededError:
    with pytest.raises(QuotaExceededError) as caught:
        await doing
    return caught.value


async def test_without_quotas_nothing_is_counted(stage: Stage) -> None:
    await stage.post_text("alice")
    assert await counted(stage.container) == {}


async def test_a_user_posts_so_many_stories_a_day_and_pays_for_nobody_else(stage: Stage) -> None:
    with_quotas(stage, user=Quota(stories=2))
    await stage.post_text("alice")
    await stage.post_image("alice")
    error = await refused(stage.post_text("alice"))
    assert str(error) == "A user may post 2 stories a day."
    assert 0 < error.seconds <= 86_400
    await stage.post_text("bob")
    assert await counted(stage.container) == {"alice": (2, len(PICTURE)), "bob": (1, 0)}


async def test_a_user_posts_so_many_bytes_a_day(stage: Stage) -> None:
    with_quotas(stage, user=Quota(size=2 * len(PICTURE)))
    for _ in range(2):
        await stage.post_image("alice", data=PICTURE)
    assert "bytes of media" in str(await refused(stage.post_image("alice", data=PICTURE)))
    await stage.post_text("alice")


async def test_an_organisation_posts_no_more_than_its_own_quota(stage: Stage, container: Container) -> None:
    with_quotas(stage, user=Quota(stories=3), org=Quota(stories=4))
    for user in ("alice", "alice", "alice", "bob"):
        await stage.post_text(user)
    assert str(await refused(stage.post_text("bob"))) == "An organisation may post 4 stories a day."
    assert str(await refused(stage.post_text("alice"))) == "A user may post 3 stories a day."
    assert await counted(container) == {"alice": (3, 0), "bob": (1, 0), "": (4, 0)}
    await Stage(container, "elsewhere").post_text("bob")


async def test_an_organisation_posts_so_many_bytes_a_day(stage: Stage) -> None:
    with_quotas(stage, org=Quota(size=len(PICTURE)))
    await stage.post_image("alice", data=PICTURE)
    await refused(stage.post_image("bob", data=PICTURE))


async def test_what_is_refused_leaves_nothing_and_is_not_counted(stage: Stage) -> None:
    with_quotas(stage, user=Quota(stories=1, size=10_000))
    with pytest.raises(InvalidError):
        await stage.post_text("alice", text="")
    first = await stage.post_text("alice")
    await refused(stage.post_text("alice"))
    assert await all_story_ids(stage) == [first]
    assert await counted(stage.container) == {"alice": (1, 0)}


async def test_a_file_for_which_there_is_no_room_is_refused_before_it_is_sent(stage: Stage) -> None:
    with_quotas(stage, user=Quota(stories=1, size=1_000))
    begin = stage.container.begin_upload()
    alice, bob = stage.caller("alice"), stage.caller("bob")
    await refused(begin(BeginUpload(caller=alice, size=1_001)))
    await refused(begin(BeginUpload(caller=alice, at_least=1_001)))
    await begin(BeginUpload(caller=alice, size=1_000))
    await begin(BeginUpload(caller=alice))
    await stage.post_text("bob")
    await refused(begin(BeginUpload(caller=bob, size=1)))
    await begin(BeginUpload(caller=bob))


async def test_a_new_day_begins_anew(stage: Stage) -> None:
    with_quotas(stage, user=Quota(stories=1))
    await stage.post_text("alice")
    async with stage.container.database().write(ORG) as connection:
        await connection.execute(update(postings).values(day=date(2020, 1, 1), stories=7))
    await stage.container.begin_upload()(BeginUpload(caller=stage.caller("alice"), size=1))
    await stage.post_text("alice")
    await refused(stage.post_text("alice"))
    assert await counted(stage.container) == {"alice": (1, 0)}


async def test_who_has_waited_past_midnight_counts_for_the_day_that_has_begun(stage: Stage) -> None:
    with_quotas(stage, user=Quota(stories=9))
    await stage.post_text("alice")
    async with stage.container.database().write(ORG) as connection:
        await connection.execute(update(postings).values(day=date(2999, 1, 1)))
    await stage.post_text("alice")
    assert await counted(stage.container) == {"alice": (2, 0)}

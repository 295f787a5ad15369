"""Comparing the object store with the database: what is nobody's is deleted, what is missing is no longer promised."""

from __future__ import annotations

from datetime import timedelta

import pytest

from application.policies.reconcile_objects import GRACE_SECONDS, Differences, ReconcileObjects
from domain.story import Status
from tests.stage import Stage, jpeg
from tests.unit.application.doubles import MemoryObjects
from tests.unit.application.scenes import own_card


async def reconcile(stage: Stage, *, repair: bool = True) -> Differences:
    found = await stage.container.reconcile_objects()(ReconcileObjects(repair=repair))
    await stage.container.empty_bin()()
    return found


@pytest.fixture
def old(objects: MemoryObjects) -> None:
    """Everything in the store was written a day ago."""
    objects.written_at -= timedelta(seconds=GRACE_SECONDS + 60)


@pytest.mark.usefixtures("old")
async def test_where_all_is_well_nothing_differs(stage: Stage, objects: MemoryObjects) -> None:
    await stage.post_image("alice")
    await stage.upload("alice")
    await stage.container.empty_bin()()
    before = dict(objects.held)
    found = await reconcile(stage)
    assert (found.orphans, found.missing, found.stories) == ((), (), ())
    assert (found.listed, found.kept) == (3, 2)
    assert objects.held == before


@pytest.mark.usefixtures("old")
async def test_an_object_without_a_row_is_deleted(stage: Stage, objects: MemoryObjects) -> None:
    await stage.post_image("alice")
    await stage.container.empty_bin()()
    objects.held["org=acme/media/0123"] = b"forgotten"
    found = await reconcile(stage)
    assert found.orphans == ("org=acme/media/0123",)
    assert len(objects.held) == 2
    assert (await reconcile(stage)).orphans == ()


async def test_one_that_is_young_may_still_be_somebodys(stage: Stage, objects: MemoryObjects) -> None:
    objects.held["org=acme/media/0123"] = b"on its way"
    assert (await reconcile(stage)).orphans == ()
    assert objects.held


@pytest.mark.usefixtures("old")
async def test_what_others_keep_in_the_bucket_is_theirs(stage: Stage, objects: MemoryObjects) -> None:
    objects.held["backups/monday"] = b"theirs"
    assert (await reconcile(stage)).orphans == ()
    assert objects.held


async def test_a_story_whose_media_are_gone_promises_none(stage: Stage, objects: MemoryObjects) -> None:
    story_id = await stage.post_image("alice")
    await stage.container.empty_bin()()
    lost = objects.of("media")[0]
    del objects.held[lost]
    found = await reconcile(stage)
    assert (found.missing, found.stories) == ((lost,), (story_id,))
    card = await own_card(stage, story_id)
    assert (card.status, card.media_url, card.thumbnail_url) == (Status.ACTIVE, None, None)
    assert objects.held == {}, "what is left of the rendition goes too"
    assert (await reconcile(stage)).missing == ()


@pytest.mark.usefixtures("old")
async def test_only_told_to_look_it_changes_nothing(stage: Stage, objects: MemoryObjects) -> None:
    story_id = await stage.post_image("alice")
    await stage.container.empty_bin()()
    objects.held["org=acme/media/0123"] = jpeg()
    del objects.held[objects.of("media")[0]]
    found = await reconcile(stage, repair=False)
    assert (len(found.orphans), len(found.missing), found.stories) == (1, 1, ())
    assert "org=acme/media/0123" in objects.held
    assert (await own_card(stage, story_id)).media_url is not None

"""Discarding an upload: bytes and all, at once."""

from __future__ import annotations

from uuid import uuid4

import pytest

from application.commands.discard_upload import DiscardUpload
from application.commands.post_story import PostStory
from application.ports.errors import UnavailableError
from domain.audience import Audience
from domain.story import Status
from domain.values import Lifetime, MediaFileId
from tests.stage import Stage
from tests.unit.application.doubles import MemoryObjects
from tests.unit.application.scenes import own_card


async def discard(stage: Stage, media_file: MediaFileId, who: str = "alice") -> None:
    await stage.container.discard_upload()(DiscardUpload(caller=stage.caller(who), media_file=media_file))


async def test_a_discarded_upload_leaves_no_object_and_is_forgotten(stage: Stage, objects: MemoryObjects) -> None:
    upload = await stage.upload("alice")
    await discard(stage, upload.id)
    assert objects.held == {}
    async with stage.container.unit_of_work().begin(stage.org) as tx:
        assert await tx.uploads.get(upload.id) is None


async def test_discarding_again_or_what_never_was_does_nothing(stage: Stage, objects: MemoryObjects) -> None:
    kept, upload = await stage.upload("alice"), await stage.upload("alice")
    for media_file in (upload.id, upload.id, MediaFileId(uuid4())):
        await discard(stage, media_file)
    assert list(objects.held) == [kept.key]


async def test_what_is_a_story_already_is_not_discarded(stage: Stage, objects: MemoryObjects) -> None:
    upload = await stage.upload("alice")
    posted = await stage.container.post_story()(
        PostStory(caller=stage.caller("alice"), media_file=upload.id, audience=Audience(), lifetime=Lifetime())
    )
    await discard(stage, upload.id)
    assert list(objects.held) == [upload.key]
    await stage.container.process_media()(stage.org, posted.story_id)
    assert (await own_card(stage, posted.story_id)).status is Status.ACTIVE


async def test_nobody_discards_what_others_sent(stage: Stage, objects: MemoryObjects) -> None:
    upload = await stage.upload("alice")
    await discard(stage, upload.id, who="bob")
    assert list(objects.held) == [upload.key]


async def test_bytes_that_cannot_be_deleted_at_once_are_in_the_bin(stage: Stage, objects: MemoryObjects) -> None:
    upload = await stage.upload("alice")
    objects.away = True
    with pytest.raises(UnavailableError):
        await discard(stage, upload.id)
    objects.away = False
    assert await stage.container.empty_bin()() == 1
    assert objects.held == {}

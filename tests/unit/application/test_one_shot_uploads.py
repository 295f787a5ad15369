"""Files that come within the request that makes stories of them: if none is made, none is left."""

from __future__ import annotations

import pytest

from application.commands.post_story import PostStory
from application.one_shot_uploads import OneShotUploads
from application.ports.errors import UnsupportedMediaError
from domain.audience import Audience
from domain.errors import InvalidError
from domain.values import Lifetime
from tests.stage import Stage, chunks_of, jpeg
from tests.unit.application.doubles import MemoryObjects


@pytest.fixture
def uploads(stage: Stage) -> OneShotUploads:
    container = stage.container
    return OneShotUploads(container.begin_upload(), container.receive_upload(), container.discard_upload())


async def test_a_file_that_became_a_story_is_kept(
    stage: Stage, uploads: OneShotUploads, objects: MemoryObjects
) -> None:
    who = stage.caller("alice")
    async with uploads.receiving(who) as receive:
        upload = await receive(chunks_of(jpeg()))
        post = PostStory(caller=who, media_file=upload.id, audience=Audience(), lifetime=Lifetime())
        await stage.container.post_story()(post)
    assert list(objects.held) == [upload.key]


async def test_if_anything_is_raised_after_them_no_file_is_left(
    stage: Stage, uploads: OneShotUploads, objects: MemoryObjects
) -> None:
    async def two_files_and_a_caption_too_long() -> None:
        async with uploads.receiving(stage.caller("alice")) as receive:
            for _ in range(2):
                await receive(chunks_of(jpeg()))
            assert len(objects.held) == 2
            raise InvalidError("caption", "Too long")

    with pytest.raises(InvalidError):
        await two_files_and_a_caption_too_long()
    assert objects.held == {}


async def test_a_file_that_is_refused_is_not_left_either(
    stage: Stage, uploads: OneShotUploads, objects: MemoryObjects
) -> None:
    with pytest.raises(UnsupportedMediaError):
        async with uploads.receiving(stage.caller("alice")) as receive:
            await receive(chunks_of(b"%PDF-1.7"))
    assert objects.held == {}


async def test_what_has_become_a_story_survives_what_is_raised_later(
    stage: Stage, uploads: OneShotUploads, objects: MemoryObjects
) -> None:
    who = stage.caller("alice")

    async def a_story_and_a_client_that_left() -> None:
        async with uploads.receiving(who) as receive:
            upload = await receive(chunks_of(jpeg()))
            post = PostStory(caller=who, media_file=upload.id, audience=Audience(), lifetime=Lifetime())
            await stage.container.post_story()(post)
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await a_story_and_a_client_that_left()
    assert len(objects.held) == 1

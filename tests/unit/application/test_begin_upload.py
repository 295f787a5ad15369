"""Beginning an upload: a place for bytes that is written down before they come."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from application.commands.begin_upload import UPLOAD_MAX_BYTES, BeginUpload
from domain.errors import InvalidError
from infrastructure.sql.tables import uploads
from tests.stage import Stage
from tests.unit.application.doubles import MemoryObjects
from tests.unit.application.scenes import let_upload_expire


@pytest.mark.parametrize("size", [None, 1, UPLOAD_MAX_BYTES])
async def test_a_file_of_up_to_a_hundred_megabytes_may_be_announced(stage: Stage, size: int | None) -> None:
    upload = (await stage.container.begin_upload()(BeginUpload(caller=stage.caller("alice"), size=size))).upload
    assert (upload.size, upload.owner, upload.kind, upload.mime_type, upload.story) == (size, "alice", None, None, None)


@pytest.mark.parametrize("size", [-1, 0, UPLOAD_MAX_BYTES + 1])
async def test_an_empty_or_larger_file_is_refused_before_it_comes(stage: Stage, size: int) -> None:
    with pytest.raises(InvalidError) as caught:
        await stage.container.begin_upload()(BeginUpload(caller=stage.caller("alice"), size=size))
    assert caught.value.field == "size"


async def test_an_upload_waits_a_day_for_its_story(stage: Stage) -> None:
    async with stage.container.unit_of_work().begin(stage.org) as tx:
        before = await tx.clock()
    upload = (await stage.container.begin_upload()(BeginUpload(caller=stage.caller("alice")))).upload
    async with stage.container.unit_of_work().begin(stage.org) as tx:
        after = await tx.clock()
    assert before <= upload.expires_at - timedelta(days=1) <= after


async def test_an_upload_of_which_no_story_is_made_is_gone_after_a_day(stage: Stage, objects: MemoryObjects) -> None:
    upload = await stage.upload("alice")
    await stage.container.empty_bin()()
    assert list(objects.held) == [upload.key]
    await let_upload_expire(stage, upload.id)
    assert await stage.container.empty_bin()() == 1
    assert objects.held == {}


async def test_an_upload_whose_bytes_never_came_is_forgotten_after_a_day(stage: Stage) -> None:
    upload = (await stage.container.begin_upload()(BeginUpload(caller=stage.caller("alice")))).upload
    await let_upload_expire(stage, upload.id)
    await stage.container.empty_bin()()
    async with stage.container.database().read(None) as connection:
        assert (await connection.execute(select(uploads))).all() == []

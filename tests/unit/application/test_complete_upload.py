"""Uploads that go to the object store itself: what came is looked at when the story is made, and put beyond reach."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from sqlalchemy import select

from application.commands.begin_upload import UPLOAD_MAX_BYTES, BeginUpload, BegunUpload
from application.commands.complete_upload import CompleteUpload, CompleteUploadHandler
from application.commands.post_story import PostStory
from application.commands.receive_upload import FileTooLargeError
from application.ports.errors import ConcurrentChangeError, UnavailableError, UnsupportedMediaError
from application.ports.media import Blob
from domain.audience import Audience
from domain.content import Kind
from domain.errors import InvalidError
from domain.values import Lifetime
from infrastructure.sql.tables import uploads
from tests.stage import Stage, jpeg
from tests.unit.application.doubles import MemoryObjects
from tests.unit.application.scenes import empty_bin_after_days


@pytest.fixture
def objects() -> MemoryObjects:
    """A store that makes links."""
    store = MemoryObjects()
    store.signs = True
    return store


async def begin(stage: Stage, size: int | None = None) -> BegunUpload:
    return await stage.container.begin_upload()(BeginUpload(caller=stage.caller("alice"), size=size, direct=True))


async def complete(stage: Stage, begun: BegunUpload, who: str = "alice", **more: Any) -> None:
    handler = more.get("by") or stage.container.complete_upload()
    await handler(CompleteUpload(caller=stage.caller(who), media_file=begun.upload.id))


async def post(stage: Stage, begun: BegunUpload) -> Any:
    return await stage.container.post_story()(
        PostStory(caller=stage.caller("alice"), media_file=begun.upload.id, audience=Audience(), lifetime=Lifetime())
    )


async def test_a_store_that_makes_links_takes_the_bytes_itself_for_a_day(stage: Stage) -> None:
    begun = await begin(stage)
    assert begun.link == f"https://bucket.test/{begun.upload.key}?PUT&for=86400"


async def test_a_store_that_makes_none_leaves_them_to_the_service(stage: Stage, objects: MemoryObjects) -> None:
    objects.signs = False
    begun = await begin(stage)
    assert (begun.link, begun.upload.key) == (None, None)


async def test_what_was_sent_becomes_a_story(stage: Stage, objects: MemoryObjects) -> None:
    begun = await begin(stage, size=len(jpeg()))
    objects.held[str(begun.upload.key)] = jpeg()
    await complete(stage, begun)
    posted = await post(stage, begun)
    await stage.container.process_media()(stage.org, posted.story_id)
    assert len(objects.of("media")) == 2


async def test_who_still_has_the_link_changes_nothing_any_more(stage: Stage, objects: MemoryObjects) -> None:
    begun = await begin(stage)
    objects.held[str(begun.upload.key)] = jpeg()
    await complete(stage, begun)
    objects.held[str(begun.upload.key)] = b"something else"
    async with stage.container.unit_of_work().begin(stage.org) as tx:
        upload = await tx.uploads.get(begun.upload.id)
    assert upload is not None
    assert (upload.kind, upload.size, objects.held[str(upload.key)]) == (Kind.IMAGE, len(jpeg()), jpeg())


async def test_where_a_link_leads_nothing_is_left_for_longer_than_it_lets_in(
    stage: Stage, objects: MemoryObjects
) -> None:
    begun = await begin(stage)
    place = str(begun.upload.key)
    objects.held[place] = jpeg()
    await complete(stage, begun)
    assert place not in objects.held
    objects.held[place] = b"sent again"
    await empty_bin_after_days(stage)
    assert place not in objects.held


async def test_what_nobody_made_a_story_of_is_gone_when_its_link_has_ended(
    stage: Stage, objects: MemoryObjects
) -> None:
    objects.held[str((await begin(stage)).upload.key)] = jpeg()  # and whoever sent it, or the service, died
    await stage.container.empty_bin()()
    assert len(objects.held) == 1
    await empty_bin_after_days(stage)
    assert objects.held == {}
    async with stage.container.database().read(None) as connection:
        assert (await connection.execute(select(uploads))).all() == []


async def test_who_is_overtaken_while_completing_it_is_told_so(stage: Stage, objects: MemoryObjects) -> None:
    class Slow(MemoryObjects):
        async def copy(self, source: str, target: str) -> None:
            await complete(stage, begun)
            await super().copy(source, target)

    slow = Slow()
    slow.held = objects.held
    begun = await begin(stage)
    objects.held[str(begun.upload.key)] = jpeg()
    container = stage.container
    with pytest.raises(ConcurrentChangeError):
        await complete(stage, begun, by=CompleteUploadHandler(container.unit_of_work(), slow, container.inspector()))
    await post(stage, begun)


async def test_a_place_that_cannot_be_emptied_does_no_harm(stage: Stage, objects: MemoryObjects) -> None:
    class Clinging(MemoryObjects):
        async def delete(self, keys: Iterable[str]) -> None:
            raise UnavailableError("The object store does not answer.")

    clinging = Clinging()
    begun = await begin(stage)
    clinging.held[str(begun.upload.key)] = jpeg()
    container = stage.container
    await complete(stage, begun, by=CompleteUploadHandler(container.unit_of_work(), clinging, container.inspector()))
    objects.held = clinging.held
    await post(stage, begun)
    await empty_bin_after_days(stage)
    assert begun.upload.key not in objects.held


async def test_completing_again_changes_nothing(stage: Stage, objects: MemoryObjects) -> None:
    begun = await begin(stage)
    objects.held[str(begun.upload.key)] = jpeg()
    await complete(stage, begun)
    before = dict(objects.held)
    await complete(stage, begun)
    assert objects.held == before


async def test_the_upload_of_somebody_else_is_left_alone(stage: Stage, objects: MemoryObjects) -> None:
    begun = await begin(stage)
    objects.held[str(begun.upload.key)] = jpeg()
    await complete(stage, begun, who="bob")
    assert list(objects.held) == [begun.upload.key]


async def test_without_its_bytes_an_upload_is_not_complete(stage: Stage) -> None:
    begun = await begin(stage)
    with pytest.raises(InvalidError) as caught:
        await complete(stage, begun)
    assert caught.value.field == "mediaFileId"


@pytest.mark.parametrize(
    ("data", "size", "error"),
    [
        pytest.param(b"", None, InvalidError, id="empty"),
        pytest.param(jpeg(), len(jpeg()) + 1, InvalidError, id="fewer bytes than announced"),
        pytest.param(b"%PDF-1.7", None, UnsupportedMediaError, id="no media"),
    ],
)
async def test_what_cannot_be_taken_is_refused_and_not_kept(
    stage: Stage, objects: MemoryObjects, data: bytes, size: int | None, error: type[Exception]
) -> None:
    begun = await begin(stage, size)
    objects.held[str(begun.upload.key)] = data
    with pytest.raises(error):
        await complete(stage, begun)
    await stage.container.empty_bin()()
    assert list(objects.held) == [begun.upload.key], "the place itself is in the bin until its link has ended"


class LargeObjects(MemoryObjects):
    """A store that says of some of what it holds that it is larger than accepted."""

    def __init__(self, *large: str) -> None:
        super().__init__()
        self.large = set(large)
        self.copied: list[str] = []

    async def get(self, key: str, *, start: int = 0, stop: int | None = None) -> Blob:
        blob = await super().get(key, start=start, stop=stop)
        return Blob(UPLOAD_MAX_BYTES + 1, blob.start, blob.stop, blob.chunks) if key in self.large else blob

    async def copy(self, source: str, target: str) -> None:
        await super().copy(source, target)
        self.copied.append(target)


async def test_a_file_larger_than_accepted_is_refused_and_not_copied(stage: Stage) -> None:
    begun = await begin(stage)
    store = LargeObjects(str(begun.upload.key))
    store.held[str(begun.upload.key)] = jpeg()
    with pytest.raises(FileTooLargeError):
        await complete(stage, begun, by=_completing(stage, store))
    assert store.copied == []


async def test_a_file_that_grows_before_it_is_copied_is_refused_too(stage: Stage) -> None:
    class GrowingObjects(LargeObjects):
        async def copy(self, source: str, target: str) -> None:
            await super().copy(source, target)
            self.large.add(target)

    begun = await begin(stage)
    store = GrowingObjects()
    store.held[str(begun.upload.key)] = jpeg()
    with pytest.raises(FileTooLargeError):
        await complete(stage, begun, by=_completing(stage, store))
    assert len(store.copied) == 1


def _completing(stage: Stage, store: MemoryObjects) -> CompleteUploadHandler:
    return CompleteUploadHandler(stage.container.unit_of_work(), store, stage.container.inspector())


async def test_while_the_store_is_away_it_may_be_tried_again(stage: Stage, objects: MemoryObjects) -> None:
    begun = await begin(stage)
    objects.held[str(begun.upload.key)] = jpeg()
    objects.away = True
    with pytest.raises(UnavailableError):
        await complete(stage, begun)
    objects.away = False
    await complete(stage, begun)
    await post(stage, begun)

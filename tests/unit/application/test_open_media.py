"""Opening the bytes behind a link: checked again at each fetch."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from application.commands.archive_story import ArchiveStory
from application.ports.errors import UnavailableError
from application.ports.media import Blob
from application.ports.stories import StoryAccess
from application.queries.open_media import MediaFile, MediaPart, MediaTicket, OpenMedia, OpenMediaHandler
from domain.audience import Visibility
from domain.errors import NotFoundError, StoryExpiredError, StoryNotFoundError
from domain.story import Access, FailureReason
from domain.values import OrgId, StoryId, UserId
from tests.stage import Stage, jpeg
from tests.unit.application.doubles import NOON, MemoryObjects, PlainRenderer, SayingMediaReader
from tests.unit.application.scenes import DAY


async def now(stage: Stage) -> datetime:
    async with stage.container.unit_of_work().begin(stage.org) as tx:
        return await tx.clock()


async def open_part(
    stage: Stage,
    who: str | None,
    story_id: StoryId,
    part: MediaPart = MediaPart.MEDIA,
    *,
    good_for: float = 60,
    org: str | None = None,
) -> MediaFile:
    ticket = MediaTicket(
        org=OrgId(org or stage.org),
        story_id=story_id,
        viewer=None if who is None else UserId(who),
        expires_at=await now(stage) + timedelta(seconds=good_for),
    )
    return await stage.container.open_media()(OpenMedia(ticket=ticket, part=part))


async def bytes_of(stage: Stage, file: MediaFile, start: int = 0, stop: int | None = None) -> tuple[Blob, bytes]:
    blob = await stage.container.open_media().read(file, start=start, stop=stop)
    return blob, b"".join([chunk async for chunk in blob.chunks])


@pytest.fixture
async def story_id(stage: Stage) -> StoryId:
    """A picture for Alice's friend Bob."""
    await stage.befriend("alice", "bob")
    return await stage.post_image("alice")


@pytest.mark.parametrize(("part", "data"), [(MediaPart.MEDIA, b"rendition 0"), (MediaPart.THUMBNAIL, b"thumbnail 0")])
async def test_the_audience_opens_the_rendition_and_its_thumbnail(
    stage: Stage, story_id: StoryId, part: MediaPart, data: bytes
) -> None:
    file = await open_part(stage, "bob", story_id, part)
    assert file.mime_type == "image/webp"
    assert (await bytes_of(stage, file))[1] == data


async def test_a_part_of_the_bytes_can_be_read(stage: Stage, story_id: StoryId) -> None:
    file = await open_part(stage, "bob", story_id)
    blob, data = await bytes_of(stage, file, 2, 5)
    assert (blob.size, blob.start, blob.stop, data) == (11, 2, 5, b"ndi")


async def test_how_long_it_may_be_kept_is_how_long_the_story_lives_but_for_its_owner(
    stage: Stage, story_id: StoryId
) -> None:
    await stage.pass_time(story_id, DAY - 100)
    left = (await open_part(stage, "bob", story_id)).seconds_left
    assert left is not None
    assert 90 < left <= 100
    assert (await open_part(stage, "alice", story_id)).seconds_left is None


async def test_a_link_signed_for_anybody_shows_public_stories_only(stage: Stage, story_id: StoryId) -> None:
    public = await stage.post_image("alice", visibility=Visibility.PUBLIC)
    assert (await open_part(stage, None, public)).key
    with pytest.raises(StoryNotFoundError):
        await open_part(stage, None, story_id)


async def test_a_link_too_old_is_good_for_nobody(stage: Stage, story_id: StoryId) -> None:
    for who in ("alice", "bob"):
        with pytest.raises(NotFoundError):
            await open_part(stage, who, story_id, good_for=-0.001)


async def test_who_was_shut_out_since_opens_nothing(stage: Stage, story_id: StoryId) -> None:
    await open_part(stage, "bob", story_id)
    await stage.block("alice", "bob")
    with pytest.raises(StoryNotFoundError):
        await open_part(stage, "bob", story_id)


async def test_with_the_story_its_media_are_over_but_for_its_owner(stage: Stage, story_id: StoryId) -> None:
    await stage.container.archive_story()(ArchiveStory(caller=stage.caller("alice"), story_id=story_id))
    with pytest.raises(StoryExpiredError):
        await open_part(stage, "bob", story_id)
    assert (await bytes_of(stage, await open_part(stage, "alice", story_id)))[1] == b"rendition 0"


async def test_a_link_is_good_in_its_own_organisation_only(stage: Stage, story_id: StoryId) -> None:
    with pytest.raises(StoryNotFoundError):
        await open_part(stage, "alice", story_id, org="another")


async def test_while_it_is_processed_its_owner_opens_what_they_sent_and_nothing_else(stage: Stage) -> None:
    story_id = await stage.post_image("alice", visibility=Visibility.PUBLIC, processed=False)
    file = await open_part(stage, "alice", story_id, MediaPart.UPLOAD)
    assert (file.mime_type, (await bytes_of(stage, file))[1]) == ("image/jpeg", jpeg())
    for part in (MediaPart.MEDIA, MediaPart.THUMBNAIL):
        with pytest.raises(NotFoundError):
            await open_part(stage, "alice", story_id, part)
    with pytest.raises(StoryNotFoundError):
        await open_part(stage, "bob", story_id, MediaPart.UPLOAD)


async def test_once_it_is_processed_nobody_opens_what_was_sent(
    stage: Stage, story_id: StoryId, renderer: PlainRenderer
) -> None:
    renderer.fails = [FailureReason.MEDIA_INVALID]
    failed = await stage.post_image("alice")
    for each in (story_id, failed):
        with pytest.raises(NotFoundError):
            await open_part(stage, "alice", each, MediaPart.UPLOAD)


@pytest.mark.parametrize("access", [Access.VISIBLE, Access.OWNER])
async def test_nobody_but_the_owner_opens_an_upload_even_where_the_story_is_seen(access: Access) -> None:
    file = MediaFile(key="org=test/uploads/1", mime_type="image/jpeg", seconds_left=60)
    known = StoryAccess(access, UserId("alice"), active=True)
    handler = OpenMediaHandler(SayingMediaReader(known, file), MemoryObjects())
    ticket = MediaTicket(org=OrgId("test"), story_id=StoryId(UUID(int=1)), viewer=UserId("bob"), expires_at=NOON)
    for part in MediaPart:
        if part is MediaPart.UPLOAD and access is Access.VISIBLE:
            with pytest.raises(NotFoundError):
                await handler(OpenMedia(ticket=ticket, part=part))
        else:
            assert await handler(OpenMedia(ticket=ticket, part=part)) == file


async def test_bytes_that_are_gone_are_not_found(stage: Stage, story_id: StoryId, objects: MemoryObjects) -> None:
    file = await open_part(stage, "bob", story_id)
    objects.held.clear()
    with pytest.raises(NotFoundError):
        await bytes_of(stage, file)


async def test_a_store_that_is_away_is_no_missing_file(stage: Stage, story_id: StoryId, objects: MemoryObjects) -> None:
    file = await open_part(stage, "bob", story_id)
    objects.away = True
    with pytest.raises(UnavailableError):
        await bytes_of(stage, file)


@pytest.mark.parametrize(
    ("left", "part", "seconds"),
    [
        pytest.param(None, MediaPart.MEDIA, 60, id="the owner's"),
        pytest.param(3_600.0, MediaPart.THUMBNAIL, 60, id="for a minute at most"),
        pytest.param(12.9, MediaPart.MEDIA, 12, id="no longer than the story"),
        pytest.param(0.9, MediaPart.MEDIA, None, id="the story is all but over"),
        pytest.param(None, MediaPart.UPLOAD, None, id="an upload is never given as it came"),
    ],
)
async def test_by_setting_the_store_gives_the_bytes_itself(
    stage: Stage, objects: MemoryObjects, left: float | None, part: MediaPart, seconds: int | None
) -> None:
    objects.signs = True
    file = MediaFile(key="org=test/media/1", mime_type="image/webp", seconds_left=left)
    for redirect in (True, False):
        reader = SayingMediaReader(StoryAccess(Access.VISIBLE, UserId("alice"), active=True), file)
        link = await OpenMediaHandler(reader, objects, redirect).link(file, part)
        wanted = f"https://bucket.test/org=test/media/1?GET&for={seconds}" if redirect and seconds else None
        assert link == wanted

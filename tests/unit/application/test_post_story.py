"""Posting: what becomes of words and of uploads, and what is refused."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from application.commands.begin_upload import BeginUpload
from application.commands.post_story import PostedStory, PostStory, PostStoryHandler, TypeMismatchError
from domain.audience import Audience, Visibility
from domain.content import Kind, LinkedContent
from domain.errors import InvalidError, UrlNotAllowedError
from domain.story import Access, Status
from domain.values import (
    BackgroundColor,
    Caption,
    Lifetime,
    MediaFileId,
    MediaHosts,
    MediaUrl,
    PageId,
    TextOverlay,
    UserId,
)
from tests.stage import Stage
from tests.unit.application.scenes import access, all_story_ids, empty_bin_after_days, let_upload_expire, own_card, told

URL = MediaUrl("https://cdn.example.com/story.png")
OVERLAY = TextOverlay("Hi", 0.5, 0.25)


async def post(stage: Stage, owner: str = "alice", **command: Any) -> PostedStory:
    command = {"audience": Audience(), "lifetime": Lifetime(), **command}
    return await stage.container.post_story()(PostStory(caller=stage.caller(owner), **command))


async def refused(stage: Stage, **command: Any) -> InvalidError:
    """Why it is refused; and nothing was posted."""
    before = await all_story_ids(stage)
    with pytest.raises(InvalidError) as caught:
        await post(stage, **command)
    assert await all_story_ids(stage) == before
    return caught.value


# --- words --------------------------------------------------------------------------------------------------------


async def test_a_text_is_active_at_once_and_tells_that_it_was_created_and_published(stage: Stage) -> None:
    posted = await post(stage, text="Good morning")
    assert (posted.status, posted.media_file) == (Status.ACTIVE, None)
    events = await stage.events(posted.story_id)
    assert [(event.type, event.version) for event in events] == [("story.created", 1), ("story.published", 2)]


async def test_a_story_lives_from_its_creation_for_as_long_as_was_asked(stage: Stage) -> None:
    posted = await post(stage, text="Good morning", lifetime=Lifetime(90))
    async with stage.container.unit_of_work().begin(stage.org) as tx:
        story = await tx.stories.get(posted.story_id)
    assert story is not None
    assert posted.lifetime == Lifetime(90)
    assert posted.expires_at == story.created_at + timedelta(seconds=90) == story.expires_at


async def test_a_text_keeps_its_words_colour_and_overlays(stage: Stage) -> None:
    posted = await post(
        stage, kind=Kind.TEXT, text="Good morning", background=BackgroundColor("#FF8800"), overlays=(OVERLAY,)
    )
    card = await own_card(stage, posted.story_id)
    assert (card.type, card.content, card.background_color) == (Kind.TEXT, "Good morning", "#FF8800")
    assert [(overlay.text, overlay.x, overlay.y) for overlay in card.overlays] == [("Hi", 0.5, 0.25)]


async def test_a_text_is_set_on_black_unless_told_otherwise(stage: Stage) -> None:
    posted = await post(stage, text="Good morning")
    assert (await own_card(stage, posted.story_id)).background_color == "#000000"


async def test_a_story_is_seen_by_those_it_was_posted_for(stage: Stage) -> None:
    posted = await post(stage, text="Psst", audience=Audience(Visibility.CUSTOM, frozenset({UserId("bob")})))
    assert await access(stage, "bob", posted.story_id) is Access.VISIBLE
    assert await access(stage, "carol", posted.story_id) is Access.HIDDEN


@pytest.mark.parametrize("text", ["", " \n\t", "x" * 2_201, "bell\a"])
async def test_words_that_say_nothing_too_much_or_what_is_no_text_are_refused(stage: Stage, text: str) -> None:
    assert (await refused(stage, text=text)).field == "content"


async def test_a_story_without_words_or_file_is_refused(stage: Stage) -> None:
    assert (await refused(stage)).field == "content"


async def test_a_text_has_no_caption(stage: Stage) -> None:
    assert (await refused(stage, text="Good morning", caption=Caption("Sea"))).field == "caption"


async def test_a_picture_without_its_file_is_refused(stage: Stage) -> None:
    assert (await refused(stage, kind=Kind.IMAGE)).field == "media"
    assert (await refused(stage, kind=Kind.IMAGE, text="Good morning")).field == "media"
    assert (await refused(stage, kind=Kind.VIDEO)).field == "media"


# --- uploads ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [None, Kind.IMAGE])
async def test_an_upload_becomes_a_story_that_is_being_processed(stage: Stage, kind: Kind | None) -> None:
    upload = await stage.upload("alice")
    posted = await post(stage, kind=kind, media_file=upload.id, caption=Caption("Sea"), overlays=(OVERLAY,))
    assert (posted.status, posted.media_file) == (Status.PROCESSING, upload.id)
    assert await told(stage, posted.story_id) == ["story.created"]
    card = await own_card(stage, posted.story_id)
    assert (card.type, card.caption, card.content, len(card.overlays)) == (Kind.IMAGE, "Sea", None, 1)


@pytest.mark.parametrize("kind", [Kind.VIDEO, Kind.TEXT])
async def test_a_picture_is_not_taken_for_anything_else(stage: Stage, kind: Kind) -> None:
    upload = await stage.upload("alice")
    error = await refused(stage, kind=kind, media_file=upload.id)
    assert isinstance(error, TypeMismatchError)
    assert (error.code, error.field) == ("type_mismatch", "type")


async def test_a_story_with_a_file_has_a_caption_but_no_words_of_its_own(stage: Stage) -> None:
    upload = await stage.upload("alice")
    assert (await refused(stage, media_file=upload.id, text="Good morning")).field == "content"


async def test_an_upload_is_used_once(stage: Stage) -> None:
    upload = await stage.upload("alice")
    await post(stage, media_file=upload.id)
    assert (await refused(stage, media_file=upload.id)).field == "mediaFileId"


async def test_of_two_who_post_one_upload_at_once_one_gets_it(stage: Stage) -> None:
    upload = await stage.upload("alice")
    both = await asyncio.gather(
        post(stage, media_file=upload.id), post(stage, media_file=upload.id), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in both) == ["InvalidError", "PostedStory"]
    assert len(await all_story_ids(stage)) == 1


async def test_a_refused_post_leaves_the_upload_to_be_used(stage: Stage) -> None:
    upload = await stage.upload("alice")
    await refused(stage, media_file=upload.id, kind=Kind.VIDEO)
    assert (await post(stage, media_file=upload.id)).status is Status.PROCESSING


async def test_an_upload_that_is_not_there_not_theirs_expired_or_without_bytes_cannot_be_posted(stage: Stage) -> None:
    foreign = await stage.upload("bob")
    expired = await stage.upload("alice")
    await let_upload_expire(stage, expired.id)
    begun = (await stage.container.begin_upload()(BeginUpload(caller=stage.caller("alice")))).upload
    for media_file in (MediaFileId(uuid4()), foreign.id, expired.id, begun.id):
        assert (await refused(stage, media_file=media_file)).field == "mediaFileId"


async def test_an_upload_that_became_a_story_no_longer_expires(stage: Stage) -> None:
    upload = await stage.upload("alice")
    posted = await post(stage, media_file=upload.id)
    await let_upload_expire(stage, upload.id)
    await empty_bin_after_days(stage)
    await stage.container.process_media()(stage.org, posted.story_id)
    assert (await own_card(stage, posted.story_id)).status is Status.ACTIVE


# --- links --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Kind.IMAGE, Kind.VIDEO])
async def test_what_is_linked_is_active_at_once_and_is_shown_where_it_lies(stage: Stage, kind: Kind) -> None:
    posted = await post(stage, kind=kind, url=URL, caption=Caption("Sea"), overlays=(OVERLAY,), page=PageId("lobby"))
    assert (posted.status, posted.media_file) == (Status.ACTIVE, None)
    card = await own_card(stage, posted.story_id)
    assert (card.type, card.media_url, card.thumbnail_url, card.caption) == (kind, URL.text, None, "Sea")
    assert await told(stage, posted.story_id) == ["story.created", "story.published"]
    async with stage.container.unit_of_work().begin(stage.org) as tx:
        story = await tx.stories.get(posted.story_id)
    assert story is not None
    assert (story.content, story.page) == (LinkedContent(kind, URL, Caption("Sea"), (OVERLAY,)), "lobby")


async def test_a_link_is_of_an_image_or_a_video_and_of_nothing_else_beside_it(stage: Stage) -> None:
    wrong: tuple[tuple[dict[str, Any], str], ...] = (
        ({"url": URL}, "type"),
        ({"url": URL, "kind": Kind.TEXT, "text": "Hello"}, "url"),
        ({"url": URL, "kind": Kind.IMAGE, "text": "Hello"}, "content"),
        ({"url": URL, "media_file": (await stage.upload()).id}, "url"),
    )
    for command, field in wrong:
        assert (await refused(stage, **command)).field == field


async def test_media_are_linked_from_hosts_that_are_allowed(stage: Stage) -> None:
    hosts = MediaHosts(frozenset({"other.example.com"}))
    container = stage.container
    handler = PostStoryHandler(container.unit_of_work(), container.new_id(), hosts, container.quotas())
    command = PostStory(
        caller=stage.caller("alice"), kind=Kind.IMAGE, url=URL, audience=Audience(), lifetime=Lifetime()
    )
    with pytest.raises(UrlNotAllowedError):
        await handler(command)
    assert await all_story_ids(stage) == []

"""A client that a stock generator makes of the description drives a story's whole life; nobody touches its code."""

from __future__ import annotations

import asyncio
import importlib.util
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.http.town import Town
from tests.stage import jpeg

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PACKAGE = "stories_client"
LEFT_OUT = {"GET /media/{token}/{part} within media", "GET /api/events within events"}
"""Answers bytes of several kinds, or lines; the generator knows neither, and leaves the answer to be read as it is."""


@pytest.fixture(scope="module")
def package(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The client, as it was generated."""
    folder = tmp_path_factory.mktemp("generated")
    description = folder / "openapi.json"
    description.write_bytes(httpx.get(f"{address}/schema/openapi.json", timeout=60).content)
    path = folder / PACKAGE
    program = Path(sys.executable).with_name("openapi-python-client")
    done = subprocess.run(
        [program, "generate", "--meta", "none", "--path", description, "--output-path", path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    warned = {line for line in done.stdout.splitlines() if "WARNING" in line or "ERROR" in line}
    assert warned <= {f"WARNING parsing {each}." for each in LEFT_OUT}, done.stdout
    yield _imported(path)
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def _imported(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(PACKAGE, path / "__init__.py", submodule_search_locations=[str(path)])
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package
    spec.loader.exec_module(package)
    return package


class Person:
    """Somebody who uses the generated client."""

    def __init__(self, package: ModuleType, town: Town, user: str, **claims: Any) -> None:
        self._client = package.AuthenticatedClient(base_url=town.url, token=town.token(user, **claims))
        self._org = town.org

    async def __call__(self, operation: str, *path: str, **more: Any) -> Any:
        """Call an operation, by the module that the generator made of it; what it answers, parsed."""
        return (await self.answer(operation, *path, **more)).parsed

    def leave(self) -> None:
        """Close what was opened."""
        self._client.get_httpx_client().close()

    async def fetched(self, token: str, part: str) -> Any:
        """Fetch media; it is the same for every organisation."""
        media = import_module(f"{PACKAGE}.api.media.get_media")
        return await asyncio.to_thread(media.sync_detailed, token, part, client=self._client)

    async def answer(self, operation: str, *path: str, **more: Any) -> Any:
        """Call an operation; the answer with its status and headers."""
        module = import_module(f"{PACKAGE}.api.{operation}")
        # Of the two kinds of calls that it makes, those that do not wait cannot send a file.
        return await asyncio.to_thread(module.sync_detailed, *path, client=self._client, orgid=self._org, **more)


@pytest.fixture
def models(package: ModuleType) -> Any:
    return import_module(f"{PACKAGE}.models")


@pytest.fixture
def types(package: ModuleType) -> Any:
    return import_module(f"{PACKAGE}.types")


@pytest.fixture
def alice(package: ModuleType, town: Town) -> Iterator[Person]:
    alice = Person(package, town, "alice", name="Alice Wonder")
    yield alice
    alice.leave()


@pytest.fixture
def bob(package: ModuleType, town: Town) -> Iterator[Person]:
    bob = Person(package, town, "bob", preferred_username="bobby")
    yield bob
    bob.leave()


async def befriended(alice: Person, bob: Person) -> None:
    for one, user, friend in ((alice, "alice", "bob"), (bob, "bob", "alice")):
        assert (await one.answer("social_graph.befriend", user, friend)).status_code == 204
    friends = (await alice("social_graph.list_friends", "alice", page_size=5)).data
    assert [(friend.user_id, friend.status.value) for friend in friends.friends] == [("bob", "confirmed")]


async def test_a_story_of_words_from_first_to_last(alice: Person, bob: Person, models: Any) -> None:
    await befriended(alice, bob)
    overlay = models.OverlayBody(text="Hi", x=0.5, y=0.25, align=models.Align.LEFT)
    body = models.StoryBody(
        content="Check out my day!", visibility=models.Visibility.FRIENDS, duration=5_400, overlays=[overlay]
    )
    answer = await alice.answer("stories.post_story", "alice", body=body, idempotency_key="once")
    posted = answer.parsed.data
    story_id = str(posted.story_id)
    assert (posted.status, posted.expires_in_hours) == (models.Status.ACTIVE, 1.5)
    assert answer.headers["location"].endswith(story_id)
    again = await alice.answer("stories.post_story", "alice", body=body, idempotency_key="once")
    assert (again.parsed, again.headers["idempotency-replayed"]) == (answer.parsed, "true")

    feed = (await bob("feeds_and_rings.get_recommended_feed", "bob", include_score_details=True)).data
    assert [(str(card.story_id), card.full_name) for card in feed.stories] == [(story_id, "Alice Wonder")]
    assert feed.stories[0].score_details.relationship_score > 0
    assert [str(card.story_id) for card in (await bob("feeds_and_rings.list_feed", "bob")).data.stories] == [story_id]
    rings = await bob("feeds_and_rings.check_active", body=["alice", "carol"])
    assert (rings.data.to_dict(), rings.unseen.to_dict()) == ({"alice": True, "carol": False},) * 2

    view = models.ViewBody(view_duration_seconds=4.5)
    assert (await bob("views_reactions_replies.track_view", story_id, body=view)).success
    love = models.ReactionBody(reaction=models.Reaction.LOVE)
    assert (await bob("views_reactions_replies.react", story_id, body=love)).message == "Reaction added successfully"
    reply = models.ReplyBody(content="Great story!")
    replied = (await bob("views_reactions_replies.reply", story_id, body=reply)).data
    seen = (await bob("stories.get_story", story_id)).data
    assert type(seen) is models.StoryCard
    assert (seen.my_reaction, seen.is_viewed, seen.reaction_counts.to_dict()) == ("love", True, {"love": 1})
    assert seen.created_at < seen.expires_at
    assert (seen.overlays[0].text, seen.overlays[0].align) == ("Hi", "left")

    viewers = await alice("views_reactions_replies.list_viewers", story_id, sort=models.ViewerOrder.REACTED)
    assert [(v.username, v.view_quality, v.reaction) for v in viewers.data] == [("bobby", "High", "love")]
    assert (viewers.total_viewers, viewers.insights.quality.to_dict()["High"]) == (1, 1)
    inbox = (await alice("views_reactions_replies.list_user_replies", "alice")).data
    assert [(item.reply_id, item.content) for item in inbox.replies] == [(replied.reply_id, "Great story!")]
    own = (await alice("stories.get_story", story_id)).data
    assert type(own) is models.OwnerStoryCard
    assert (own.visibility, own.view_count, own.reply_count) == (models.Visibility.FRIENDS, 1, 1)

    edited = models.EditBody(visibility=models.Visibility.CUSTOM, allowed_user_ids=["bob"])
    changed = (await alice("stories.edit_story", story_id, body=edited)).data
    assert changed.allowed_user_ids == ["bob"]
    assert (await alice("stories.archive_story", story_id)).success
    over = await bob.answer("stories.get_story", story_id)
    assert (over.status_code, over.parsed.code) == (410, "story_expired")
    archived = (await alice("stories.list_archived", "alice")).data
    assert [(card.archive_reason, card.status) for card in archived.stories] == [("manual", "Archived")]
    assert (await alice("stories.delete_story", story_id)).message == "Story deleted successfully"
    gone = await alice.answer("stories.get_story", story_id)
    assert (gone.status_code, gone.parsed.code) == (404, "story_not_found")


async def test_a_picture_in_a_form_and_one_that_was_sent_before(
    alice: Person, bob: Person, models: Any, types: Any, town: Town
) -> None:
    await befriended(alice, bob)

    def photo() -> Any:
        return types.File(payload=io.BytesIO(jpeg()), file_name="photo.jpg", mime_type="image/jpeg")

    form = models.StoryForm(
        media=photo(),
        type_=models.Kind.IMAGE,
        caption="At the beach!",
        visibility=models.Visibility.CUSTOM,
        allowed_user_ids=["bob", "carol"],
        duration=3_600,
        overlays=json.dumps([{"text": "Hi", "x": 0.5, "y": 0.5}]),
    )
    posted = (await alice("stories.post_story", "alice", body=form)).data
    assert posted.status == models.Status.PROCESSING

    announced = models.UploadBody(size=len(jpeg()), mime_type="image/jpeg")
    begun = (await alice("uploads.begin_upload", "alice", body=announced)).data
    upload = str(begun.media_file_id)
    received = (await alice("uploads.send_upload", "alice", upload, body=photo())).data
    assert (received.size, received.mime_type) == (len(jpeg()), "image/jpeg")
    body = models.StoryBody(media_file_id=upload, caption="At the lake!")
    second = (await alice("stories.post_story", "alice", body=body)).data

    for story_id, caption in ((posted.story_id, "At the beach!"), (second.story_id, "At the lake!")):
        await town.settled(town.client("alice"), str(story_id), seconds=60)
        assert (await alice("stories.get_story", str(story_id))).data.caption == caption
        shown = (await bob("stories.get_story", str(story_id))).data
        *_, token, part = urlsplit(shown.media_url).path.split("/")
        fetched = await bob.fetched(token, part)
        assert fetched.status_code == 200
        assert fetched.content[:4] == b"RIFF"


async def test_what_is_refused_says_why(alice: Person, bob: Person, models: Any) -> None:
    empty = models.StoryBody(content=" ")
    refused = await alice.answer("stories.post_story", "alice", body=empty)
    assert (refused.status_code, refused.parsed.code) == (400, "invalid_request")
    assert [problem.field for problem in refused.parsed.errors] == ["content"]
    stranger = await bob.answer("stories.list_history", "alice")
    assert (stranger.status_code, stranger.parsed.code) == (403, "owner_only")


async def test_a_story_of_the_community_from_first_to_last(alice: Person, bob: Person, models: Any) -> None:
    content = models.ContentBody(
        type_=models.Kind.IMAGE, url="https://cdn.test/story.png", caption="Friday studio dump"
    )
    body = models.CommunityStoryBody(content=content, page="studio", duration=3_600)
    posted = await alice("community.post_community_story", body=body)
    story_id = str(posted.id)
    assert (posted.datatype, posted.state, posted.data.page) == ("community_story", "active", "studio")

    groups = await bob("community.list_community_stories", page="studio")
    assert [(group.author_info.user_id, group.has_unseen) for group in groups] == [("alice", True)]
    assert groups[0].stories[0].data.content.url == "https://cdn.test/story.png"
    assert (await bob("community.view_community_story", story_id)).data.is_viewed
    reaction = models.ReactionTo(target_type="story", target_id=story_id, reaction=models.Reaction.HAHA)
    reacted = await bob("community.react_on_community", body=reaction)
    assert (reacted.reaction, reacted.reaction_counts.to_dict()) == ("haha", {"haha": 1})
    record = await alice("community.get_community_story", story_id)
    assert [view.email for view in record.data.views] == ["bob"]
    assert (await bob("stories.get_story", story_id)).data.my_reaction == models.Reaction.HAHA
    assert (await alice("community.delete_community_story", story_id)).success
    gone = await bob.answer("community.get_community_story", story_id)
    assert (gone.status_code, gone.parsed.code) == (404, "story_not_found")


async def test_the_community_reads_what_was_posted_over_the_other_api(alice: Person, bob: Person, models: Any) -> None:
    body = models.StoryBody(content="Hello, everybody!", visibility=models.Visibility.PUBLIC)
    story_id = str((await alice("stories.post_story", "alice", body=body)).data.story_id)
    record = await bob("community.get_community_story", story_id)
    assert (record.datatype, record.data.content.text) == ("community_story", "Hello, everybody!")

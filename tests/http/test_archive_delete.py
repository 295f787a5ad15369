"""Archiving and deleting, as the published API description has it."""

from __future__ import annotations

from typing import Any

import pytest

from infrastructure.sql.tables import objects, replies, stories, story_reactions, story_views, uploads
from tests.http.town import NOBODY, Town, ok, refused

ARCHIVED = {"success": True, "message": "Story archived successfully"}
DELETED = {"success": True, "message": "Story deleted successfully"}


async def _engaged(town: Town, story_id: str) -> None:
    bob, path = town.client("bob"), f"/api/story/{story_id}"
    ok(await bob.post(f"{path}/views", json={"viewDurationSeconds": 5}))
    ok(await bob.post(f"{path}/reactions", json={"reaction": "like"}))
    ok(await bob.post(f"{path}/replies", json={"content": "Great story!"}), 201)


async def _lifecycle(town: Town, story_id: str) -> list[tuple[str, dict[str, Any]]]:
    return [(event.type, event.data) for event in await town.events(story_id) if event.version]


@pytest.mark.says(
    "story:control users-archive-stories ",
    "story:overview archive-stories-before ",
    "story:archive manually-archive-story archived-stories-removed remove-story-feed hide-story-viewers ",
    "story:archive keep-story-personal control-story-visibility user-wants-remove story-no-longer hide-story-public ",
    "story:archive archive-story-later request ",
    "story:summary-archive endpoint-post-api manually-archive-story removes-feeds owner-still-access ",
    "story:summary-archive user-wants-remove ",
    "story:for-users archive-when-needed ",
    "story:delete consider-archiving-instead ",
    "story:control users-archive-stories",
    "story:overview archive-stories-before",
    "story:archive manually-archive-story archived-stories-removed remove-story-feed hide-story-viewers",
    "story:archive keep-story-personal control-story-visibility user-wants-remove story-no-longer hide-story-public",
    "story:archive archive-story-later request",
    "story:summary-archive endpoint-post-api manually-archive-story removes-feeds owner-still-access",
    "story:summary-archive user-wants-remove",
    "story:for-users archive-when-needed",
    "story:delete consider-archiving-instead",
)
async def test_an_archived_story_is_removed_from_feeds_and_kept_for_its_owner(town: Town) -> None:
    await town.befriend("alice", "bob")
    story_id = await town.post_text("alice")
    alice, bob = town.client("alice"), town.client("bob")
    assert ok(await alice.post(f"/api/story/{story_id}/archive", params={"userId": "alice"})) == ARCHIVED
    assert await town.feed("bob") == []
    assert ok(await bob.get("/api/story/feed/bob"))["data"]["stories"] == []
    assert ok(await bob.get("/api/story/users/alice/active"))["data"] == []
    assert ok(await bob.post("/api/story/check-active", json=["alice"]))["data"] == {"alice": False}
    refused(await bob.get(f"/api/story/{story_id}"), 410, "story_expired")
    archive = ok(await alice.get("/api/story/users/alice/archived"))["data"]["stories"]
    assert [(card["storyId"], card["archiveReason"]) for card in archive] == [(story_id, "manual")]
    assert (await town.card(story_id))["status"] == "Archived"


async def test_archiving_again_is_the_same_and_is_told_once(town: Town) -> None:
    story_id = await town.post_text("alice")
    for body in (b"", b"{}"):
        response = await town.client("alice").post(f"/api/story/{story_id}/archive", content=body)
        assert ok(response) == ARCHIVED
    told = await _lifecycle(town, story_id)
    assert [kind for kind, _ in told] == ["story.created", "story.published", "story.archived"]
    assert told[-1][1]["reason"] == "manual"


async def test_the_owner_still_learns_who_viewed_an_archived_story(town: Town) -> None:
    story_id = await town.post_text("alice", visibility="Public")
    await _engaged(town, story_id)
    ok(await town.client("alice").post(f"/api/story/{story_id}/archive"))
    viewers = ok(await town.client("alice").get(f"/api/story/{story_id}/viewers"))
    assert (viewers["totalViewers"], viewers["totalReactions"], viewers["totalReplies"]) == (1, 1, 1)
    card = await town.card(story_id)
    assert (card["viewCount"], card["reactionCount"], card["replyCount"]) == (1, 1, 1)


@pytest.mark.says(
    "story:delete permanently-delete-story action-cannot-undone permanently-remove-unwanted delete-story-sensitive ",
    "story:delete remove-story-shouldnt complete-story-removal user-wants-permanently story-contains-sensitive ",
    "story:delete complete-removal-needed action-permanent request ",
    "story:summary-delete endpoint-delete-api permanently-delete-story permanent-removal deletes-media-files ",
    "story:summary-delete cannot-undone complete-story-removal ",
    "story:delete permanently-delete-story action-cannot-undone permanently-remove-unwanted delete-story-sensitive",
    "story:delete remove-story-shouldnt complete-story-removal user-wants-permanently story-contains-sensitive",
    "story:delete complete-removal-needed action-permanent request",
    "story:summary-delete endpoint-delete-api permanently-delete-story permanent-removal deletes-media-files",
    "story:summary-delete cannot-undone complete-story-removal",
)
async def test_a_deleted_story_is_gone_for_good_and_all_that_hung_on_it(town: Town) -> None:
    before = town.files()
    story_id = await town.post_image("alice", visibility="Public")
    await _engaged(town, story_id)
    card = await town.card(story_id)
    alice, bob = town.client("alice"), town.client("bob")
    assert town.files() > before
    assert ok(await alice.delete(f"/api/story/{story_id}", params={"userId": "alice"})) == DELETED
    for client in (alice, bob):
        refused(await client.get(f"/api/story/{story_id}"), 404, "story_not_found")
        refused(await client.get(f"/api/story/{story_id}/replies"), 404, "story_not_found")
    for link in (card["mediaUrl"], card["thumbnailUrl"]):
        assert (await town.stranger().get(link)).status_code in {404, 410}
    refused(await alice.delete(f"/api/story/{story_id}"), 404, "story_not_found")
    refused(await alice.post(f"/api/story/{story_id}/archive"), 404, "story_not_found")
    assert await town.posted() == 0
    for table in (stories, story_views, story_reactions, replies):
        assert await town.rows(table) == 0
    sent = ok(await bob.get("/api/story/users/bob/replies", params={"direction": "sent"}))["data"]
    assert sent["replies"] == []

    async def its_bytes_are_gone() -> None:
        await town.container.empty_bin()()  # or the worker does, which may be about to
        assert not {path for path in town.files() - before if town.org in path}
        assert [await town.rows(table) for table in (objects, uploads)] == [0, 0]

    await town.eventually(its_bytes_are_gone)
    assert (await _lifecycle(town, story_id))[-1][0] == "story.deleted"


async def test_an_archived_or_expired_story_can_be_deleted(town: Town) -> None:
    by_hand, by_clock = await town.post_text("alice"), await town.post_text("alice")
    ok(await town.client("alice").post(f"/api/story/{by_hand}/archive"))
    await town.pass_time(by_clock, 86_400)
    for story_id in (by_hand, by_clock):
        assert ok(await town.client("alice").delete(f"/api/story/{story_id}")) == DELETED
    assert await town.posted() == 0


@pytest.mark.says(
    "story:archive only-story-owner ",
    "story:delete only-story-owner ",
    "story:archive only-story-owner",
    "story:delete only-story-owner",
)
@pytest.mark.attack(12, 14)
@pytest.mark.parametrize(("method", "path"), [("POST", "/archive"), ("DELETE", "")])
async def test_only_the_story_owner_archives_and_deletes(town: Town, method: str, path: str) -> None:
    public = await town.post_text("alice", visibility="Public")
    hidden = await town.post_text("alice", visibility="OnlyMe")
    bob = town.client("bob")

    async def attempt(story_id: str, **query: str) -> Any:
        return await bob.request(method, f"/api/story/{story_id}{path}", params=query)

    refused(await attempt(public), 403, "owner_only")
    refused(await attempt(public, userId="alice"), 403, "identity_mismatch")
    refused(await attempt(hidden), 404, "story_not_found")
    refused(await attempt(NOBODY), 404, "story_not_found")
    for story_id in (public, hidden):
        assert (await town.card(story_id))["status"] == "Active"

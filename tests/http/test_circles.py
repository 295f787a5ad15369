"""Close friends, mutes and blocks over HTTP."""

from __future__ import annotations

import pytest

from tests.http.town import Town, ok, refused


async def _do(town: Town, method: str, user: str, path: str) -> None:
    response = await town.client(user).request(method, f"/api/social/users/{user}/{path}")
    assert (response.status_code, response.content) == (204, b"")


async def _feed(town: Town, user: str = "bob") -> list[str]:
    data = ok(await town.client(user).get(f"/api/story/feed/{user}/recommended"))["data"]
    return [card["storyId"] for card in data["stories"]]


async def test_close_friends_stories_are_for_those_on_the_list(town: Town) -> None:
    story_id = await town.post_text("alice", visibility="close_friends")
    refused(await town.client("bob").get(f"/api/story/{story_id}"), 404, "story_not_found")
    await _do(town, "PUT", "alice", "close-friends/bob")
    assert (await town.card(story_id, "bob"))["storyId"] == story_id
    await _do(town, "DELETE", "alice", "close-friends/bob")
    refused(await town.client("bob").get(f"/api/story/{story_id}"), 404, "story_not_found")


async def test_muted_people_are_out_of_feeds_and_still_in_active_ring_and_by_id(town: Town) -> None:
    await town.befriend("alice", "bob")
    story_id = await town.post_text("alice")
    await _do(town, "PUT", "bob", "mutes/alice")
    assert await _feed(town) == []
    assert (await town.card(story_id, "bob"))["storyId"] == story_id
    active = ok(await town.client("bob").get("/api/story/users/alice/active"))["data"]
    rings = ok(await town.client("bob").post("/api/story/check-active", json=["alice"]))["data"]
    assert ([card["storyId"] for card in active], rings) == ([story_id], {"alice": True})
    await _do(town, "DELETE", "bob", "mutes/alice")
    assert await _feed(town) == [story_id]


async def test_a_block_hides_stories_and_kills_saved_links_at_once(town: Town) -> None:
    await town.befriend("alice", "bob")
    story_id = await town.post_image("alice")
    link = (await town.card(story_id, "bob"))["mediaUrl"]
    await _do(town, "PUT", "alice", "blocks/bob")
    refused(await town.client("bob").get(f"/api/story/{story_id}"), 404, "story_not_found")
    refused(await town.stranger().get(link), 404, "story_not_found")
    assert await _feed(town) == []
    refused(await town.client("bob").put("/api/social/users/bob/friends/alice"), 404, "not_found")
    refused(await town.client("bob").put("/api/social/users/bob/close-friends/alice"), 404, "not_found")
    await _do(town, "DELETE", "alice", "blocks/bob")
    refused(await town.client("bob").get(f"/api/story/{story_id}"), 404, "story_not_found")  # no friends any more


@pytest.mark.parametrize("circle", ["close-friends", "mutes", "blocks"])
async def test_everybody_names_people_for_themselves_alone_and_not_themselves(town: Town, circle: str) -> None:
    refused(await town.client("bob").put(f"/api/social/users/alice/{circle}/carol"), 403, "owner_only")
    refused(await town.client("bob").delete(f"/api/social/users/alice/{circle}/carol"), 403, "owner_only")
    refused(await town.client("bob").put(f"/api/social/users/bob/{circle}/bob"), 400, "invalid_request")
    refused(await town.client("bob").put(f"/api/social/users/bob/{circle}/a%20b"), 400, "invalid_request")
    await _do(town, "DELETE", "bob", f"{circle}/nobody")

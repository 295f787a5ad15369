"""The service's copy of who is a friend of whom."""

from __future__ import annotations

import pytest

from tests.http.town import Town, ok, refused


async def _friends(town: Town, user: str) -> dict[str, str]:
    data = ok(await town.client(user).get(f"/api/social/users/{user}/friends"))["data"]
    assert data.keys() == {"friends", "page", "pageSize", "totalCount", "totalPages"}
    return {friend["userId"]: friend["status"] for friend in data["friends"]}


async def _put(town: Town, user: str, friend: str) -> None:
    response = await town.client(user).put(f"/api/social/users/{user}/friends/{friend}")
    assert (response.status_code, response.content) == (204, b"")


async def test_a_friendship_is_confirmed_when_both_have_put_it(town: Town) -> None:
    story_id = await town.post_text("alice")
    await _put(town, "bob", "alice")
    assert (await _friends(town, "bob"))["alice"] != (await _friends(town, "alice"))["bob"]
    refused(await town.client("bob").get(f"/api/story/{story_id}"), 404, "story_not_found")
    await _put(town, "alice", "bob")
    assert await _friends(town, "alice") == {"bob": "confirmed"}
    assert await _friends(town, "bob") == {"alice": "confirmed"}
    assert (await town.card(story_id, "bob"))["storyId"] == story_id


async def test_a_service_confirms_a_friendship_at_once(town: Town) -> None:
    await town.befriend("alice", "bob")
    assert await _friends(town, "bob") == {"alice": "confirmed"}


async def test_putting_it_again_changes_nothing(town: Town) -> None:
    await _put(town, "bob", "alice")
    before = await _friends(town, "alice")
    await _put(town, "bob", "alice")
    assert await _friends(town, "alice") == before
    await town.befriend("alice", "bob")
    await _put(town, "bob", "alice")
    assert await _friends(town, "alice") == {"bob": "confirmed"}


@pytest.mark.parametrize("by", ["alice", "bob"])
async def test_either_ends_a_friendship_for_both_before_the_answer_is_sent(town: Town, by: str) -> None:
    await town.befriend("alice", "bob")
    story_id = await town.post_text("alice")
    assert await town.feed("bob") == [story_id]
    other = {"alice": "bob", "bob": "alice"}[by]
    for _ in range(2):
        response = await town.client(by).delete(f"/api/social/users/{by}/friends/{other}")
        assert (response.status_code, response.content) == (204, b"")
    assert await town.feed("bob") == []
    refused(await town.client("bob").get(f"/api/story/{story_id}"), 404, "story_not_found")
    assert await _friends(town, "alice") == await _friends(town, "bob") == {}


async def test_a_friend_is_not_put_while_either_blocks_the_other(town: Town) -> None:
    await town.stage.block("alice", "bob")
    refused(await town.client("bob").put("/api/social/users/bob/friends/alice"), 404, "not_found")
    refused(await town.client("alice").put("/api/social/users/alice/friends/bob"), 404, "not_found")


async def test_friends_are_listed_in_pages_with_their_profiles(town: Town) -> None:
    for number in range(5):
        await town.befriend("alice", f"friend-{number}")
    ok(
        await town.client("friend-3", name="Fred Three").post(
            "/api/story/users/friend-3", json={"content": "a first word"}
        ),
        201,
    )
    data = ok(await town.client("alice").get("/api/social/users/alice/friends?page=2&pageSize=2"))["data"]
    assert [friend["userId"] for friend in data["friends"]] == ["friend-2", "friend-3"]
    assert (data["page"], data["pageSize"], data["totalCount"], data["totalPages"]) == (2, 2, 5, 3)
    assert data["friends"][1] == {
        "userId": "friend-3",
        "username": "friend-3",
        "fullName": "Fred Three",
        "avatarUrl": None,
        "status": "confirmed",
    }


async def test_a_social_graph_is_its_users_alone(town: Town) -> None:
    bob, path = town.client("bob"), "/api/social/users/alice/friends"
    refused(await bob.get(path), 403, "owner_only")
    refused(await bob.put(f"{path}/bob"), 403, "owner_only")
    refused(await bob.delete(f"{path}/bob"), 403, "owner_only")
    refused(await bob.put(f"{path}/bob?userId=alice"), 403, "identity_mismatch")
    assert await _friends(town, "alice") == {}


@pytest.mark.parametrize("friend", ["alice", "%00", "a%20b", "%25", "x" * 129, "%E2%80%AE", "a%3Fb"])
async def test_nobody_befriends_themselves_or_what_is_no_user(town: Town, friend: str) -> None:
    refused(await town.client("alice").put(f"/api/social/users/alice/friends/{friend}"), 400, "invalid_request")
    assert await _friends(town, "alice") == {}

"""Reading stories: by id, of a user, rings, history and archive, as the published API description has it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.http.town import CARD, NOBODY, OWNER_CARD, TIME, Town, ok, refused

PAGE = {"stories", "page", "pageSize", "totalCount", "totalPages"}


@pytest.mark.says(
    "story:by-id retrieve-specific-story used-when-viewing viewing-specific-story opening-story-notification ",
    "story:by-id navigating-story-link user-clicks-story opening-story-deep loading-story-details request response ",
    "story:by-id retrieve-specific-story used-when-viewing viewing-specific-story opening-story-notification",
    "story:by-id navigating-story-link user-clicks-story opening-story-deep loading-story-details request response",
)
async def test_a_story_is_read_by_its_id_as_the_description_shows(town: Town) -> None:
    story_id = await town.post_image("alice", caption="Check out my day!", visibility="Public")
    john = town.client("alice", preferred_username="johndoe", picture="https://cdn.test/a.png")
    ok(await john.post("/api/story/users/alice", json={"content": "said with a profile"}), 201)
    response = await town.client("bob").get(f"/api/story/{story_id}", params={"requestingUserId": "bob"})
    card = ok(response)["data"]
    assert card.keys() == CARD
    assert (card["storyId"], card["userId"]) == (story_id, "alice")
    assert (card["username"], card["avatarUrl"]) == ("johndoe", "https://cdn.test/a.png")
    assert (card["caption"], card["isExpired"]) == ("Check out my day!", False)
    assert card["mediaUrl"].startswith(f"{town.url}/media/")
    assert TIME.fullmatch(card["createdAt"])
    assert TIME.fullmatch(card["expiresAt"])
    assert (card["viewCount"], card["reactionCount"], card["replyCount"]) == (0, 0, 0)
    assert (card["reactionCounts"], card["isViewed"], card["myReaction"], card["shared"]) == ({}, False, None, False)
    assert re.fullmatch(r"23:59:\d\d", card["timeUntilExpiration"])


async def test_the_owner_reads_more_of_it(town: Town) -> None:
    card = await town.card(await town.post_text("alice", visibility="Custom", allowedUserIds=["bob"]))
    assert card.keys() == OWNER_CARD
    assert (card["status"], card["visibility"], card["allowedUserIds"]) == ("Active", "Custom", ["bob"])
    assert card["processing"] is card["failureReason"] is card["archivedAt"] is card["archiveReason"] is None


async def test_somebody_without_a_profile_is_named_by_their_id(town: Town) -> None:
    card = await town.card(await town.post_text("zoë.o'neill+1@example.org", visibility="Public"), "bob")
    assert (card["userId"], card["username"]) == ("zoë.o'neill+1@example.org",) * 2
    assert card["fullName"] is card["avatarUrl"] is None


async def test_a_profile_follows_the_token_that_was_made_last(town: Town) -> None:
    story_id = await town.post_text("alice", visibility="Public")
    for name in ("Alice Liddell", "Alice Hargreaves"):
        ok(await town.client("alice", name=name).post("/api/story/users/alice", json={"content": "hi"}), 201)
        assert (await town.card(story_id, "bob"))["fullName"] == name


@pytest.mark.says(
    "story:time-left timeuntilexpiration-calculated-remaining display-ui-typically ",
    "story:time-left timeuntilexpiration-calculated-remaining display-ui-typically",
)
async def test_time_until_expiration_counts_down_and_may_pass_a_day(town: Town) -> None:
    story_id = await town.post_text("alice", duration=604_800)
    assert re.fullmatch(r"167:59:\d\d", (await town.card(story_id))["timeUntilExpiration"])
    await town.pass_time(story_id, 604_800 - 66_600 - 30)
    assert re.fullmatch(r"18:30:\d\d", (await town.card(story_id))["timeUntilExpiration"])
    await town.pass_time(story_id, 70_000)
    card = await town.card(story_id)
    assert (card["timeUntilExpiration"], card["isExpired"], card["status"]) == ("00:00:00", True, "Archived")


@pytest.mark.attack(20)
async def test_the_id_may_be_written_in_capitals(town: Town) -> None:
    story_id = await town.post_text("alice")
    assert (await town.card(story_id.upper()))["storyId"] == story_id


async def test_head_answers_as_get_does_without_the_body(town: Town) -> None:
    alice, story_id = town.client("alice"), await town.post_text("alice")
    for path in (f"/api/story/{story_id}", "/api/story/users/alice/active", "/api/story/feed/alice/recommended"):
        got, head = await alice.get(path), await alice.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == got.headers["content-type"]
    assert (await alice.head(f"/api/story/{NOBODY}")).status_code == 404


@pytest.mark.attack(47)
async def test_answers_are_kept_by_nobody_on_the_way(town: Town) -> None:
    story_id = await town.post_text("alice")
    alice = town.client("alice")
    for response in (
        await alice.get(f"/api/story/{story_id}"),
        await alice.get("/api/story/users/alice/active"),
        await alice.get(f"/api/story/{story_id}/viewers"),
        await alice.post("/api/story/check-active", json=[]),
        await alice.get(f"/api/story/{NOBODY}"),
        await town.client().get(f"/api/story/{story_id}"),
    ):
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert {name.strip().lower() for name in response.headers["vary"].split(",")} >= {"authorization", "orgid"}


@pytest.mark.says(
    "story:active used-display-users display-users-story show-stories-when view-all-stories check-if-user ",
    "story:active user-clicks-someones viewing-users-profile displaying-users-story request userid-user-id response ",
    "story:summary-active endpoint-get-api get-all-active used-story-rings displaying-users-story ",
    "story:active used-display-users display-users-story show-stories-when view-all-stories check-if-user",
    "story:active user-clicks-someones viewing-users-profile displaying-users-story request userid-user-id response",
    "story:summary-active endpoint-get-api get-all-active used-story-rings displaying-users-story",
)
async def test_a_users_active_stories_come_in_playing_order(town: Town) -> None:
    await town.befriend("alice", "bob")
    first = await town.post_text("alice", content="one")
    second = await town.post_image("alice", caption="My story")
    third = await town.post_text("alice", content="three")
    response = await town.client("bob").get("/api/story/users/alice/active", params={"requestingUserId": "bob"})
    data = ok(response)["data"]
    assert [card["storyId"] for card in data] == [first, second, third]
    assert all(card.keys() == CARD for card in data)
    assert (data[1]["caption"], data[1]["viewCount"]) == ("My story", 0)


@pytest.mark.says(
    "story:active get-all-active checking-if-user ",
    "story:summary-active privacy-aware returns-non-expired ",
    "story:active get-all-active checking-if-user",
    "story:summary-active privacy-aware returns-non-expired",
)
async def test_active_stories_are_those_the_caller_may_see_and_none_that_is_over(town: Town) -> None:
    await town.befriend("alice", "bob")
    public = await town.post_text("alice", visibility="Public")
    friends = await town.post_text("alice", visibility="Friends")
    private = await town.post_text("alice", visibility="OnlyMe")
    over = await town.post_text("alice", visibility="Public", duration=60)
    away = await town.post_text("alice", visibility="Public")
    await town.pass_time(over, 60)
    ok(await town.client("alice").post(f"/api/story/{away}/archive"))
    seen = {
        user: [card["storyId"] for card in ok(await town.client(user).get("/api/story/users/alice/active"))["data"]]
        for user in ("alice", "bob", "zoe")
    }
    assert seen == {"alice": [public, friends, private], "bob": [public, friends], "zoe": [public]}


@pytest.mark.parametrize("of", ["nobody-yet", "blocker", "blocked"])
async def test_of_the_unknown_and_the_blocked_there_is_nothing_active(town: Town, of: str) -> None:
    for owner in ("blocker", "blocked"):
        await town.post_text(owner, visibility="Public")
    await town.stage.block("blocker", "alice")
    await town.stage.block("alice", "blocked")
    assert ok(await town.client("alice").get(f"/api/story/users/{of}/active")) == {"success": True, "data": []}


@pytest.mark.says(
    "story:engagement story-rings-indicate ",
    "story:rings check-which-users used-display-story display-story-ring show-which-friends filter-users-active ",
    "story:rings loading-user-list refreshing-story-ring displaying-friend-list batch-checking-story request ",
    "story:rings response ",
    "story:privacy story-rings-only ",
    "story:engagement story-rings-indicate",
    "story:rings check-which-users used-display-story display-story-ring show-which-friends filter-users-active",
    "story:rings loading-user-list refreshing-story-ring displaying-friend-list batch-checking-story request",
    "story:rings response",
    "story:privacy story-rings-only",
)
@pytest.mark.attack(22)
async def test_rings_tell_who_of_a_list_has_something_to_see(town: Town) -> None:
    for owner in ("anna", "ben", "carl"):
        await town.befriend("me", owner)
    story_id = await town.post_text("anna")
    await town.post_text("carl")
    await town.post_text("stranger")
    await town.post_text("dora", visibility="OnlyMe")
    me = town.client("me")
    ok(await me.post(f"/api/story/{story_id}/views", json={"viewDurationSeconds": 3}))
    asked = ["anna", "ben", "carl", "stranger", "dora", "never-seen", "anna"]
    answer = ok(await me.post("/api/story/check-active", params={"requestingUserId": "me"}, json=asked))
    assert answer["data"] == {
        "anna": True,
        "ben": False,
        "carl": True,
        "stranger": False,
        "dora": False,
        "never-seen": False,
    }
    assert answer["unseen"] == {**dict.fromkeys(asked, False), "carl": True}
    ok(await me.post("/api/story/check-active", json=[]))


@pytest.mark.says("story:rings performance-optimized-batch ", "story:rings performance-optimized-batch")
@pytest.mark.attack(22)
async def test_rings_are_told_for_up_to_1000_users(town: Town) -> None:
    users = [f"user-{number}" for number in range(1_001)]
    me = town.client("me")
    assert len(ok(await me.post("/api/story/check-active", json=users[:1_000]))["data"]) == 1_000
    refused(await me.post("/api/story/check-active", json=users), 400, "invalid_request")


@pytest.mark.says(
    "story:history get-paginated-history used-viewing-past view-own-story browse-past-stories review-story-archive ",
    "story:history access-expired-stories user-wants-see browsing-past-stories reviewing-story-archive ",
    "story:history accessing-expired-stories request ",
    "story:history get-paginated-history used-viewing-past view-own-story browse-past-stories review-story-archive",
    "story:history access-expired-stories user-wants-see browsing-past-stories reviewing-story-archive",
    "story:history accessing-expired-stories request",
)
async def test_history_holds_every_story_of_the_owner_that_was_not_deleted(town: Town) -> None:
    alice = town.client("alice")
    ids = [await town.post_text("alice", content=f"story {number}", visibility="OnlyMe") for number in range(5)]
    await town.pass_time(ids[0], 86_400)
    ok(await alice.post(f"/api/story/{ids[1]}/archive"))
    ok(await alice.delete(f"/api/story/{ids[2]}"))
    kept = [ids[4], ids[3], ids[1], ids[0]]
    query: dict[str, Any] = {"requestingUserId": "alice", "page": 1, "pageSize": 3}
    first = ok(await alice.get("/api/story/users/alice/history", params=query))["data"]
    second = ok(await alice.get("/api/story/users/alice/history", params={**query, "page": 2}))["data"]
    assert first.keys() == PAGE
    assert (first["page"], first["pageSize"], first["totalCount"], first["totalPages"]) == (1, 3, 4, 2)
    assert [card["storyId"] for card in first["stories"] + second["stories"]] == kept
    assert all(card.keys() == OWNER_CARD for card in first["stories"])
    beyond = ok(await alice.get("/api/story/users/alice/history", params={"page": 3, "pageSize": 3}))["data"]
    assert (beyond["stories"], beyond["totalCount"]) == ([], 4)
    usual = ok(await alice.get("/api/story/users/alice/history"))["data"]
    assert (usual["page"], usual["pageSize"], len(usual["stories"])) == (1, 20, 4)


@pytest.mark.says(
    "story:archived get-paginated-list includes-both-manually view-archived-stories browse-expired-stories ",
    "story:archived review-story-archive access-manually-archived user-wants-see browsing-story-archive ",
    "story:archived reviewing-past-content request ",
    "story:archived get-paginated-list includes-both-manually view-archived-stories browse-expired-stories",
    "story:archived review-story-archive access-manually-archived user-wants-see browsing-story-archive",
    "story:archived reviewing-past-content request",
)
async def test_the_archive_holds_what_was_archived_by_hand_and_what_has_expired(town: Town) -> None:
    alice = town.client("alice")
    by_hand, by_clock = await town.post_text("alice"), await town.post_text("alice")
    await town.post_text("alice")
    ok(await alice.post(f"/api/story/{by_hand}/archive"))
    await town.pass_time(by_clock, 86_400)
    data = ok(await alice.get("/api/story/users/alice/archived", params={"requestingUserId": "alice"}))["data"]
    assert data.keys() == PAGE
    assert (data["totalCount"], data["totalPages"]) == (2, 1)
    told = {card["storyId"]: (card["status"], card["archiveReason"]) for card in data["stories"]}
    assert told == {by_hand: ("Archived", "manual"), by_clock: ("Archived", "expired")}
    assert all(TIME.fullmatch(card["archivedAt"]) for card in data["stories"])


@pytest.mark.says(
    "story:history only-accessible-story only-story-owner requestinguserid-required-must ",
    "story:archived only-story-owner ",
    "story:history only-accessible-story only-story-owner requestinguserid-required-must",
    "story:archived only-story-owner",
)
@pytest.mark.attack(9, 10)
@pytest.mark.parametrize("which", ["history", "archived"])
async def test_only_the_story_owner_reads_their_history_and_archive(town: Town, which: str) -> None:
    path, bob = f"/api/story/users/alice/{which}", town.client("bob")
    await town.post_text("alice", visibility="Public")
    refused(await bob.get(path, params={"requestingUserId": "alice"}), 403, "identity_mismatch")
    refused(await bob.get(path, params={"requestingUserId": "bob"}), 403, "owner_only")
    refused(await bob.get(path), 403, "owner_only")
    ok(await town.service().get(path))


@pytest.mark.attack(20)
async def test_an_empty_part_of_a_path_leads_nowhere(town: Town) -> None:
    story_id = await town.post_text("alice")
    alice = town.client("alice")
    for path in (f"/api/story/{story_id}/", f"/api/story//{story_id}", f"//api/story/{story_id}", "/health/live/"):
        refused(await alice.get(f"{town.url}{path}"), 404, "not_found")

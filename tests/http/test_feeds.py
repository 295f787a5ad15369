"""Feeds: who is in them, what comes first, and how pages fit together, as the published API description has it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.http.town import CARD, Town, ok, refused

SCORES = {"recencyScore", "interactionScore", "relationshipScore", "popularityScore"}


async def _scores(town: Town, user: str = "me") -> dict[str, dict[str, float]]:
    """What a user's feed says of each story, by its author."""
    response = await town.client(user).get(
        f"/api/story/feed/{user}/recommended", params={"includeScoreDetails": "true"}
    )
    return {
        story["userId"]: {**story["scoreDetails"], "total": story["recommendationScore"]}
        for story in ok(response)["data"]["stories"]
    }


@pytest.mark.says(
    "story:ranking ml-powered-recommendation  ",
    "story:system connects-recommendation-system  ",
    "story:overview view-personalized-story  ",
    "story:recommended get-personalized-story display-personalized-story loading-story-feed  ",
    "story:recommended displaying-personalized-story request response  ",
    "story:summary-recommended endpoint-get-api get-personalized-story personalized-recommendations  ",
    "story:summary-recommended loading-story-feed  ",
    "story:ranking ml-powered-recommendation ",
    "story:system connects-recommendation-system ",
    "story:overview view-personalized-story ",
    "story:recommended get-personalized-story display-personalized-story loading-story-feed ",
    "story:recommended displaying-personalized-story request response ",
    "story:summary-recommended endpoint-get-api get-personalized-story personalized-recommendations ",
    "story:summary-recommended loading-story-feed ",
    "story:ranking ml-powered-recommendation",
    "story:system connects-recommendation-system",
    "story:overview view-personalized-story",
    "story:recommended get-personalized-story display-personalized-story loading-story-feed",
    "story:recommended displaying-personalized-story request response",
    "story:summary-recommended endpoint-get-api get-personalized-story personalized-recommendations",
    "story:summary-recommended loading-story-feed",
)
async def test_the_recommended_feed_is_shaped_as_the_description_shows(town: Town) -> None:
    await town.befriend("me", "john")
    story_id = await town.post_image("john", caption="At the beach!")
    query: dict[str, Any] = {"limit": 50, "skip": 0, "includeScoreDetails": "true"}
    data = ok(await town.client("me").get("/api/story/feed/me/recommended", params=query))["data"]
    assert data.keys() == {"stories", "totalCount", "nextCursor"}
    assert (data["totalCount"], data["nextCursor"]) == (1, None)
    (card,) = data["stories"]
    assert card.keys() == CARD | {"recommendationScore", "scoreDetails"}
    assert (card["storyId"], card["userId"], card["caption"]) == (story_id, "john", "At the beach!")
    assert card["scoreDetails"].keys() == SCORES
    for score in (card["recommendationScore"], *card["scoreDetails"].values()):
        assert 0 <= score <= 100
        assert round(score, 1) == score


@pytest.mark.says(
    "story:recommended stories-ranked-based includescoredetails-optional-include  ",
    "story:architecture recommendation-workers-calculate  ",
    "story:recommended stories-ranked-based includescoredetails-optional-include ",
    "story:architecture recommendation-workers-calculate ",
    "story:recommended stories-ranked-based includescoredetails-optional-include",
    "story:architecture recommendation-workers-calculate",
)
async def test_score_details_come_only_if_asked_for(town: Town) -> None:
    await town.befriend("me", "john")
    await town.post_text("john")
    for query in ({}, {"includeScoreDetails": "false"}):
        data = ok(await town.client("me").get("/api/story/feed/me/recommended", params=query))["data"]
        assert data["stories"][0].keys() == CARD | {"recommendationScore"}


async def test_an_empty_feed_is_no_error(town: Town) -> None:
    me = town.client("me")
    empty = {"stories": [], "totalCount": 0, "nextCursor": None}
    assert ok(await me.get("/api/story/feed/me/recommended"))["data"] == empty
    assert ok(await me.get("/api/story/feed/me"))["data"] == {"stories": [], "totalCount": 0}


@pytest.mark.says(
    "story:ranking prioritizes-stories-close  ",
    "story:recommended show-stories-close relationship-score-close  ",
    "story:summary-recommended relationship-based-ranking  ",
    "story:ranking prioritizes-stories-close ",
    "story:recommended show-stories-close relationship-score-close ",
    "story:summary-recommended relationship-based-ranking ",
    "story:ranking prioritizes-stories-close",
    "story:recommended show-stories-close relationship-score-close",
    "story:summary-recommended relationship-based-ranking",
)
async def test_stories_of_close_friends_rank_higher(town: Town) -> None:
    for friend in ("close", "plain"):
        await town.befriend("me", friend)
        await town.post_text(friend)
    await town.stage.mark_close("close", "me")
    scores = await _scores(town)
    assert scores["close"]["relationshipScore"] > scores["plain"]["relationshipScore"]
    assert scores["close"]["total"] > scores["plain"]["total"]


@pytest.mark.says(
    "story:ranking prioritizes-stories-close considers-relationship-strength  ",
    "story:recommended prioritize-content-user interaction-score-stories  ",
    "story:summary-recommended interaction-history-considered  ",
    "story:view analytics-used-recommendation  ",
    "story:ranking prioritizes-stories-close considers-relationship-strength ",
    "story:recommended prioritize-content-user interaction-score-stories ",
    "story:summary-recommended interaction-history-considered ",
    "story:view analytics-used-recommendation ",
    "story:ranking prioritizes-stories-close considers-relationship-strength",
    "story:recommended prioritize-content-user interaction-score-stories",
    "story:summary-recommended interaction-history-considered",
    "story:view analytics-used-recommendation",
)
async def test_stories_of_those_the_user_engages_with_rank_higher(town: Town) -> None:
    me = town.client("me")
    for friend in ("often", "never"):
        await town.befriend("me", friend)
        seen = await town.post_text(friend)
        if friend == "often":
            ok(await me.post(f"/api/story/{seen}/views", json={"viewDurationSeconds": 5}))
            ok(await me.post(f"/api/story/{seen}/reactions", json={"reaction": "love"}))
            ok(await me.post(f"/api/story/{seen}/replies", json={"content": "Great story!"}), 201)
        ok(await town.client(friend).post(f"/api/story/{seen}/archive"))
        await town.post_text(friend)
    scores = await _scores(town)
    assert scores["often"]["interactionScore"] > scores["never"]["interactionScore"]
    assert scores["often"]["total"] > scores["never"]["total"]


@pytest.mark.says(
    "story:ranking balances-recency-personalization  ",
    "story:recommended balance-recency-personalization recency-score-newer  ",
    "story:ranking balances-recency-personalization ",
    "story:recommended balance-recency-personalization recency-score-newer ",
    "story:ranking balances-recency-personalization",
    "story:recommended balance-recency-personalization recency-score-newer",
)
async def test_newer_stories_get_priority(town: Town) -> None:
    for friend in ("new", "old"):
        await town.befriend("me", friend)
    await town.post_text("new")
    await town.pass_time(await town.post_text("old"), 8 * 3_600)
    scores = await _scores(town)
    assert scores["new"]["recencyScore"] > 99
    assert scores["old"]["recencyScore"] < 51
    assert list(scores) == ["new", "old"]


@pytest.mark.says(
    "story:recommended popularity-score-trending  ",
    "story:recommended popularity-score-trending ",
    "story:recommended popularity-score-trending",
)
async def test_trending_stories_of_the_network_rank_higher(town: Town) -> None:
    ids = {}
    for friend in ("trending", "quiet"):
        await town.befriend("me", friend)
        ids[friend] = await town.post_text(friend, visibility="Public")
    for fan in ("f1", "f2", "f3"):
        story = f"/api/story/{ids['trending']}"
        ok(await town.client(fan).post(f"{story}/views", json={"viewDurationSeconds": 5}))
        ok(await town.client(fan).post(f"{story}/reactions", json={"reaction": "love"}))
    scores = await _scores(town)
    assert scores["trending"]["popularityScore"] > scores["quiet"]["popularityScore"]
    assert list(scores) == ["trending", "quiet"]


@pytest.mark.says(
    "story:live shows-what-friends provides-live-current  ",
    "story:lifecycle visibility-story-appears  ",
    "story:processing story-appears-feeds  ",
    "story:flow story-appears-feeds  ",
    "story:live shows-what-friends provides-live-current ",
    "story:lifecycle visibility-story-appears ",
    "story:processing story-appears-feeds ",
    "story:flow story-appears-feeds ",
    "story:live shows-what-friends provides-live-current",
    "story:lifecycle visibility-story-appears",
    "story:processing story-appears-feeds",
    "story:flow story-appears-feeds",
)
async def test_a_feed_holds_what_friends_share_and_what_was_shared_with_the_user_by_name(town: Town) -> None:
    for friend in ("friend", "muted", "private", "blocked"):
        await town.befriend("me", friend)
    wanted = {await town.post_text("friend"), await town.post_text("friend", visibility="Public")}
    wanted.add(await town.post_text("lister", visibility="Custom", allowedUserIds=["me"]))
    await town.post_text("me")
    await town.post_text("muted")
    await town.post_text("private", visibility="OnlyMe")
    await town.post_text("stranger", visibility="Public")
    await town.post_text("blocked", visibility="Public")
    over, away, gone = [await town.post_text("friend") for _ in range(3)]
    await town.pass_time(over, 86_400)
    ok(await town.client("friend").post(f"/api/story/{away}/archive"))
    ok(await town.client("friend").delete(f"/api/story/{gone}"))
    await town.stage.mute("me", "muted")
    await town.stage.block("blocked", "me")
    assert set(await town.feed("me")) == wanted
    legacy = ok(await town.client("me").get("/api/story/feed/me"))["data"]
    assert {story["storyId"] for story in legacy["stories"]} == wanted
    assert legacy["totalCount"] == len(wanted)


@pytest.mark.says(
    "story:recommended recommended-endpoint-story  ",
    "story:feed get-active-stories endpoint-deprecated-favor use-feed-userid request  ",
    "story:for-developers recommendations-use-recommended  ",
    "story:recommended recommended-endpoint-story ",
    "story:feed get-active-stories endpoint-deprecated-favor use-feed-userid request ",
    "story:for-developers recommendations-use-recommended ",
    "story:recommended recommended-endpoint-story",
    "story:feed get-active-stories endpoint-deprecated-favor use-feed-userid request",
    "story:for-developers recommendations-use-recommended",
)
async def test_the_legacy_feed_is_ordered_by_creation_time_and_says_that_it_is_deprecated(town: Town) -> None:
    await town.befriend("me", "john")
    ids = [await town.post_text("john", content=f"story {number}") for number in range(4)]
    me = town.client("me")
    response = await me.get("/api/story/feed/me", params={"limit": 50})
    stories = ok(response)["data"]["stories"]
    assert [story["storyId"] for story in stories] == ids[::-1]
    assert all(story.keys() == CARD for story in stories)
    assert response.headers["deprecation"].startswith("@")
    successor = f'<{town.url}/api/story/feed/me/recommended>; rel="successor-version"'
    assert response.headers["link"] == successor
    page = ok(await me.get("/api/story/feed/me", params={"limit": 2, "skip": 1}))["data"]
    assert [story["storyId"] for story in page["stories"]] == [ids[2], ids[1]]
    assert page["totalCount"] == 4


@pytest.mark.says("story:recommended limit-optional-stories skip-optional-stories")
async def test_a_page_begins_at_the_start_and_has_fifty_stories_unless_said(town: Town) -> None:
    await town.befriend("me", "friend")
    for number in range(51):
        await town.stage.post_text("friend", text=f"story {number}")
    for path in ("/api/story/feed/me/recommended", "/api/story/feed/me"):
        usual = ok(await town.client("me").get(path))["data"]
        assert (len(usual["stories"]), usual["totalCount"]) == (50, 51)
        assert usual["stories"][0]["content"] == "story 50"
        assert len(ok(await town.client("me").get(path, params={"limit": 100}))["data"]["stories"]) == 51


@pytest.mark.says(
    "story:recommended skip-optional-stories  ",
    "story:summary-recommended pagination-support  ",
    "story:for-developers pagination-always-paginate  ",
    "story:recommended skip-optional-stories ",
    "story:summary-recommended pagination-support ",
    "story:for-developers pagination-always-paginate ",
    "story:recommended skip-optional-stories",
    "story:summary-recommended pagination-support",
    "story:for-developers pagination-always-paginate",
)
async def test_pages_by_skip_go_on_in_one_order_whatever_happens_meanwhile(town: Town) -> None:
    await town.befriend("me", "john")
    ids = {await town.post_text("john", content=f"story {number}") for number in range(6)}
    first = await town.feed("me", limit=2)
    await town.post_text("john", content="newer than all")
    second = await town.feed("me", limit=2, skip=2)
    third = await town.feed("me", limit=2, skip=4)
    assert len({*first, *second, *third}) == 6
    assert {*first, *second, *third} == ids
    assert await town.feed("me", limit=2, skip=6) == []
    assert len(await town.feed("me")) == 7


@pytest.mark.says(
    "story:recommended implementing-infinite-scroll  ",
    "story:summary-recommended pagination-support  ",
    "story:for-developers pagination-always-paginate  ",
    "story:recommended implementing-infinite-scroll ",
    "story:summary-recommended pagination-support ",
    "story:for-developers pagination-always-paginate ",
    "story:recommended implementing-infinite-scroll",
    "story:summary-recommended pagination-support",
    "story:for-developers pagination-always-paginate",
)
async def test_a_cursor_goes_on_where_a_page_has_ended_and_what_dies_leaves_no_hole(town: Town) -> None:
    await town.befriend("me", "john")
    for number in range(6):
        await town.post_text("john", content=f"story {number}")
    me = town.client("me")
    first: dict[str, Any] = ok(await me.get("/api/story/feed/me/recommended", params={"limit": 2}))["data"]
    assert first["totalCount"] == 6
    ranked = await town.feed("me")
    seen = [story["storyId"] for story in first["stories"]]
    left = [story_id for story_id in ranked if story_id not in seen]
    ok(await town.client("john").delete(f"/api/story/{left[0]}"))
    query = {"limit": 3, "cursor": first["nextCursor"]}
    second = ok(await me.get("/api/story/feed/me/recommended", params=query))["data"]
    assert [story["storyId"] for story in second["stories"]] == left[1:]
    assert second["nextCursor"] is None


@pytest.mark.says(
    "story:recommended userid-required-current  ",
    "story:recommended userid-required-current ",
    "story:recommended userid-required-current",
)
async def test_a_feed_is_its_users_alone(town: Town) -> None:
    bob = town.client("bob")
    for path in ("/api/story/feed/alice", "/api/story/feed/alice/recommended"):
        refused(await bob.get(path), 403, "owner_only")
        refused(await bob.get(path, params={"userId": "alice"}), 403, "identity_mismatch")
        ok(await town.service().get(path))


async def test_a_cursor_that_the_service_has_not_made_is_refused(town: Town) -> None:
    me = town.client("me")
    for cursor in ("", "nonsense", "0" * 32, "0" * 32 + "-x", "\x00", "0" * 32 + "-" + "9" * 40):
        response = await me.get("/api/story/feed/me/recommended", params={"cursor": cursor})
        refused(response, 400, "cursor_invalid")


@pytest.mark.parametrize("user", ["用户", "a>b,c", "é"])
async def test_a_user_of_any_name_has_a_feed_and_a_place_to_upload_to(town: Town, user: str) -> None:
    client = town.client(user)
    feed = await client.get(f"/api/story/feed/{quote(user)}")
    assert feed.status_code == 200
    successor = feed.headers["Link"].partition("<")[2].partition(">")[0]
    assert ok(await client.get(successor))["data"]["stories"] == []
    begun = await client.post(f"/api/story/users/{quote(user)}/uploads", json={"size": 10, "mimeType": "image/png"})
    url = begun.json()["data"]["uploadUrl"]
    assert url.isascii()
    refused(await client.put(url, content=b"x" * 10), 415, "unsupported_media_type")

"""Views, reactions, replies and viewers, as the published API description has it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.town import TIME, UUID, Town, ok, refused

VIEWER = {
    *("userId", "username", "fullName", "avatarUrl", "viewedAt", "viewDurationSeconds", "viewQuality"),
    *("hasReacted", "hasReplied", "reaction", "shared"),
}
REPLY = {"replyId", "storyId", "from", "to", "username", "fullName", "avatarUrl", "content", "createdAt"}


async def _view(town: Town, story_id: str, user: str, seconds: float = 15) -> dict[str, Any]:
    return ok(await town.client(user).post(f"/api/story/{story_id}/views", json={"viewDurationSeconds": seconds}))


async def _react(town: Town, story_id: str, user: str, reaction: str) -> dict[str, Any]:
    return ok(await town.client(user).post(f"/api/story/{story_id}/reactions", json={"reaction": reaction}))


async def _reply(town: Town, story_id: str, user: str, content: str, **more: str) -> str:
    body = {"content": content, **more}
    return str(ok(await town.client(user).post(f"/api/story/{story_id}/replies", json=body), 201)["data"]["replyId"])


async def _viewers(town: Town, story_id: str, **query: Any) -> dict[str, Any]:
    return ok(await town.client("alice").get(f"/api/story/{story_id}/viewers", params=query))


@pytest.fixture
async def story_id(town: Town) -> str:
    """A story of Alice's that all may see."""
    return await town.post_text("alice", visibility="Public")


@pytest.mark.says(
    "story:lifecycle viewing-users-view ",
    "story:storage view-tracking-interaction ",
    "story:view track-when-user track-story-views user-opens-story story-displayed-viewer tracking-story-engagement ",
    "story:view updating-view-counts first-view-creates request viewdurationseconds-required-how response ",
    "story:flow users-view-story ",
    "story:summary-view endpoint-post-api user-views-story ",
    "story:for-users engage-stories-view ",
    "story:lifecycle viewing-users-view",
    "story:storage view-tracking-interaction",
    "story:view track-when-user track-story-views user-opens-story story-displayed-viewer tracking-story-engagement",
    "story:view updating-view-counts first-view-creates request viewdurationseconds-required-how response",
    "story:flow users-view-story",
    "story:summary-view endpoint-post-api user-views-story",
    "story:for-users engage-stories-view",
)
async def test_a_view_is_tracked(town: Town, story_id: str) -> None:
    response = await town.client("bob").post(
        f"/api/story/{story_id}/views", params={"userId": "bob"}, json={"viewDurationSeconds": 15}
    )
    assert ok(response) == {"success": True, "message": "Story view tracked successfully"}
    card = await town.card(story_id, "bob")
    assert (card["viewCount"], card["isViewed"]) == (1, True)


@pytest.mark.says(
    "story:view prevents-duplicate-view record-view-duration prevent-duplicate-view subsequent-views-updates ",
    "story:summary-view prevents-duplicate-views tracks-view-duration ",
    "story:view prevents-duplicate-view record-view-duration prevent-duplicate-view subsequent-views-updates",
    "story:summary-view prevents-duplicate-views tracks-view-duration",
)
async def test_later_views_count_no_more_and_the_longest_duration_is_kept(town: Town, story_id: str) -> None:
    await _view(town, story_id, "bob", 2)
    (first,) = (await _viewers(town, story_id))["data"]
    for seconds in (3.75, 1, 0):
        await _view(town, story_id, "bob", seconds)
    (viewer,) = (await _viewers(town, story_id))["data"]
    assert (viewer["viewDurationSeconds"], viewer["viewedAt"]) == (3.75, first["viewedAt"])
    assert (await town.card(story_id))["viewCount"] == 1
    assert [event.type for event in await town.events(story_id)].count("story.viewed") == 1


@pytest.mark.says(
    "story:analytics tracks-story-views ",
    "story:view records-view-timestamp calculate-view-quality view-quality-calculated ",
    "story:summary-view track-story-views calculates-view-quality ",
    "story:analytics tracks-story-views",
    "story:view records-view-timestamp calculate-view-quality view-quality-calculated",
    "story:summary-view track-story-views calculates-view-quality",
)
@pytest.mark.parametrize(
    ("seconds", "quality"),
    [(0, "Low"), (1.24, "Low"), (1.25, "Medium"), (3.74, "Medium"), (3.75, "High"), (3_600, "High")],
)
async def test_view_quality_is_how_much_of_the_story_was_watched(
    town: Town, story_id: str, seconds: float, quality: str
) -> None:
    await _view(town, story_id, "bob", seconds)
    viewers = await _viewers(town, story_id)
    assert viewers["data"][0]["viewQuality"] == quality
    assert viewers["insights"]["quality"] == {"Low": 0, "Medium": 0, "High": 0, quality: 1}


async def test_the_owners_own_view_is_answered_and_not_recorded(town: Town, story_id: str) -> None:
    assert (await _view(town, story_id, "alice"))["message"] == "Story view tracked successfully"
    assert (await town.card(story_id))["viewCount"] == 0
    assert (await _viewers(town, story_id))["data"] == []


@pytest.mark.says(
    "story:engagement interactive-features-reactions ",
    "story:overview react-reply-stories ",
    "story:flow users-react-reply ",
    "story:react add-reaction-story reactions-allow-users user-likes-story express-emotions-about ",
    "story:react quick-engagement-without show-appreciation-story user-taps-reaction quick-engagement-gesture ",
    "story:react expressing-feelings-about reaction-types-like request response ",
    "story:summary-react endpoint-post-api add-reactions-stories multiple-reaction-types quick-engagement ",
    "story:summary-react updates-reaction-counts user-reacts-story ",
    "story:for-users engage-stories-view ",
    "story:engagement interactive-features-reactions",
    "story:overview react-reply-stories",
    "story:flow users-react-reply",
    "story:react add-reaction-story reactions-allow-users user-likes-story express-emotions-about",
    "story:react quick-engagement-without show-appreciation-story user-taps-reaction quick-engagement-gesture",
    "story:react expressing-feelings-about reaction-types-like request response",
    "story:summary-react endpoint-post-api add-reactions-stories multiple-reaction-types quick-engagement",
    "story:summary-react updates-reaction-counts user-reacts-story",
    "story:for-users engage-stories-view",
)
@pytest.mark.parametrize("reaction", ["like", "love", "haha", "dislike", "share", "LIKE", "hAhA"])
async def test_a_reaction_is_added(town: Town, story_id: str, reaction: str) -> None:
    response = await town.client("bob").post(
        f"/api/story/{story_id}/reactions", params={"userId": "bob"}, json={"reaction": reaction}
    )
    assert ok(response) == {"success": True, "message": "Reaction added successfully"}
    card, kind = await town.card(story_id, "bob"), reaction.lower()
    assert (card["reactionCount"], card["reactionCounts"]) == (1, {kind: 1})
    assert (card["myReaction"], card["shared"]) == ((None, True) if kind == "share" else (kind, False))
    assert (card["viewCount"], card["isViewed"]) == (0, False)


@pytest.mark.says("story:lifecycle interactions-users-react ", "story:lifecycle interactions-users-react")
async def test_a_feeling_replaces_the_one_before_and_share_stands_beside_it(town: Town, story_id: str) -> None:
    for reaction in ("like", "like", "share", "love", "share"):
        await _react(town, story_id, "bob", reaction)
    card = await town.card(story_id, "bob")
    assert card["reactionCounts"] == {"love": 1, "share": 1}
    assert (card["reactionCount"], card["myReaction"], card["shared"]) == (2, "love", True)
    assert [event.type for event in await town.events(story_id)].count("story.reacted") == 3


async def test_a_reaction_is_taken_back(town: Town, story_id: str) -> None:
    bob, path = town.client("bob"), f"/api/story/{story_id}/reactions"
    ok(await bob.delete(path))
    for reaction in ("like", "share"):
        await _react(town, story_id, "bob", reaction)
    ok(await bob.delete(path, params={"reaction": "love"}))
    assert (await town.card(story_id, "bob"))["reactionCounts"] == {"like": 1, "share": 1}
    ok(await bob.delete(path, params={"reaction": "SHARE"}))
    assert (await town.card(story_id, "bob"))["reactionCounts"] == {"like": 1}
    await _react(town, story_id, "bob", "share")
    ok(await bob.delete(path))
    card = await town.card(story_id, "bob")
    assert (card["reactionCounts"], card["myReaction"], card["shared"]) == ({}, None, False)
    refused(await bob.delete(path, params={"reaction": "heart"}), 400, "invalid_request")


async def test_sharing_widens_no_audience(town: Town) -> None:
    await town.befriend("alice", "bob")
    hidden = await town.post_text("alice")
    await _react(town, hidden, "bob", "share")
    refused(await town.client("carol").get(f"/api/story/{hidden}"), 404, "story_not_found")


@pytest.mark.says(
    "story:engagement interactive-features-reactions ",
    "story:overview react-reply-stories ",
    "story:flow users-react-reply ",
    "story:lifecycle interactions-users-react ",
    "story:reply send-direct-message replies-sent-as comment-someones-story ask-questions-about ",
    "story:reply provide-feedback-privately user-wants-comment asking-questions-about private-engagement-story ",
    "story:reply replies-sent-as-direct request ",
    "story:for-users engage-stories-view ",
    "story:engagement interactive-features-reactions",
    "story:overview react-reply-stories",
    "story:flow users-react-reply",
    "story:lifecycle interactions-users-react",
    "story:reply send-direct-message replies-sent-as comment-someones-story ask-questions-about",
    "story:reply provide-feedback-privately user-wants-comment asking-questions-about private-engagement-story",
    "story:reply replies-sent-as-direct request",
    "story:for-users engage-stories-view",
)
async def test_a_reply_is_a_private_message_to_the_owner(town: Town, story_id: str) -> None:
    response = await town.client("bob", name="Bob B").post(
        f"/api/story/{story_id}/replies", json={"content": "Great story!"}
    )
    body = ok(response, 201)
    assert body["data"].keys() == {"replyId"}
    assert UUID.fullmatch(body["data"]["replyId"])
    (reply,) = ok(await town.client("alice").get(f"/api/story/{story_id}/replies"))["data"]["replies"]
    assert reply.keys() == REPLY
    assert (reply["from"], reply["to"], reply["content"]) == ("bob", "alice", "Great story!")
    assert (reply["fullName"], reply["storyId"]) == ("Bob B", story_id)
    assert TIME.fullmatch(reply["createdAt"])
    for reader in ("alice", "bob", "carol"):
        card = await town.card(story_id, reader)
        assert card["replyCount"] == 1
        assert "Great story!" not in str(card)


async def test_a_replier_reads_their_own_thread_and_the_owner_all(town: Town, story_id: str) -> None:
    await _reply(town, story_id, "bob", "from bob")
    await _reply(town, story_id, "carol", "from carol")
    await _reply(town, story_id, "alice", "to bob", to="bob")
    read = {
        user: [
            reply["content"]
            for reply in ok(await town.client(user).get(f"/api/story/{story_id}/replies"))["data"]["replies"]
        ]
        for user in ("alice", "bob", "carol", "dora")
    }
    assert read == {
        "alice": ["from bob", "from carol", "to bob"],
        "bob": ["from bob", "to bob"],
        "carol": ["from carol"],
        "dora": [],
    }


@pytest.mark.says(
    "story:reply engage-conversation-about ",
    "story:tips engage-back-reply ",
    "story:reply engage-conversation-about",
    "story:tips engage-back-reply",
)
async def test_the_owner_answers_in_a_thread_and_only_there(town: Town, story_id: str) -> None:
    alice, path = town.client("alice"), f"/api/story/{story_id}/replies"
    refused(await alice.post(path, json={"content": "To myself"}), 409, "own_story")
    refused(await alice.post(path, json={"content": "Out of the blue", "to": "bob"}), 400, "invalid_request")
    refused(await town.client("bob").post(path, json={"content": "Psst", "to": "carol"}), 400, "invalid_request")
    await _reply(town, story_id, "bob", "Hello")
    await _reply(town, story_id, "alice", "Hello yourself", to="bob")


async def test_replies_are_listed_across_stories_by_direction(town: Town, story_id: str) -> None:
    another = await town.post_text("alice", visibility="Public")
    await _reply(town, story_id, "bob", "one")
    await _reply(town, another, "bob", "two")
    await _reply(town, another, "alice", "three", to="bob")

    async def contents(user: str, **query: Any) -> list[str]:
        data = ok(await town.client(user).get(f"/api/story/users/{user}/replies", params=query))["data"]
        return [reply["content"] for reply in data["replies"]]

    assert await contents("alice") == ["two", "one"]
    assert await contents("alice", direction="received", pageSize=1, page=2) == ["one"]
    assert await contents("alice", direction="sent") == ["three"]
    assert await contents("bob", direction="sent") == ["two", "one"]
    assert await contents("bob", direction="received") == ["three"]
    refused(await town.client("bob").get("/api/story/users/alice/replies"), 403, "owner_only")


async def test_replies_outlive_the_story_for_those_who_wrote_them(town: Town, story_id: str) -> None:
    await _reply(town, story_id, "bob", "Hello")
    await town.pass_time(story_id, 86_400)
    data = ok(await town.client("bob").get(f"/api/story/{story_id}/replies"))["data"]
    assert [reply["content"] for reply in data["replies"]] == ["Hello"]
    refused(await town.client("carol").get(f"/api/story/{story_id}/replies"), 410, "story_expired")


@pytest.mark.says(
    "story:control view-tracking-provides ",
    "story:analytics monitors-reactions-replies provides-insights-into helps-users-understand ",
    "story:overview track-viewed-stories ",
    "story:processing analytics-track-views ",
    "story:viewers get-list-users provides-insights-into see-viewed-story check-view-engagement ",
    "story:viewers analyze-story-performance understand-audience story-owner-wants analyzing-story-engagement ",
    "story:viewers checking-watched-content reviewing-story-analytics user-information-name view-timestamp-when ",
    "story:viewers view-duration-how view-quality-engagement interaction-status-reacted request response ",
    "story:summary-view updates-analytics ",
    "story:summary-viewers endpoint-get-api view-details-timestamp interaction-status engagement-metrics ",
    "story:summary-viewers story-owner-wants ",
    "story:for-users check-viewers-review ",
    "story:control view-tracking-provides",
    "story:analytics monitors-reactions-replies provides-insights-into helps-users-understand",
    "story:overview track-viewed-stories",
    "story:processing analytics-track-views",
    "story:viewers get-list-users provides-insights-into see-viewed-story check-view-engagement",
    "story:viewers analyze-story-performance understand-audience story-owner-wants analyzing-story-engagement",
    "story:viewers checking-watched-content reviewing-story-analytics user-information-name view-timestamp-when",
    "story:viewers view-duration-how view-quality-engagement interaction-status-reacted request response",
    "story:summary-view updates-analytics",
    "story:summary-viewers endpoint-get-api view-details-timestamp interaction-status engagement-metrics",
    "story:summary-viewers story-owner-wants",
    "story:for-users check-viewers-review",
)
async def test_the_owner_lists_viewers_as_the_description_shows(town: Town, story_id: str) -> None:
    jane = town.client("jane", preferred_username="janedoe", name="Jane Doe", picture="https://cdn.test/jane.png")
    ok(await jane.post(f"/api/story/{story_id}/views", json={"viewDurationSeconds": 12}))
    ok(await jane.post(f"/api/story/{story_id}/reactions", json={"reaction": "love"}))
    await _view(town, story_id, "bob", 1)
    await _reply(town, story_id, "bob", "Great story!")
    await _react(town, story_id, "never-looked", "share")
    body = await _viewers(town, story_id, requestingUserId="alice")
    assert body.keys() == {
        *("success", "data", "totalViewers", "totalReactions", "totalReplies"),
        *("page", "pageSize", "totalPages", "insights"),
    }
    assert (body["totalViewers"], body["totalReactions"], body["totalReplies"]) == (2, 2, 1)
    assert (body["page"], body["pageSize"], body["totalPages"]) == (1, 20, 1)
    assert body["insights"] == {
        "averageViewDurationSeconds": 6.5,
        "quality": {"Low": 1, "Medium": 0, "High": 1},
        "reactionCounts": {"love": 1, "share": 1},
    }
    bob_row, jane_row = body["data"]
    assert TIME.fullmatch(jane_row.pop("viewedAt"))
    assert jane_row == {
        "userId": "jane",
        "username": "janedoe",
        "fullName": "Jane Doe",
        "avatarUrl": "https://cdn.test/jane.png",
        "viewDurationSeconds": 12,
        "viewQuality": "High",
        "hasReacted": True,
        "hasReplied": False,
        "reaction": "love",
        "shared": False,
    }
    assert bob_row.keys() == VIEWER
    assert (bob_row["userId"], bob_row["hasReacted"], bob_row["hasReplied"]) == ("bob", False, True)


async def test_viewers_are_searched_sorted_and_paged(town: Town, story_id: str) -> None:
    for user, seconds in (("anna", 1), ("ben", 5), ("100%", 3)):
        await _view(town, story_id, user.replace("%", "-percent"), seconds)
    await _react(town, story_id, "ben", "haha")

    async def listed(**query: Any) -> list[str]:
        return [viewer["userId"] for viewer in (await _viewers(town, story_id, **query))["data"]]

    assert await listed() == ["100-percent", "ben", "anna"]
    assert await listed(sort="duration") == ["ben", "100-percent", "anna"]
    assert (await listed(sort="reacted"))[0] == "ben"
    assert await listed(search="NN") == ["anna"]
    assert await listed(search="%") == []
    assert await listed(search="_") == []
    assert await listed(pageSize=2, page=2) == ["anna"]
    page = await _viewers(town, story_id, search="ann", pageSize=1)
    assert (page["totalPages"], page["totalViewers"]) == (1, 3)
    refused(await town.client("alice").get(f"/api/story/{story_id}/viewers?sort=name"), 400, "invalid_parameter")


@pytest.mark.says(
    "story:viewers only-accessible-story only-story-owner ",
    "story:summary-viewers get-list-users ",
    "story:viewers only-accessible-story only-story-owner",
    "story:summary-viewers get-list-users",
)
@pytest.mark.attack(10)
async def test_only_the_story_owner_lists_viewers(town: Town, story_id: str) -> None:
    await _view(town, story_id, "bob")
    refused(await town.client("bob").get(f"/api/story/{story_id}/viewers"), 403, "owner_only")
    hidden = await town.post_text("alice", visibility="OnlyMe")
    refused(await town.client("bob").get(f"/api/story/{hidden}/viewers"), 404, "story_not_found")


@pytest.mark.attack(12)
async def test_nobody_views_reacts_or_replies_in_anothers_name(town: Town, story_id: str) -> None:
    bob, story = town.client("bob"), f"/api/story/{story_id}"
    for path, body in (
        ("views", {"viewDurationSeconds": 1}),
        ("reactions", {"reaction": "like"}),
        ("replies", {"content": "hi"}),
    ):
        response = await bob.post(f"{story}/{path}", params={"userId": "carol"}, json=body)
        refused(response, 403, "identity_mismatch")
    card = await town.card(story_id)
    assert (card["viewCount"], card["reactionCount"], card["replyCount"]) == (0, 0, 0)


async def test_a_service_acts_for_the_user_it_names(town: Town, story_id: str) -> None:
    response = await town.service().post(f"/api/story/{story_id}/views?userId=carol", json={"viewDurationSeconds": 1})
    ok(response)
    assert [viewer["userId"] for viewer in (await _viewers(town, story_id))["data"]] == ["carol"]


@pytest.mark.attack(18)
@pytest.mark.parametrize("ending", ["archived", "expired"])
async def test_an_ended_story_takes_no_views_reactions_or_replies(town: Town, story_id: str, ending: str) -> None:
    await town.befriend("alice", "bob")
    private = await town.post_text("alice", visibility="Friends")
    for each in (story_id, private):
        if ending == "archived":
            ok(await town.client("alice").post(f"/api/story/{each}/archive"))
        else:
            await town.pass_time(each, 86_400)
    before = len(await town.events(story_id))
    for user, story, status, code in (
        ("bob", story_id, 410, "story_expired"),
        ("bob", private, 410, "story_expired"),
        ("stranger", private, 404, "story_not_found"),
    ):
        client, path = town.client(user), f"/api/story/{story}"
        refused(await client.get(path), status, code)
        refused(await client.post(f"{path}/views", json={"viewDurationSeconds": 1}), status, code)
        refused(await client.post(f"{path}/reactions", json={"reaction": "like"}), status, code)
        refused(await client.delete(f"{path}/reactions"), status, code)
        refused(await client.post(f"{path}/replies", json={"content": "late"}), status, code)
    card = await town.card(story_id)
    assert (card["viewCount"], card["reactionCount"], card["replyCount"]) == (0, 0, 0)
    assert len(await town.events(story_id)) == before


@pytest.mark.attack(34)
async def test_what_the_blocked_say_finds_no_story(town: Town, story_id: str) -> None:
    await town.stage.block("alice", "bob")
    bob, path = town.client("bob"), f"/api/story/{story_id}"
    refused(await bob.post(f"{path}/replies", json={"content": "hello?"}), 404, "story_not_found")
    refused(await bob.post(f"{path}/reactions", json={"reaction": "like"}), 404, "story_not_found")
    refused(await bob.post(f"{path}/views", json={"viewDurationSeconds": 1}), 404, "story_not_found")

"""Views, reactions and deletions over the community API; and that the two APIs are two ways to the same stories."""

from __future__ import annotations

from typing import Any

import pytest

from domain.audience import Visibility
from infrastructure.sql.tables import story_reactions, story_views
from tests.http.town import NOBODY, Town, refused

pytestmark = pytest.mark.slow

STORIES = "/client/community/stories"
REACT = "/client/community/react"
REACTIONS = "/client/community/reactions"
PUBLIC = Visibility.PUBLIC


async def post(town: Town, user: str = "alice", **body: Any) -> str:
    """Post a text over the community API; its id."""
    response = await town.client(user).post(STORIES, json={"content": {"text": "Hello"}, **body})
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


async def view(town: Town, story: str, user: str, **claims: Any) -> dict[str, Any]:
    """View a story over the community API; the record of it."""
    response = await town.client(user, **claims).post(f"{STORIES}/{story}/view")
    assert response.status_code == 200, response.text
    record: dict[str, Any] = response.json()
    return record


async def react(town: Town, story: str, user: str, **body: Any) -> dict[str, Any]:
    """React to a story over the community API."""
    response = await town.client(user).post(REACT, json={"targetType": "story", "targetId": story, **body})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    assert answer.keys() == {"targetType", "targetId", "reaction", "reactionCounts"}
    assert (answer["targetType"], answer["targetId"]) == ("story", story)
    return answer


async def counted(town: Town, story: str, user: str | None) -> dict[str, Any]:
    """The reactions to a story, as somebody is told of them."""
    response = await town.client(user).get(REACTIONS, params={"targetType": "story", "targetId": story})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


@pytest.mark.says("community:view request first-alone")
async def test_the_first_view_alone_is_recorded_and_answers_the_record(town: Town) -> None:
    story = await post(town)
    first = await view(town, story, "bob", email="bob@example.org")
    assert (first["id"], first["data"]["isViewed"], first["data"]["viewCount"]) == (story, True, 1)
    assert "views" not in first["data"]
    before = (await town.client("alice").get(f"/data/community_story/{story}")).json()["data"]["views"]
    again = await view(town, story, "bob", email="bob@example.org")
    assert again["data"]["viewCount"] == 1
    after = (await town.client("alice").get(f"/data/community_story/{story}")).json()["data"]["views"]
    assert after == before
    assert [seen["email"] for seen in after] == ["bob@example.org"]
    assert [event.type for event in await town.events(story)].count("story.viewed") == 1


async def test_the_authors_own_view_is_answered_and_not_recorded(town: Town) -> None:
    record = await view(town, await post(town), "alice")
    assert (record["data"]["viewCount"], record["data"]["views"], record["data"]["isViewed"]) == (0, [], False)


async def test_a_view_takes_no_body_or_any_empty_one(town: Town) -> None:
    story, bob = await post(town), town.client("bob")
    empty: tuple[dict[str, Any], ...] = ({}, {"json": {}}, {"content": b""})
    for body in empty:
        assert (await bob.post(f"{STORIES}/{story}/view", **body)).status_code == 200


async def test_a_view_over_one_api_is_a_view_over_the_other(town: Town) -> None:
    over_community, over_stories = await post(town), await town.post_text_as("alice")
    await view(town, over_stories, "bob")
    assert (
        await town.client("bob").post(f"/api/story/{over_community}/views", json={"viewDurationSeconds": 4})
    ).is_success
    (group,) = (await town.client("bob").get(STORIES)).json()
    assert group["hasUnseen"] is False
    for story, seconds, quality in ((over_community, 4, "High"), (over_stories, 0, "Low")):
        card = await town.card(story, "bob")
        assert (card["isViewed"], card["viewCount"]) == (True, 1)
        (viewer,) = (await town.client("alice").get(f"/api/story/{story}/viewers")).json()["data"]
        assert (viewer["userId"], viewer["viewDurationSeconds"], viewer["viewQuality"]) == ("bob", seconds, quality)
        await view(town, story, "bob")
    assert (await town.card(over_community, "bob"))["viewCount"] == 1
    (viewer,) = (await town.client("alice").get(f"/api/story/{over_community}/viewers")).json()["data"]
    assert viewer["viewDurationSeconds"] == 4


async def test_what_is_hidden_cannot_be_viewed_and_what_is_over_is_gone(town: Town) -> None:
    hidden, over = await post(town, visibility="onlyme"), await post(town)
    await town.pass_time(over, 86_400)
    bob = town.client("bob")
    for story, status in ((hidden, 404), (over, 410), (NOBODY, 404), ("nonsense", 404)):
        refused(await bob.post(f"{STORIES}/{story}/view"), status)
        body = {"targetType": "story", "targetId": story, "reaction": "like"}
        refused(await bob.post(REACT, json=body), status)
        refused(await bob.request("DELETE", REACT, params={**body}), status)
        for user in ("bob", None):
            refused(await town.client(user).get(REACTIONS, params={"targetType": "story", "targetId": story}), status)
    refused(await town.client("alice").post(REACT, json={"targetType": "story", "targetId": over, "type": "like"}), 409)
    refused(await town.client().post(f"{STORIES}/{hidden}/view"), 401, "unauthenticated")
    assert (await town.rows(story_views), await town.rows(story_reactions)) == (0, 0)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"reaction": "like"}, "like"),
        ({"reactionType": "Love"}, "love"),
        ({"type": "DISLIKE"}, "dislike"),
        ({"emoji": "laugh"}, "haha"),
        ({"reaction": "Laugh", "emoji": "haha"}, "haha"),
        ({"reaction": None, "type": "share"}, "share"),
    ],
)
async def test_a_reaction_has_other_names(town: Town, body: dict[str, Any], said: str) -> None:
    answer = await react(town, await post(town), "bob", **body)
    assert (answer["reaction"], answer["reactionCounts"]) == (said, {said: 1})


@pytest.mark.attack(32)
async def test_what_is_no_reaction_to_a_story_is_refused(town: Town) -> None:
    story, bob = await post(town), town.client("bob")
    target = {"targetType": "story", "targetId": story}
    bad: tuple[tuple[dict[str, Any], str], ...] = (
        (target, "reaction"),
        ({**target, "reaction": "wow"}, "reaction"),
        ({**target, "emoji": "\u2764"}, "emoji"),
        ({**target, "reaction": "heart"}, "reaction"),
        ({**target, "reaction": ""}, "reaction"),
        ({**target, "reaction": None}, "reaction"),
        ({**target, "reaction": ["like"]}, "reaction"),
        ({**target, "reaction": "like", "type": "love"}, "type"),
        ({**target, "targetType": "post", "reaction": "like"}, "targetType"),
        ({"targetId": story, "reaction": "like"}, "body"),
        ({"targetType": "story", "reaction": "like"}, "body"),
        ({**target, "targetId": 7, "reaction": "like"}, "targetId"),
    )
    for body, field in bad:
        problem = refused(await bob.post(REACT, json=body), 400, "invalid_request")
        assert [error["field"] for error in problem["errors"]] == [field], body
    refused(await bob.post(REACT, content=b"reaction=like"), 415)
    refused(await bob.get(REACTIONS, params={"targetType": "post", "targetId": story}), 400, "invalid_request")
    refused(await bob.get(REACTIONS, params={"targetType": "story"}), 400, "invalid_parameter")
    for query in ({}, {"targetType": "post", "targetId": story}, {"targetId": story}):
        refused(await bob.request("DELETE", REACT, params=query), 400, "invalid_request")
    refused(await bob.request("DELETE", REACT, json={"targetType": "post", "targetId": story}), 400)
    refused(await bob.request("DELETE", REACT, params={**target, "reaction": "wow"}), 400)
    assert await town.rows(story_reactions) == 0
    assert (await react(town, story, "bob", reaction="LIKE"))["reaction"] == "like"


@pytest.mark.says("community:react unified-endpoint")
async def test_reactions_count_alike_over_both_apis(town: Town) -> None:
    story, bob = await post(town), town.client("bob")
    assert (await react(town, story, "bob", reaction="like"))["reactionCounts"] == {"like": 1}
    assert (await react(town, story, "bob", reaction="like"))["reactionCounts"] == {"like": 1}
    assert (await react(town, story, "bob", reaction="share"))["reactionCounts"] == {"like": 1, "share": 1}
    assert (await bob.post(f"/api/story/{story}/reactions", json={"reaction": "love"})).is_success
    assert (await react(town, story, "carol", reaction="laugh"))["reactionCounts"] == {"love": 1, "haha": 1, "share": 1}
    card = await town.card(story, "bob")
    assert (card["myReaction"], card["shared"], card["reactionCount"]) == ("love", True, 3)
    record = (await bob.get(f"/data/community_story/{story}")).json()["data"]
    assert (record["myReaction"], record["reactionCounts"]) == ("love", card["reactionCounts"])
    assert await counted(town, story, "bob") == {
        "targetType": "story",
        "targetId": story,
        "reactionCounts": {"love": 1, "haha": 1, "share": 1},
        "myReaction": "love",
        "shared": True,
    }
    assert (await counted(town, story, "dora"))["myReaction"] is None
    assert await counted(town, story, None) == {
        "targetType": "story",
        "targetId": story,
        "reactionCounts": {"love": 1, "haha": 1, "share": 1},
    }
    (group,) = (await town.client().get(STORIES)).json()
    assert group["stories"][0]["data"]["myReaction"] is None
    assert record["isViewed"] is False  # reacting is no view


async def test_reactions_are_taken_back_one_or_all_by_query_or_by_body(town: Town) -> None:
    story, bob = await post(town), town.client("bob")
    target = {"targetType": "story", "targetId": story}

    async def taken_back(**how: Any) -> dict[str, Any]:
        response = await bob.request("DELETE", REACT, **how)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        assert answer == {"success": True, **target, "reactionCounts": answer["reactionCounts"]}
        counts: dict[str, Any] = answer["reactionCounts"]
        return counts

    await react(town, story, "carol", reaction="like")
    for how in ("params", "json"):
        await react(town, story, "bob", reaction="haha")
        await react(town, story, "bob", reaction="share")
        assert await taken_back(**{how: {**target, "reaction": "love"}}) == {"like": 1, "haha": 1, "share": 1}
        assert await taken_back(**{how: {**target, "reaction": "laugh"}}) == {"like": 1, "share": 1}
        assert await taken_back(**{how: target}) == {"like": 1}
        assert await taken_back(**{how: target}) == {"like": 1}
    assert (await counted(town, story, "bob"))["shared"] is False


@pytest.mark.says("community:delete removes-early author-alone")
async def test_its_author_alone_deletes_a_story_over_either_api(town: Town) -> None:
    seen, hidden, over = await post(town), await post(town, visibility="onlyme"), await post(town)
    await town.pass_time(over, 86_400)
    bob, alice = town.client("bob"), town.client("alice")
    refused(await bob.delete(f"{STORIES}/{seen}"), 403, "owner_only")
    refused(await town.client("root", roles=["admin"]).delete(f"{STORIES}/{seen}"), 403, "owner_only")
    for story in (hidden, NOBODY, "nonsense"):
        refused(await bob.delete(f"{STORIES}/{story}"), 404, "story_not_found")
    refused(await town.client().delete(f"{STORIES}/{seen}"), 401, "unauthenticated")
    for story in (seen, hidden, over):
        response = await alice.delete(f"{STORIES}/{story}")
        assert (response.status_code, response.json()) == (200, {"success": True})
        refused(await alice.delete(f"{STORIES}/{story}"), 404, "story_not_found")
        refused(await alice.get(f"/api/story/{story}"), 404, "story_not_found")
    other = await town.post_text_as("alice")
    assert (await alice.delete(f"{STORIES}/{other}")).is_success


async def test_a_service_posts_views_reacts_and_deletes_for_the_user_it_names(town: Town) -> None:
    service = town.client("app", roles=["service"])
    as_alice, as_bob = {"X-Acting-User": "alice"}, {"X-Acting-User": "bob"}
    made = await service.post(STORIES, json={"content": {"text": "Hi"}}, headers=as_alice)
    story = made.json()["id"]
    assert made.json()["data"]["authorInfo"]["userId"] == "alice"
    assert (await service.post(f"{STORIES}/{story}/view", headers=as_bob)).json()["data"]["isViewed"] is True
    body = {"targetType": "story", "targetId": story, "reaction": "like"}
    assert (await service.post(REACT, json=body, headers=as_bob)).is_success
    assert (await counted(town, story, "bob"))["myReaction"] == "like"
    refused(await service.delete(f"{STORIES}/{story}", headers=as_bob), 403, "owner_only")
    refused(await service.delete(f"{STORIES}/{story}"), 403, "owner_only")
    refused(await town.client("bob").delete(f"{STORIES}/{story}", headers=as_alice), 403, "identity_mismatch")
    assert (await service.delete(f"{STORIES}/{story}", headers=as_alice)).json() == {"success": True}


async def test_nothing_of_one_organisation_is_reached_from_another(town: Town, other: Town) -> None:
    story = await post(town)
    target = {"targetType": "story", "targetId": story}
    bob = other.client("bob")
    refused(await bob.post(f"{STORIES}/{story}/view"), 404, "story_not_found")
    refused(await bob.post(REACT, json={**target, "reaction": "like"}), 404, "story_not_found")
    refused(await bob.request("DELETE", REACT, json=target), 404, "story_not_found")
    for client in (bob, other.client()):
        refused(await client.get(REACTIONS, params=target), 404, "story_not_found")
        assert (await client.get(STORIES)).json() == []
    refused(await other.client("alice").delete(f"{STORIES}/{story}"), 404, "story_not_found")
    refused(await other.client("alice").get(f"/data/community_story/{story}"), 404, "story_not_found")

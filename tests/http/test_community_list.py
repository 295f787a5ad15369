"""The community list and the record: who sees what, in which order and shape, with a token and without."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from domain.audience import Visibility
from domain.values import StoryId
from tests.http.town import TIME, UUID, Town, problem_without_instance, refused

pytestmark = pytest.mark.slow

LIST = "/client/community/stories"
RECORD = {"pk", "sk", "id", "datatype", "version", "state", "createdate", "modifydate", "author", "data"}
DATA = {
    *("author", "authorInfo", "page", "content", "duration", "createdAt", "expiresAt", "viewCount", "reactionCounts"),
    *("isViewed", "myReaction"),
}
CONTENT = {"type", "url", "caption", "text", "backgroundColor"}
INFO = {"firstName", "lastName", "image", "company", "jobTitle", "userId"}
ALICE = {
    "email": "alice@example.org",
    "given_name": "Alice",
    "family_name": "Wonder",
    "picture": "https://cdn.example.com/alice.png",
    "company": "Acme",
    "job_title": "Explorer",
}
PUBLIC = Visibility.PUBLIC


async def known(town: Town) -> httpx.AsyncClient:
    """Alice, whose profile the service knows by now."""
    alice = town.client("alice", **ALICE)
    assert (await alice.put("/api/social/users/alice/mutes/nobody")).status_code == 204
    return alice


async def listed(client: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    """The community as somebody sees it."""
    response = await client.get(LIST, params=query)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("application/json")
    groups: list[dict[str, Any]] = response.json()
    return groups


def ids(groups: list[dict[str, Any]]) -> list[list[str]]:
    """The stories of each group."""
    return [[story["id"] for story in group["stories"]] for group in groups]


@pytest.mark.says("community:stories own-collection")
async def test_a_record_has_its_one_shape_everywhere(town: Town) -> None:
    alice = await known(town)
    text = str(await town.stage.post_text(visibility=PUBLIC, page="lobby", seconds=5_400))
    link = str(await town.stage.post_link())
    (group,) = await listed(town.client())
    assert group.keys() == {"author", "authorInfo", "hasUnseen", "stories"}
    assert (group["author"], group["authorInfo"]["userId"]) == ("alice@example.org", "alice")
    record, linked = group["stories"]
    assert ids([group]) == [[text, link]]
    for story in (record, linked):
        assert story.keys() == RECORD
        assert story["data"].keys() == DATA
        assert story["data"]["content"].keys() == CONTENT
        assert story["pk"] == story["id"]
        assert UUID.fullmatch(story["id"])
        assert story["author"] == story["data"]["author"] == "alice@example.org"
        assert story["data"]["authorInfo"] == group["authorInfo"]
    assert (record["sk"], record["datatype"]) == (f"{town.org}/community_story/{text}", "community_story")
    assert (record["version"], record["state"]) == (2, "active")
    assert group["authorInfo"] == {
        "firstName": "Alice",
        "lastName": "Wonder",
        "image": "https://cdn.example.com/alice.png",
        "company": "Acme",
        "jobTitle": "Explorer",
        "userId": "alice",
    }
    data = record["data"]
    assert (data["page"], data["duration"], data["viewCount"], data["reactionCounts"]) == ("lobby", 5_400, 0, {})
    assert data["content"] == {
        "type": "text",
        "url": None,
        "caption": None,
        "text": "Check out my day!",
        "backgroundColor": "#000000",
    }
    assert linked["data"]["content"] == {
        "type": "image",
        "url": "https://cdn.example.com/story.png",
        "caption": None,
        "text": None,
        "backgroundColor": None,
    }
    for time in (record["createdate"], record["modifydate"], data["createdAt"], data["expiresAt"]):
        assert TIME.fullmatch(time)
    assert record["createdate"] == data["createdAt"] == record["modifydate"]
    read = (await alice.get(f"/data/community_story/{text}")).json()
    assert read == {**record, "data": {**data, "views": []}}
    assert (await town.client("bob").get(f"/data/community_story/{text}")).json() == record


async def test_an_author_unknown_by_name_and_mail_goes_by_id_and_one_with_a_whole_name_by_that(town: Town) -> None:
    await town.stage.post_text("dora", visibility=PUBLIC)
    carol = town.client("carol", name="Carol Danvers")
    assert (await carol.post("/api/story/users/carol", json={"content": "Hi", "privacy": "public"})).is_success
    of_carol, of_dora = await listed(town.client("bob"))
    assert (of_carol["author"], of_dora["author"]) == ("carol", "dora")
    assert (of_carol["authorInfo"]["firstName"], of_carol["authorInfo"]["lastName"]) == ("Carol Danvers", None)
    assert of_dora["authorInfo"] == {**dict.fromkeys(INFO), "userId": "dora"}


@pytest.mark.says("community:stories grouped-by-author", "community:list all-active-by-author response")
async def test_authors_with_the_newest_story_come_first_each_with_their_oldest_story_first(town: Town) -> None:
    stage = town.stage
    a1, b1, a2 = [await stage.post_text(who, visibility=PUBLIC) for who in ("alice", "bob", "alice")]
    groups = await listed(town.client())
    assert ids(groups) == [[str(a1), str(a2)], [str(b1)]]
    b2 = await stage.post_text("bob", visibility=PUBLIC)
    assert ids(await listed(town.client())) == [[str(b1), str(b2)], [str(a1), str(a2)]]


async def test_everybody_sees_what_they_may_and_their_own(town: Town) -> None:
    stage = town.stage
    await stage.befriend("alice", "bob")
    await stage.mark_close("alice", "carol")
    posted = {
        audience: str(await stage.post_text(visibility=audience, allowed=frozenset(allowed)))
        for audience, allowed in (
            (Visibility.PUBLIC, ()),
            (Visibility.FRIENDS, ()),
            (Visibility.CLOSE_FRIENDS, ()),
            (Visibility.CUSTOM, ("dora",)),
            (Visibility.ONLY_ME, ()),
        )
    }
    expected = {
        None: {PUBLIC},
        "stranger": {PUBLIC},
        "bob": {PUBLIC, Visibility.FRIENDS},
        "carol": {PUBLIC, Visibility.CLOSE_FRIENDS},
        "dora": {PUBLIC, Visibility.CUSTOM},
        "alice": set(Visibility),
    }
    for user, audiences in expected.items():
        seen = {story for group in ids(await listed(town.client(user))) for story in group}
        assert seen == {posted[audience] for audience in audiences}, user


async def test_who_blocks_or_is_muted_is_not_listed(town: Town) -> None:
    stage = town.stage
    for author in ("alice", "bob", "carol"):
        await stage.post_text(author, visibility=PUBLIC)
    await stage.mute("dora", "alice")
    await stage.block("bob", "dora")
    assert [group["author"] for group in await listed(town.client("dora"))] == ["carol"]
    assert len(await listed(town.client())) == 3
    assert [group["author"] for group in await listed(town.client("alice"))] == ["carol", "bob", "alice"]


@pytest.mark.says("community:create sweeper-purges-list", "community:stories short-lived-post")
async def test_what_is_over_leaves_the_list_at_once_whoever_asks(town: Town) -> None:
    alice = town.client("alice")
    over, archived, deleted, kept = [await town.stage.post_text(visibility=PUBLIC) for _ in range(4)]
    await town.stage.pass_time(over, 86_400)
    assert (await alice.post(f"/api/story/{archived}/archive")).is_success
    assert (await alice.delete(f"/api/story/{deleted}")).is_success
    for user in (None, "alice", "bob"):
        assert ids(await listed(town.client(user))) == [[str(kept)]]


@pytest.mark.says("community:list page")
@pytest.mark.parametrize(
    "page", ["lobby", "*", "%", "_", "a'; DROP TABLE stories --", "Caf\u00e9 / 1 & 2", "$ne", "p" * 128]
)
async def test_a_page_is_matched_exactly(town: Town, page: str) -> None:
    on_page = await town.stage.post_text(visibility=PUBLIC, page=page)
    await town.stage.post_text(visibility=PUBLIC, page=page[:-1] + "?")
    await town.stage.post_text("bob", visibility=PUBLIC)
    for user in (None, "alice"):
        assert ids(await listed(town.client(user), page=page)) == [[str(on_page)]]
    for other in ("x" + page[1:], "LOBBY", "lob", "%lobby%", "l*"):
        assert await listed(town.client(), page=other) == []
    assert len(await listed(town.client(), page="")) == 2


async def test_a_group_stands_by_the_newest_story_of_the_page_that_was_asked_for(town: Town) -> None:
    a1 = await town.stage.post_text("alice", visibility=PUBLIC, page="lobby")
    b1 = await town.stage.post_text("bob", visibility=PUBLIC, page="lobby")
    await town.stage.post_text("alice", visibility=PUBLIC, page="roof")
    assert ids(await listed(town.client(), page="lobby")) == [[str(b1)], [str(a1)]]


async def test_a_page_that_cannot_be_and_a_cursor_of_no_form_are_refused(town: Town) -> None:
    refused(await town.client().get(LIST, params={"page": "p" * 129}), 400, "invalid_request")
    refused(await town.client().get(f"{LIST}?page=%00"), 400, "invalid_request")
    refused(await town.client().get(f"{LIST}?page=a&page=b"), 400, "duplicate_parameter")
    for cursor in ("", "x", "0-0", "f" * 12 + "-" + "0" * 32, "1-" + "g" * 32, "-1-" + "0" * 32):
        refused(await town.client().get(LIST, params={"cursor": cursor}), 400, "cursor_invalid")
    assert await listed(town.client(), cursor="f" * 11 + "-" + "0" * 32) == []


@pytest.mark.says("community:feed not-in-feed-query")
async def test_what_is_unseen_is_told_of_others_and_never_of_oneself(town: Town) -> None:
    first, second = [str(await town.stage.post_text(visibility=PUBLIC)) for _ in range(2)]
    bob = town.client("bob")
    for story, unseen in ((first, True), (second, False)):
        assert (await bob.post(f"/api/story/{story}/views", json={"viewDurationSeconds": 1})).is_success
        (group,) = await listed(bob)
        assert group["hasUnseen"] is unseen
        assert group["stories"][0]["data"]["isViewed"] is True
    assert (await listed(town.client("alice")))[0]["hasUnseen"] is False
    (group,) = await listed(town.client())
    assert group["hasUnseen"] is True
    assert [story["data"]["isViewed"] for story in group["stories"]] == [False, False]
    assert [story["data"]["viewCount"] for story in group["stories"]] == [1, 1]


@pytest.mark.says("community:view appends-email")
async def test_who_viewed_is_told_to_the_author_and_to_admins_alone(town: Town) -> None:
    story = str(await town.stage.post_text(visibility=PUBLIC))
    for user, claims in (("bob", {"email": "bob@example.org"}), ("carol", {})):
        viewer = town.client(user, **claims)
        assert (await viewer.post(f"/api/story/{story}/views", json={"viewDurationSeconds": 1})).is_success
    admin, moderator = (town.client("root", roles=[role]) for role in ("admin", "moderator"))
    for knows in (town.client("alice"), admin):
        for record in (
            (await knows.get(f"/data/community_story/{story}")).json(),
            (await listed(knows))[0]["stories"][0],
        ):
            views = record["data"]["views"]
            assert [view["email"] for view in views] == ["bob@example.org", "carol"]
            assert all(view.keys() == {"email", "timestamp"} and TIME.fullmatch(view["timestamp"]) for view in views)
    for asks in (town.client("bob"), moderator, town.client()):
        assert "views" not in (await listed(asks))[0]["stories"][0]["data"]
    for asks in (town.client("bob"), moderator):
        assert "views" not in (await asks.get(f"/data/community_story/{story}")).json()["data"]


@pytest.mark.says("community:create direct-read")
async def test_a_record_is_read_by_its_author_and_admins_for_as_long_as_it_exists(town: Town) -> None:
    story = await town.stage.post_text()  # for friends
    path = f"/data/community_story/{story}"
    await town.stage.befriend("alice", "bob")
    admin = town.client("root", roles=["admin"])
    assert (await admin.get(path)).json()["state"] == "active"
    await town.stage.pass_time(story, 86_500)
    for knows in (town.client("alice"), admin):
        record = (await knows.get(path)).json()
        assert (record["state"], record["modifydate"]) == ("archived", record["data"]["expiresAt"])
    refused(await town.client("bob").get(path), 410, "story_expired")
    hidden = refused(await town.client("stranger").get(path), 404, "story_not_found")
    nobody = await town.client("stranger").get(f"/data/community_story/{'0' * 8}-0000-7000-8000-{'0' * 12}")
    assert problem_without_instance(nobody) == problem_without_instance(await town.client("stranger").get(path))
    assert hidden["code"] == "story_not_found"
    refused(await town.client("root", roles=["moderator"]).get(path), 404)
    refused(await town.client("root", org=f"{town.org}-other", roles=["admin"]).get(path), 404)
    refused(await town.client().get(path), 401, "unauthenticated")
    assert (await town.client("alice").delete(f"/api/story/{story}")).is_success
    for asks in (town.client("alice"), admin):
        refused(await asks.get(path), 404, "story_not_found")


async def test_a_picture_is_shown_by_a_link_that_is_good_for_its_reader_also_without_a_token(town: Town) -> None:
    story = await town.stage.post_image(visibility=PUBLIC)
    links = [
        (await listed(town.client(user)))[0]["stories"][0]["data"]["content"]["url"] for user in (None, "bob", "alice")
    ]
    assert len(set(links)) == 3
    fetch = town.stranger()
    for link in links:
        assert (await fetch.get(link)).headers["content-type"].startswith("image/")
    response = await town.client("alice").patch(f"/api/story/{story}", json={"visibility": "friends"})
    assert response.status_code == 200
    assert [(await fetch.get(link)).status_code for link in links] == [404, 404, 200]


@pytest.mark.says("community:endpoints list-no-auth", "community:list request")
async def test_a_list_without_a_token_names_the_organisation_by_header_or_is_of_the_default_one(town: Town) -> None:
    await town.stage.post_text(visibility=PUBLIC)
    assert await listed(town.client(org=f"{town.org}-other")) == []
    for bad in ("", "a b", "x" * 65):
        refused(await town.stranger(orgid=bad).get(LIST), 400, "org_invalid")
    mine = [group for group in await listed(town.stranger()) if town.org in str(group)]
    assert mine == []


@pytest.mark.parametrize("token", ["", "Bearer", "Bearer x.y.z", "Basic YTpi"])
async def test_a_bad_token_is_refused_where_none_is_needed(town: Town, token: str) -> None:
    response = await town.stranger(orgid=town.org, Authorization=token).get(LIST)
    refused(response, 401, "invalid_token")
    assert response.headers["www-authenticate"] == "Bearer"


async def test_a_service_says_in_a_header_for_whom_it_acts(town: Town) -> None:
    await town.stage.post_text("al\u00edce", visibility=Visibility.ONLY_ME)
    await town.stage.post_text("app", visibility=Visibility.ONLY_ME)
    service = town.client("app", roles=["service"])
    seen = await service.get(LIST, headers={"X-Acting-User": "al%C3%ADce"})
    assert [group["author"] for group in seen.json()] == ["al\u00edce"]
    assert [group["author"] for group in await listed(service)] == ["app"]
    both = await service.get(f"{LIST}?userId=al\u00edce", headers={"X-Acting-User": "al%C3%ADce"})
    assert both.status_code == 200
    for request in (
        service.get(f"{LIST}?userId=alice"),
        service.get(f"{LIST}?userId=bob", headers={"X-Acting-User": "alice"}),
        town.client("bob").get(LIST, headers={"X-Acting-User": "alice"}),
        town.client("bob", roles=["admin"]).get(LIST, headers={"X-Acting-User": "alice"}),
        town.client("bob").get(f"{LIST}?requestingUserId=alice"),
        town.client().get(LIST, headers={"X-Acting-User": "alice"}),
        town.client().get(f"{LIST}?userId=alice"),
    ):
        refused(await request, 403, "identity_mismatch")
    assert (await town.client("bob").get(LIST, headers={"X-Acting-User": "bob"})).status_code == 200
    for bad in ("", "a b", "..", "%00"):
        refused(await service.get(LIST, headers={"X-Acting-User": bad}), 400, "invalid_request")
    two = [("orgid", town.org), ("X-Acting-User", "bob"), ("X-Acting-User", "alice")]
    refused(await town.raw("GET", LIST, *two, user="bob"), 400, "invalid_request")


async def test_the_header_and_others_like_it_mean_nothing_elsewhere(town: Town) -> None:
    story = await town.stage.post_text("alice", visibility=Visibility.ONLY_ME)
    spoofed = {"X-User-Id": "alice", "X-Forwarded-User": "alice"}
    assert await listed(town.client("bob")) == []
    assert (await town.client("bob").get(LIST, headers=spoofed)).json() == []
    service = town.client("app", roles=["service"])
    refused(await service.get(f"/api/story/{story}", headers={"X-Acting-User": "alice"}), 404)


async def test_reading_without_a_token_keeps_nothing_and_is_kept_by_nobody(town: Town) -> None:
    response = await town.client().get(LIST)
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["vary"] == "Authorization, orgid"
    assert response.headers["x-content-type-options"] == "nosniff"
    head = await town.client().head(LIST)
    assert (head.status_code, head.content) == (200, b"")
    refused(await town.client().put(LIST), 405, "method_not_allowed")


def modified(record: dict[str, Any]) -> str:
    """When a record was changed last."""
    return str(record["modifydate"])


async def test_a_change_of_the_story_changes_its_version_and_its_date_and_a_view_does_not(town: Town) -> None:
    story: StoryId = await town.stage.post_link()
    alice, path = town.client("alice"), f"/data/community_story/{story}"
    before = (await alice.get(path)).json()
    await town.client("bob").post(f"/api/story/{story}/views", json={"viewDurationSeconds": 1})
    viewed = (await alice.get(path)).json()
    assert (viewed["version"], modified(viewed)) == (before["version"], modified(before))
    assert (await alice.patch(f"/api/story/{story}", json={"caption": "Sea"})).is_success
    edited = (await alice.get(path)).json()
    assert edited["version"] == before["version"] + 1
    assert modified(edited) > modified(before)
    assert edited["data"]["content"]["caption"] == "Sea"
    assert re.fullmatch(TIME, modified(edited))

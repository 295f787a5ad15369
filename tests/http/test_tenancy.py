"""Organisations share a service and nothing else: the same ids in two of them are two people and two graphs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.town import Town, ok, refused

pytestmark = pytest.mark.slow


async def _lived(town: Town, mark: str) -> tuple[str, str]:
    """The same life in each town, but for its mark: a text, a picture, friends, a view, a reaction, a reply."""
    await town.befriend("alice", "bob")
    bob = town.client("bob", name=f"Bob of {mark}")
    text = await town.post_text("alice", content=f"words of {mark}", visibility="Public")
    image = await town.post_image("alice", caption=f"picture of {mark}")
    ok(await bob.post(f"/api/story/{text}/views", json={"viewDurationSeconds": 5}))
    ok(await bob.post(f"/api/story/{text}/reactions", json={"reaction": "love"}))
    ok(await bob.post(f"/api/story/{text}/replies", json={"content": f"reply of {mark}"}), 201)
    return text, image


READS = {
    "alice": (
        *("/api/story/users/alice/active", "/api/story/users/alice/history", "/api/story/users/alice/archived"),
        *("/api/story/users/alice/replies", "/api/story/users/alice/replies?direction=sent"),
        *("/api/social/users/alice/friends", "/api/story/feed/alice", "/api/story/feed/alice/recommended"),
    ),
    "bob": (
        *("/api/story/users/alice/active", "/api/story/users/bob/history", "/api/story/feed/bob"),
        *("/api/story/feed/bob/recommended", "/api/story/users/bob/replies?direction=sent"),
        *("/api/social/users/bob/friends", "/api/story/users/bob/replies"),
    ),
}


async def test_nothing_of_one_organisation_is_read_in_another_on_any_path(town: Town, other: Town) -> None:
    ours, theirs = await _lived(town, "ours"), await _lived(other, "theirs")
    for here, there, ids, mark in ((town, other, ours, "theirs"), (other, town, theirs, "ours")):
        foreign = theirs if here is town else ours
        for user, paths in READS.items():
            for path in paths:
                response = await here.client(user).get(path)
                ok(response)
                assert mark not in response.text, path
                assert there.org not in response.text
                assert not [story_id for story_id in foreign if story_id in response.text], path
            for story_id in foreign:
                for path in ("", "/replies", "/viewers"):
                    refused(await here.client(user).get(f"/api/story/{story_id}{path}"), 404, "story_not_found")
        for path in ("/replies", "/viewers"):
            response = await here.client("alice").get(f"/api/story/{ids[0]}{path}")
            ok(response)
            assert mark not in response.text


async def test_nothing_of_one_organisation_is_changed_from_another(town: Town, other: Town) -> None:
    text, image = await _lived(other, "theirs")
    before = [await other.card(story_id) for story_id in (text, image)]
    for user in ("alice", "bob", "carol"):
        client = town.client(user)
        for story_id in (text, image):
            for method, path, body in (
                ("POST", "/views", {"viewDurationSeconds": 60}),
                ("POST", "/reactions", {"reaction": "haha"}),
                ("DELETE", "/reactions", None),
                ("POST", "/replies", {"content": "from afar"}),
                ("PATCH", "", {"caption": "from afar"}),
                ("POST", "/archive", None),
                ("DELETE", "", None),
            ):
                response = await client.request(method, f"/api/story/{story_id}{path}", json=body)
                refused(response, 404, "story_not_found")
    ok(await town.client("alice").post("/api/story/users/alice", json={"content": "hi"}), 201)
    assert (await town.client("alice").delete("/api/social/users/alice/friends/bob")).status_code == 204
    for was in before:
        now = await other.card(was["storyId"])
        changing = {"mediaUrl", "thumbnailUrl", "timeUntilExpiration"}
        assert {name: now[name] for name in now.keys() - changing} == {
            name: was[name] for name in was.keys() - changing
        }
    assert (await other.card(image, "bob"))["caption"] == "picture of theirs"


async def test_an_upload_of_one_organisation_makes_no_story_in_another(town: Town, other: Town) -> None:
    announced: dict[str, Any] = {"size": 10, "mimeType": "image/png"}
    begun = ok(await other.client("alice").post("/api/story/users/alice/uploads", json=announced), 201)["data"]
    refused(await town.client("alice").put(begun["uploadUrl"], content=b"0123456789"), 404, "not_found")
    story = {"type": "image", "mediaFileId": begun["mediaFileId"]}
    refused(await town.client("alice").post("/api/story/users/alice", json=story), 400, "invalid_request")


async def test_a_friendship_a_block_and_a_ring_are_of_one_organisation(town: Town, other: Town) -> None:
    await town.befriend("alice", "bob")
    await other.stage.block("alice", "bob")
    story_id = await town.post_text("alice")
    await other.post_text("alice")
    assert (await town.card(story_id, "bob"))["storyId"] == story_id
    ring = {
        each.org: ok(await each.client("bob").post("/api/story/check-active", json=["alice"]))["data"]["alice"]
        for each in (town, other)
    }
    assert ring == {town.org: True, other.org: False}


async def test_media_links_carry_their_organisation_and_no_header_moves_them(town: Town, other: Town) -> None:
    await town.befriend("alice", "bob")
    story_id = await town.post_image("alice")
    link = (await town.card(story_id, "bob"))["mediaUrl"]
    for headers in ({}, {"orgid": other.org}, {"orgid": town.org}):
        assert (await town.stranger(**headers).get(link)).status_code == 200


async def test_one_profile_tells_nothing_of_the_same_id_elsewhere(town: Town, other: Town) -> None:
    first, second = [await each.post_text("alice", visibility="Public") for each in (town, other)]
    named = town.client("alice", name="Alice of ours", email="alice@example.org")
    ok(await named.post("/api/story/users/alice", json={"content": "hi"}), 201)
    assert (await town.card(first, "bob"))["fullName"] == "Alice of ours"
    assert (await other.card(second, "bob"))["fullName"] is None


async def test_webhooks_of_one_organisation_are_none_in_another(town: Town, other: Town) -> None:
    ours, theirs = (each.client("app", roles=["service"]) for each in (town, other))
    for service, mark in ((ours, "ours"), (theirs, "theirs")):
        body = {"url": f"https://1.1.1.1/{mark}", "types": ["user.erased"]}
        ok(await service.post("/api/webhooks", json=body), 201)
    (hook,) = ok(await ours.get("/api/webhooks"))["data"]
    assert hook["url"] == "https://1.1.1.1/ours"
    refused(await theirs.get(f"/api/webhooks/{hook['id']}/deliveries"), 404, "not_found")
    refused(await theirs.post(f"/api/webhooks/{hook['id']}/replay"), 404, "not_found")
    refused(await theirs.delete(f"/api/webhooks/{hook['id']}"), 404, "not_found")
    assert [each["id"] for each in ok(await ours.get("/api/webhooks"))["data"]] == [hook["id"]]

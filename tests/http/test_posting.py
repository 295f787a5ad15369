"""Posting stories, as the published API description has it: pictures, texts, who may see them and for how long."""

from __future__ import annotations

import io
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from PIL import Image

from tests.http.town import CARD, OWNER_CARD, TIME, UUID, Town, form, ok, refused
from tests.stage import jpeg

POSTED = {"storyId", "mediaFileId", "tempUrl", "status", "expiresAt", "message", "expiresInHours"}


def _picture(kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (60, 40), "teal").save(file, kind)
    return file.getvalue()


def _instant(text: str) -> datetime:
    assert TIME.fullmatch(text)
    return datetime.fromisoformat(text)


async def _post(town: Town, **body: Any) -> dict[str, Any]:
    body = {"type": "text", "content": "Check out my day!", **body}
    posted: dict[str, Any] = ok(await town.client("alice").post("/api/story/users/alice", json=body), 201)["data"]
    return posted


@pytest.mark.says(
    "story:storage media-file-references  ",
    "story:upload create-new-story primary-way-users share-moment-day post-quick-update share-photos-videos  ",
    "story:upload user-wants-share quick-casual-content real-time-updates request response  ",
    "story:flow user-creates-story upload-media-file create-story-entity  ",
    "story:summary-create endpoint-post-api upload-create-new user-wants-share  ",
    "story:storage media-file-references ",
    "story:upload create-new-story primary-way-users share-moment-day post-quick-update share-photos-videos ",
    "story:upload user-wants-share quick-casual-content real-time-updates request response ",
    "story:flow user-creates-story upload-media-file create-story-entity ",
    "story:summary-create endpoint-post-api upload-create-new user-wants-share ",
    "story:storage media-file-references",
    "story:upload create-new-story primary-way-users share-moment-day post-quick-update share-photos-videos",
    "story:upload user-wants-share quick-casual-content real-time-updates request response",
    "story:flow user-creates-story upload-media-file create-story-entity",
    "story:summary-create endpoint-post-api upload-create-new user-wants-share",
)
async def test_a_picture_is_uploaded_as_the_description_shows(town: Town) -> None:
    response = await town.client("alice").post(
        "/api/Story/users/alice",
        files={"media": ("beach.jpg", jpeg(), "image/jpeg")},
        data={"type": "image", "privacy": "friends"},
    )
    data = ok(response, 201)["data"]
    assert data.keys() == POSTED
    assert UUID.fullmatch(data["storyId"])
    assert UUID.fullmatch(data["mediaFileId"])
    assert data["tempUrl"].startswith(f"{town.url}/media/")
    assert data["status"] == "Processing"
    assert TIME.fullmatch(data["expiresAt"])
    assert data["message"] == "Story created successfully. Media is processing in background."
    assert data["expiresInHours"] == 24
    assert response.headers["location"] == f"{town.url}/api/story/{data['storyId']}"
    card = await town.settled(town.client("alice"), data["storyId"])
    assert (card["status"], card["type"], card["visibility"]) == ("Active", "image", "Friends")


@pytest.mark.says(
    "story:overview share-temporary-photos  ",
    "story:system integrates-media-processing  ",
    "story:lifecycle media-processing-background  ",
    "story:processing media-file-uploaded  ",
    "story:upload images-jpeg-png processing-media-processed  ",
    "story:summary-create supports-images-videos background-media-processing  ",
    "story:for-developers media-processing-handle  ",
    "story:overview share-temporary-photos ",
    "story:system integrates-media-processing ",
    "story:lifecycle media-processing-background ",
    "story:processing media-file-uploaded ",
    "story:upload images-jpeg-png processing-media-processed ",
    "story:summary-create supports-images-videos background-media-processing ",
    "story:for-developers media-processing-handle ",
    "story:overview share-temporary-photos",
    "story:system integrates-media-processing",
    "story:lifecycle media-processing-background",
    "story:processing media-file-uploaded",
    "story:upload images-jpeg-png processing-media-processed",
    "story:summary-create supports-images-videos background-media-processing",
    "story:for-developers media-processing-handle",
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
async def test_images_are_accepted_and_processed_in_the_background(town: Town, kind: str) -> None:
    story_id = await town.post_image("alice", data=_picture(kind), visibility="Public")
    card = await town.card(story_id, "bob")
    assert (card["type"], card["width"], card["height"]) == ("image", 60, 40)
    assert card["placeholder"]
    for link in ("mediaUrl", "thumbnailUrl"):
        response = await town.stranger().get(card[link])
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("image/")


@pytest.mark.says(
    "story:text create-text-only useful-sharing-thoughts share-quote-thought make-announcement create-text-based  ",
    "story:text share-status-updates user-wants-share creating-announcements-quotes quick-text-based request  ",
    "story:text create-text-only useful-sharing-thoughts share-quote-thought make-announcement create-text-based ",
    "story:text share-status-updates user-wants-share creating-announcements-quotes quick-text-based request ",
    "story:text create-text-only useful-sharing-thoughts share-quote-thought make-announcement create-text-based",
    "story:text share-status-updates user-wants-share creating-announcements-quotes quick-text-based request",
)
async def test_a_text_is_posted_as_the_description_shows(town: Town) -> None:
    body = {"content": "Check out my day!", "type": "text", "backgroundColor": "#FF5733"}
    response = await town.client("alice").post("/api/Story/users/alice", json=body)
    data = ok(response, 201)["data"]
    assert data.keys() == POSTED
    assert (data["mediaFileId"], data["tempUrl"], data["status"]) == (None, None, "Active")
    assert data["message"] == "Story created successfully."
    assert data["expiresInHours"] == 24
    card = await town.card(data["storyId"])
    assert (card["type"], card["content"], card["backgroundColor"]) == ("text", "Check out my day!", "#FF5733")
    assert card["caption"] is card["mediaUrl"] is card["thumbnailUrl"] is card["width"] is None


async def test_json_without_a_type_is_a_text_on_black(town: Town) -> None:
    response = await town.client("alice").post("/api/story/users/alice", json={"content": "Just words"})
    card = await town.card(ok(response, 201)["data"]["storyId"])
    assert (card["type"], card["backgroundColor"]) == ("text", "#000000")


@pytest.mark.says(
    "story:intro stories-feature-enables  ",
    "story:system automatically-expires-after  ",
    "story:overview share-temporary-photos  ",
    "story:lifecycle storage-story-saved  ",
    "story:storage story-entities-expiration  ",
    "story:processing story-entity-created  ",
    "story:expiration stories-automatically-expire  ",
    "story:time-left createdat-when-story expiresat-when-story  ",
    "story:intro stories-feature-enables ",
    "story:system automatically-expires-after ",
    "story:overview share-temporary-photos ",
    "story:lifecycle storage-story-saved ",
    "story:storage story-entities-expiration ",
    "story:processing story-entity-created ",
    "story:expiration stories-automatically-expire ",
    "story:time-left createdat-when-story expiresat-when-story ",
    "story:intro stories-feature-enables",
    "story:system automatically-expires-after",
    "story:overview share-temporary-photos",
    "story:lifecycle storage-story-saved",
    "story:storage story-entities-expiration",
    "story:processing story-entity-created",
    "story:expiration stories-automatically-expire",
    "story:time-left createdat-when-story expiresat-when-story",
)
async def test_a_story_expires_24_hours_after_it_was_created(town: Town) -> None:
    card = await town.card(await town.post_text("alice"))
    assert _instant(card["expiresAt"]) - _instant(card["createdAt"]) == timedelta(hours=24)


@pytest.mark.attack(30)
@pytest.mark.parametrize(("duration", "hours"), [(3_600, 1), (5_400, 1.5), (604_800, 168), (1, 1 / 3_600), (None, 24)])
async def test_a_duration_says_for_how_many_seconds_a_story_lives(
    town: Town, duration: int | None, hours: float
) -> None:
    data = await _post(town, duration=duration)
    assert data["expiresInHours"] == pytest.approx(hours)
    assert isinstance(data["expiresInHours"], int) == float(hours).is_integer()
    card = await town.card(data["storyId"])
    lifetime = _instant(card["expiresAt"]) - _instant(card["createdAt"])
    assert lifetime == timedelta(seconds=duration or 86_400)
    assert data["expiresAt"] == card["expiresAt"]


@pytest.mark.says(
    "story:overview add-captions-text  ",
    "story:lifecycle creation-user-uploads  ",
    "story:privacy request  ",
    "story:summary-create optional-caption  ",
    "story:for-users use-captions-add  ",
    "story:overview add-captions-text ",
    "story:lifecycle creation-user-uploads ",
    "story:privacy request ",
    "story:summary-create optional-caption ",
    "story:for-users use-captions-add ",
    "story:overview add-captions-text",
    "story:lifecycle creation-user-uploads",
    "story:privacy request",
    "story:summary-create optional-caption",
    "story:for-users use-captions-add",
)
async def test_a_picture_has_a_caption_and_a_visibility_of_its_own(town: Town) -> None:
    story_id = await town.post_image("alice", caption="My story", visibility="Friends")
    card = await town.card(story_id)
    assert (card["caption"], card["visibility"], card["content"]) == ("My story", "Friends", None)


@pytest.mark.says(
    "story:overview add-captions-text  ",
    "story:tips use-text-overlays  ",
    "story:overview add-captions-text ",
    "story:tips use-text-overlays ",
    "story:overview add-captions-text",
    "story:tips use-text-overlays",
)
async def test_text_overlays_are_kept_for_the_client_to_draw(town: Town) -> None:
    given = [{"text": "Hello", "x": 0.5, "y": 0.25}, {"text": "There", "x": 0, "y": 1, "fontSize": 0.1}]
    whole = {
        "text": "Hello",
        "x": 0.5,
        "y": 0.25,
        "fontSize": 0.05,
        "color": "#FFFFFF",
        "rotation": 0,
        "align": "center",
    }
    text = await _post(town, overlays=given)
    image = await town.post_image("alice", overlays=json.dumps(given))
    for story_id in (text["storyId"], image):
        overlays = (await town.card(story_id))["overlays"]
        assert overlays == [whole, {**whole, "text": "There", "x": 0, "y": 1, "fontSize": 0.1}]


@pytest.mark.says(
    "story:control stories-have-separate  ",
    "story:overview control-see-stories  ",
    "story:by-id only-returns-stories  ",
    "story:privacy stories-have-privacy publicvisible-everyoneall-users friendsvisible-friends-onlyonly  ",
    "story:privacy onlymeprivate-storyonly-story  ",
    "story:summary-create privacy-settings  ",
    "story:for-users check-privacy-review  ",
    "story:control stories-have-separate ",
    "story:overview control-see-stories ",
    "story:by-id only-returns-stories ",
    "story:privacy stories-have-privacy publicvisible-everyoneall-users friendsvisible-friends-onlyonly ",
    "story:privacy onlymeprivate-storyonly-story ",
    "story:summary-create privacy-settings ",
    "story:for-users check-privacy-review ",
    "story:control stories-have-separate",
    "story:overview control-see-stories",
    "story:by-id only-returns-stories",
    "story:privacy stories-have-privacy publicvisible-everyoneall-users friendsvisible-friends-onlyonly",
    "story:privacy onlymeprivate-storyonly-story",
    "story:summary-create privacy-settings",
    "story:for-users check-privacy-review",
)
@pytest.mark.parametrize(
    ("said", "friend", "stranger"),
    [
        ({"visibility": "Public"}, 200, 200),
        ({"visibility": "Friends"}, 200, 404),
        ({}, 200, 404),
        ({"visibility": "OnlyMe"}, 404, 404),
        ({"privacy": "public"}, 200, 200),
        ({"privacy": "friends"}, 200, 404),
        ({"privacy": "only_me"}, 404, 404),
        ({"privacy": "custom", "allowedUserIds": ["zoe"]}, 404, 200),
        ({"visibility": "CloseFriends"}, 404, 404),
        ({"visibility": "PUBLIC", "privacy": "public"}, 200, 200),
        ({"visibility": None, "privacy": None}, 200, 404),
    ],
    ids=str,
)
async def test_privacy_settings_control_who_sees_a_story(
    town: Town, said: dict[str, Any], friend: int, stranger: int
) -> None:
    await town.befriend("alice", "bob")
    story_id = (await _post(town, **said))["storyId"]
    assert (await town.client("alice").get(f"/api/story/{story_id}")).status_code == 200
    for user, status in (("bob", friend), ("zoe", stranger)):
        response = await town.client(user).get(f"/api/story/{story_id}")
        assert response.status_code == status
        listed = ok(await town.client(user).get("/api/story/users/alice/active"))["data"]
        assert bool(listed) == (status == 200)


async def test_close_friends_are_those_on_the_owners_list(town: Town) -> None:
    await town.stage.mark_close("alice", "bob")
    story_id = (await _post(town, visibility="close_friends"))["storyId"]
    assert (await town.card(story_id, "bob"))["storyId"] == story_id


async def test_a_thousand_users_may_be_listed_in_a_form_one_by_one_or_as_json(town: Town) -> None:
    users = [f"user-{number}" for number in range(1_000)]
    alice = town.client("alice")
    one_by_one = [('name="allowedUserIds"', user.encode()) for user in users]
    header, body = form(('name="media"; filename="a.jpg"', jpeg()), *one_by_one, ('name="privacy"', b"custom"))
    response = await alice.post("/api/story/users/alice", content=body, headers=dict([header]))
    first = ok(response, 201)["data"]["storyId"]
    second = await town.post_image("alice", privacy="custom", allowedUserIds=json.dumps(users))
    for story_id in (first, second):
        card = await town.settled(alice, story_id)
        assert sorted(card["allowedUserIds"]) == sorted(users)
    assert (await town.card(first, "user-999"))["storyId"] == first


async def test_a_text_may_come_as_a_form_too(town: Town) -> None:
    header, body = form(('name="content"', "Grüße ✨".encode()), ('name="duration"', b"60"))
    response = await town.client("alice").post("/api/story/users/alice", content=body, headers=dict([header]))
    data = ok(response, 201)["data"]
    assert data["status"] == "Active"
    assert (await town.card(data["storyId"]))["content"] == "Grüße ✨"


async def test_letter_case_of_the_paths_prefix_does_not_matter(town: Town) -> None:
    body = {"type": "text", "content": "Check out my day!"}
    for prefix in ("/api/Story", "/api/story", "/API/STORY", "/Api/sToRy"):
        ok(await town.client("Alice").post(f"{prefix}/users/Alice", json=body), 201)
    assert await town.posted("Alice") == 4
    refused(await town.client("Alice").post("/api/story/users/alice", json=body), 403, "owner_only")


@pytest.mark.attack(15)
async def test_fields_that_only_the_service_decides_are_ignored(town: Town) -> None:
    forged: dict[str, Any] = {
        "userId": "mallory",
        "orgId": "evil",
        "storyId": "x",
        "id": "x",
        "expiresAt": "2099-01-01T00:00:00Z",
        "createdAt": "2001-01-01T00:00:00Z",
        "status": "Archived",
        "viewCount": 999,
        "isExpired": True,
    }
    card = await town.card((await _post(town, **forged))["storyId"])
    assert card["userId"] == "alice"
    assert (card["status"], card["viewCount"], card["isExpired"]) == ("Active", 0, False)
    assert _instant(card["expiresAt"]) - _instant(card["createdAt"]) == timedelta(hours=24)


@pytest.mark.attack(28, 51)
@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "שלום \u202eright to left",
        "Z͑ͫ̓a̴l̷g̶o̵",
        "two\nlines\tand a tab",
        "👩‍👩‍👧‍👦" * 300,
        "'; DROP TABLE stories; --",
        "x" * 2_200,
        "😀" * 2_200,
    ],
    ids=["script", "right to left", "zalgo", "lines", "families", "sql", "longest", "longest in emoji"],
)
async def test_words_are_stored_as_they_are(town: Town, text: str) -> None:
    story_id = (await _post(town, content=text))["storyId"]
    response = await town.client("alice").get(f"/api/story/{story_id}")
    assert ok(response)["data"]["content"] == text
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.attack(44)
@pytest.mark.parametrize(
    "filename",
    [
        "../../../etc/passwd",
        "x" * 4_000,
        "con.jpg",
        "x.php.jpg",
        "photo\u202egpj.exe",
        "a%0d%0aSet-Cookie:x=1",
        "..\\\\..\\\\x",
        "",
    ],
    ids=["up", "long", "device", "php", "override", "header", "backslash", "empty"],
)
async def test_a_files_name_decides_nothing(town: Town, filename: str) -> None:
    header, body = form((f'name="media"; filename="{filename}"', jpeg()), ('name="visibility"', b"Public"))
    response = await town.client("alice").post("/api/story/users/alice", content=body, headers=dict([header]))
    data = ok(response, 201)["data"]
    assert "set-cookie" not in response.headers
    keys = " ".join(town.files()) + data["tempUrl"]
    for word in ("passwd", "xxxx", "con.", ".php", ".exe", "cookie"):  # a random key may spell a short one by itself
        assert word not in keys.lower()


async def test_a_large_file_is_uploaded_to_a_place_of_its_own_and_then_posted(town: Town) -> None:
    alice, data = town.client("alice"), jpeg(320, 240)
    begun = ok(
        await alice.post("/api/story/users/alice/uploads", json={"size": len(data), "mimeType": "image/jpeg"}), 201
    )["data"]
    assert begun.keys() == {"mediaFileId", "uploadUrl", "method", "headers", "expiresAt"}
    assert TIME.fullmatch(begun["expiresAt"])
    sent = await alice.request(begun["method"], begun["uploadUrl"], headers=begun["headers"], content=data)
    assert ok(sent)["data"] == {"mediaFileId": begun["mediaFileId"], "mimeType": "image/jpeg", "size": len(data)}
    refused(await alice.request(begun["method"], begun["uploadUrl"], content=data), 409)
    story = {"type": "image", "mediaFileId": begun["mediaFileId"], "caption": "At the beach!"}
    posted = ok(await alice.post("/api/story/users/alice", json=story), 201)["data"]
    assert (posted["status"], posted["mediaFileId"]) == ("Processing", begun["mediaFileId"])
    card = await town.settled(alice, posted["storyId"])
    assert (card["status"], card["caption"], card["width"]) == ("Active", "At the beach!", 320)
    refused(await alice.post("/api/story/users/alice", json=story), 400, "invalid_request")


async def test_an_upload_is_its_owners_alone(town: Town) -> None:
    alice, bob, data = town.client("alice"), town.client("bob"), jpeg()
    announced = {"size": len(data), "mimeType": "image/jpeg"}
    begun = ok(await alice.post("/api/story/users/alice/uploads", json=announced), 201)["data"]
    refused(await bob.post("/api/story/users/alice/uploads", json=announced), 403, "owner_only")
    refused(await bob.put(begun["uploadUrl"], content=data), 403, "owner_only")
    refused(await bob.put(begun["uploadUrl"].replace("/alice/", "/bob/"), content=data), 404, "not_found")
    ok(await alice.put(begun["uploadUrl"], content=data))
    stolen = {"mediaFileId": begun["mediaFileId"]}
    refused(await bob.post("/api/story/users/bob", json=stolen), 400, "invalid_request")


@pytest.mark.parametrize("announced", [1, 100_000])
async def test_an_upload_has_the_size_that_was_announced(town: Town, announced: int) -> None:
    alice = town.client("alice")
    begun = ok(
        await alice.post("/api/story/users/alice/uploads", json={"size": announced, "mimeType": "image/jpeg"}), 201
    )["data"]
    refused(await alice.put(begun["uploadUrl"], content=jpeg()), 400, "invalid_request")
    refused(await alice.post("/api/story/users/alice", json={"mediaFileId": begun["mediaFileId"]}), 400)
    assert await town.posted() == 0


async def test_an_owner_edits_caption_overlays_and_audience_of_an_active_story(town: Town) -> None:
    await town.befriend("alice", "bob")
    story_id = await town.post_image("alice", caption="Old", visibility="Public")
    change: dict[str, Any] = {"caption": "New", "visibility": "Custom", "allowedUserIds": ["carol"]}
    change["overlays"] = [{"text": "Hi", "x": 0.5, "y": 0.5}]
    card = ok(await town.client("alice").patch(f"/api/story/{story_id}", json=change))["data"]
    assert card.keys() == OWNER_CARD
    assert (card["caption"], card["visibility"], card["allowedUserIds"]) == ("New", "Custom", ["carol"])
    assert card["overlays"][0]["text"] == "Hi"
    refused(await town.client("bob").get(f"/api/story/{story_id}"), 404, "story_not_found")
    seen = await town.card(story_id, "carol")
    assert seen.keys() == CARD
    assert seen["caption"] == "New"
    refused(await town.client("carol").patch(f"/api/story/{story_id}", json={"caption": "Mine"}), 403, "owner_only")
    refused(await town.client("bob").patch(f"/api/story/{story_id}", json={"caption": "Mine"}), 404)


async def test_an_edit_leaves_what_it_does_not_name(town: Town) -> None:
    story_id = await town.post_image("alice", caption="Old", visibility="Public")
    card = ok(await town.client("alice").patch(f"/api/story/{story_id}", json={"overlays": None}))["data"]
    assert (card["caption"], card["visibility"], card["overlays"]) == ("Old", "Public", [])
    ok(await town.client("alice").post(f"/api/story/{story_id}/archive"))
    refused(await town.client("alice").patch(f"/api/story/{story_id}", json={"caption": "Late"}), 409, "conflict")

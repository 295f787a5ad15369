"""Videos over HTTP: sent as they were filmed, served as every screen plays them, or failed with a reason."""

from __future__ import annotations

import io
import struct
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.contract.media.films import FASTSTART, film, frames
from tests.http.town import Town, ok, refused

pytestmark = pytest.mark.slow


async def _send(town: Town, data: bytes, **fields: str) -> httpx.Response:
    return await town.client("alice").post(
        "/api/story/users/alice", files={"media": ("clip", data)}, data={"visibility": "Public", **fields}
    )


def _late(data: bytes) -> bytes:
    """Put a MiB of nothing before the index of an MP4."""
    at = data.rindex(b"moov") - 4
    return data[:at] + struct.pack(">I", 1 << 20) + b"free" + bytes((1 << 20) - 8) + data[at:]


def _changing() -> bytes:
    one, other = (film("webm", "vp8", size=size, sound=None, options={"live": "1"}) for size in ((64, 64), (96, 96)))
    return one + other[other.index(b"\x1f\x43\xb6\x75") :]


async def _posted(town: Town, data: bytes, **fields: str) -> dict[str, Any]:
    story_id = str(ok(await _send(town, data, **fields), 201)["data"]["storyId"])
    return await town.settled(town.client("alice"), story_id, seconds=60)


@pytest.mark.says(
    "story:upload videos-mp4-webm",
    "story:system integrates-media-processing",
    "story:overview share-temporary-photos",
    "story:summary-create supports-images-videos",
    "story:lifecycle creation-user-uploads",
)
@pytest.mark.parametrize(
    ("container", "codec", "sound"), [("mp4", "h264", "aac"), ("mov", "hevc", None), ("webm", "vp9", "libopus")]
)
async def test_videos_are_accepted_and_processed_in_the_background(
    town: Town, container: str, codec: str, sound: str | None
) -> None:
    card = await _posted(town, film(container, codec, sound=sound), type="video", caption="Waves")

    assert (card["status"], card["type"], card["caption"]) == ("Active", "video", "Waves")
    assert (card["width"], card["height"], card["durationSeconds"]) == (320, 200, 1.0)
    seen = await town.card(card["storyId"], "bob")
    media = await town.stranger().get(seen["mediaUrl"])
    assert (media.status_code, media.headers["content-type"]) == (200, "video/mp4")
    assert len(frames(media.content)) == 10
    for still, longest in (("posterUrl", 320), ("thumbnailUrl", 320)):
        response = await town.stranger().get(seen[still])
        assert (response.status_code, response.headers["content-type"]) == (200, "image/webp")
        with Image.open(io.BytesIO(response.content)) as opened:
            assert max(opened.size) == longest


async def test_a_player_may_begin_anywhere(town: Town) -> None:
    card = await _posted(town, film(seconds=2))
    whole = (await town.stranger().get(card["mediaUrl"])).content

    part = await town.stranger().get(card["mediaUrl"], headers={"Range": "bytes=100-299"})

    assert (part.status_code, part.content) == (206, whole[100:300])
    assert part.headers["content-range"] == f"bytes 100-299/{len(whole)}"


@pytest.mark.says("story:view view-quality-calculated")
async def test_how_much_of_a_video_was_watched_is_measured_by_its_length(town: Town) -> None:
    story_id = (await _posted(town, film(seconds=4)))["storyId"]
    for user, seconds, _ in (views := (("bob", 0.5, "Low"), ("carol", 2, "Medium"), ("dora", 3.5, "High"))):
        ok(await town.client(user).post(f"/api/story/{story_id}/views", json={"viewDurationSeconds": seconds}))

    viewers = ok(await town.client("alice").get(f"/api/story/{story_id}/viewers"))["data"]

    assert {viewer["userId"]: viewer["viewQuality"] for viewer in viewers} == {user: how for user, _, how in views}


async def test_a_video_may_be_sent_to_a_place_of_its_own(town: Town) -> None:
    alice, data = town.client("alice"), film()
    announced = {"size": len(data), "mimeType": "video/mp4"}
    begun = ok(await alice.post("/api/story/users/alice/uploads", json=announced), 201)["data"]
    received = ok(await alice.put(begun["uploadUrl"], content=data))["data"]
    assert received["mimeType"] == "video/mp4"
    body = {"mediaFileId": begun["mediaFileId"]}
    refused(await alice.post("/api/story/users/alice", json={**body, "type": "image"}), 400, "type_mismatch")

    story_id = ok(await alice.post("/api/story/users/alice", json={**body, "type": "video"}), 201)["data"]["storyId"]

    assert (await town.settled(alice, story_id, seconds=60))["status"] == "Active"


async def test_an_animation_is_an_image_that_goes_on_moving(town: Town) -> None:
    shown = [Image.new("RGB", (60, 40), color) for color in ("red", "green", "blue")]
    file = io.BytesIO()
    shown[0].save(file, "GIF", save_all=True, append_images=shown[1:], duration=100, loop=0)

    card = await _posted(town, file.getvalue(), type="image")

    assert (card["type"], card["durationSeconds"], card["posterUrl"]) == ("image", None, None)
    with Image.open(io.BytesIO((await town.stranger().get(card["mediaUrl"])).content)) as opened:
        assert (opened.format, getattr(opened, "n_frames", 1)) == ("WEBP", 3)


@pytest.mark.attack(40)
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(lambda: film(size=(32, 32), seconds=62, rate=1, sound=None), "video_too_long", id="62 s"),
        pytest.param(
            lambda: film(size=(32, 32), seconds=6, rate=1, sound=None, lasting=2 * 3600),
            "video_too_long",
            id="10 hours",
        ),
        pytest.param(lambda: _late(film(size=(4096, 2176), seconds=0.2, sound=None)), "media_limits", id="above 4K"),
        pytest.param(lambda: film()[:6_000], "media_invalid", id="cut off"),
        pytest.param(_changing, "media_limits", id="frames of several sizes"),
    ],
)
async def test_a_video_that_cannot_be_served_fails_with_its_reason(town: Town, data: Any, reason: str) -> None:
    card = await _posted(town, data())

    assert (card["status"], card["failureReason"], card["mediaUrl"]) == ("Failed", reason, None)
    refused(await town.client("bob").get(f"/api/story/{card['storyId']}"), 404, "story_not_found")


@pytest.mark.attack(40)
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(lambda: film(size=(4096, 2176), seconds=0.2, sound=None, options=FASTSTART), id="MP4"),
        pytest.param(lambda: film("mov", size=(4096, 2176), seconds=0.2, sound=None, options=FASTSTART), id="MOV"),
        pytest.param(lambda: film("webm", "vp8", size=(4096, 2176), seconds=0.2, sound=None), id="WebM"),
        pytest.param(lambda: film(size=(64, 64), rate=240, seconds=0.2, options=FASTSTART), id="240 frames a second"),
    ],
)
async def test_a_video_whose_header_tells_too_much_is_refused_at_once(town: Town, data: Any) -> None:
    refused(await _send(town, data()), 400, "media_too_large")

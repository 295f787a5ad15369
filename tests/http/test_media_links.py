"""Links to media: signed for one reader, usable without a token, and checked again at each fetch."""

from __future__ import annotations

import io

import httpx
import pytest
from PIL import Image

from tests.http.town import Town, ok, refused
from tests.stage import jpeg


async def _links(town: Town, story_id: str, user: str) -> list[str]:
    card = await town.card(story_id, user)
    return [card["mediaUrl"], card["thumbnailUrl"]]


async def _fetched(town: Town, links: list[str]) -> set[int]:
    return {(await town.stranger().get(link)).status_code for link in links}


@pytest.fixture
async def story_id(town: Town) -> str:
    """A picture that Alice's friend Bob may see."""
    await town.befriend("alice", "bob")
    return await town.post_image("alice", data=jpeg(640, 480))


@pytest.mark.attack(46)
async def test_a_picture_is_served_without_a_token_and_can_do_nothing_but_show(town: Town, story_id: str) -> None:
    for link in await _links(town, story_id, "bob"):
        response = await town.stranger().get(link)
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("image/")
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["content-security-policy"] == "sandbox; default-src 'none'"
        assert response.headers["cross-origin-resource-policy"]
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["x-robots-tag"] == "noindex"
        assert response.headers["cache-control"] == "private, max-age=60"
        assert "content-disposition" not in response.headers
        with Image.open(io.BytesIO(response.content)) as image:
            assert max(image.size) <= 640


async def test_it_is_cached_no_longer_than_it_lives(town: Town, story_id: str) -> None:
    (link, _) = await _links(town, story_id, "bob")
    await town.pass_time(story_id, 86_400 - 30)
    response = await town.stranger().get(link)
    assert response.status_code == 200
    assert int(response.headers["cache-control"].removeprefix("private, max-age=")) <= 30


async def test_ranges_and_head_work(town: Town, story_id: str) -> None:
    (link, _), nobody = await _links(town, story_id, "bob"), town.stranger()
    whole = (await nobody.get(link)).content
    head = await nobody.head(link)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == len(whole)
    for asked, first, last in (("0-9", 0, 9), ("10-", 10, len(whole) - 1), ("5-999999999", 5, len(whole) - 1)):
        response = await nobody.get(link, headers={"Range": f"bytes={asked}"})
        assert response.status_code == 206
        assert response.content == whole[first : last + 1]
        assert response.headers["content-range"] == f"bytes {first}-{last}/{len(whole)}"
    for ignored in ("lines=1-2", "bytes=9-1", "bytes=a-b", "bytes=0-1,3-4", "bytes=-"):
        response = await nobody.get(link, headers={"Range": ignored})
        assert (response.status_code, response.content) == (200, whole)
    beyond = await nobody.get(link, headers={"Range": f"bytes={len(whole)}-"})
    refused(beyond, 416, "invalid_parameter")
    assert beyond.headers["content-range"] == f"bytes */{len(whole)}"


async def test_a_link_dies_at_once_with_the_right_to_see_the_story(town: Town, story_id: str) -> None:
    alice, links = town.client("alice"), await _links(town, story_id, "bob")
    assert await _fetched(town, links) == {200}
    assert (await alice.delete("/api/social/users/alice/friends/bob")).status_code == 204
    assert await _fetched(town, links) == {404}
    await town.befriend("alice", "bob")
    assert await _fetched(town, links) == {200}
    for visibility, status in (("OnlyMe", 404), ("Public", 200)):
        ok(await alice.patch(f"/api/story/{story_id}", json={"visibility": visibility}))
        assert await _fetched(town, links) == {status}
    blocked = await _links(town, story_id, "carol")
    await town.stage.block("alice", "carol")
    assert await _fetched(town, blocked) == {404}
    ok(await alice.post(f"/api/story/{story_id}/archive"))
    assert await _fetched(town, links) == {410}
    assert await _fetched(town, blocked) == {404}
    ok(await alice.delete(f"/api/story/{story_id}"))
    assert await _fetched(town, [*links, *blocked]) == {404}


async def test_a_link_dies_with_the_story_by_the_clock_alone(town: Town, story_id: str) -> None:
    links = await _links(town, story_id, "bob")
    await town.pass_time(story_id, 86_400 - 60)
    assert await _fetched(town, links) == {200}
    await town.pass_time(story_id, 60)
    assert await _fetched(town, links) == {410}


async def test_the_owner_still_sees_the_pictures_of_the_archive(town: Town, story_id: str) -> None:
    ok(await town.client("alice").post(f"/api/story/{story_id}/archive"))
    assert await _fetched(town, await _links(town, story_id, "alice")) == {200}


@pytest.mark.attack(45)
async def test_a_link_that_was_altered_is_none_of_ours(town: Town, story_id: str) -> None:
    (link, _), nobody = await _links(town, story_id, "bob"), town.stranger()
    head, token, part = link.rsplit("/", 2)
    for forged in (
        token[:-1],
        token[:-2] + "AA",
        "A" + token[1:],
        token.swapcase(),
        "%00",
        "..",
        "é",
        "A" * 9_000,
        "-",
    ):
        response = await nobody.get(f"{head}/{forged}/{part}")
        assert response.status_code == 404, forged
    for wrong in ("upload", "other", "media%2F..%2Fupload", "MEDIA"):
        assert (await nobody.get(f"{head}/{token}/{wrong}")).status_code == 404
    for method in ("PUT", "DELETE", "POST", "PATCH"):
        response = await nobody.request(method, link)
        refused(response, 405, "method_not_allowed")
        assert {*response.headers["allow"].split(", ")} == {"GET", "HEAD"}
    response = await nobody.get(f"{link}?response-content-type=text/html")
    assert response.headers["content-type"].startswith("image/")


async def test_links_of_two_readers_differ_and_name_neither(town: Town, story_id: str) -> None:
    ours, theirs = await _links(town, story_id, "alice"), await _links(town, story_id, "bob")
    assert not {*ours} & {*theirs}
    for link in (*ours, *theirs):
        assert httpx.URL(link).query == b""
        for word in ("alice", "bob", town.org):
            assert word not in link


@pytest.mark.attack(43)
async def test_what_is_served_carries_no_metadata(town: Town) -> None:
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x010E], exif[0x8825], exif[0x0112] = "CANARY_DESCRIPTION", {1: "N", 2: (52.0, 30.0, 0.0)}, 6
    Image.new("RGB", (320, 200), "teal").save(file, "JPEG", exif=exif, comment=b"CANARY_COMMENT")
    card = await town.card(await town.post_image("alice", data=file.getvalue() + b"CANARY_TAIL"))
    assert (card["width"], card["height"]) == (200, 320)
    for link in (card["mediaUrl"], card["thumbnailUrl"]):
        content = (await town.stranger().get(link)).content
        assert b"CANARY" not in content
        with Image.open(io.BytesIO(content)) as image:
            assert not image.getexif()

"""With S3, bytes may go past the service: uploads to a signed place, media by a link that is good for a minute."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from infrastructure.container import Container
from infrastructure.settings import Settings
from tests.conftest import SECRET
from tests.http.town import Town, ok, refused
from tests.patience import PATIENCE_SECONDS
from tests.s3 import S3, Bucket, serve_s3
from tests.stage import jpeg, serve

pytestmark = [*S3, pytest.mark.slow]


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    with serve_s3(tmp_path_factory.mktemp("swift")) as bucket:
        yield bucket


@pytest.fixture
async def town(
    bucket: Bucket, sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Town]:
    """A town whose media lie in the bucket."""
    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)
    shutil.copy(sqlite_template, tmp_path / "stories.db")
    settings = Settings(
        data_dir=str(tmp_path),
        jwt_secret=SECRET,
        log_level="error",
        rate_limit_enabled=False,
        media_url=f"s3://{bucket.name}/{uuid.uuid4().hex}",
        media_redirect=True,
    )
    async with serve(settings, Container(settings=settings)) as served:
        town = Town(served, "default")
        yield town
        await town.close()


async def _begin(town: Town, size: int) -> dict[str, str]:
    announced = {"size": size, "mimeType": "image/jpeg"}
    begun: dict[str, str] = ok(await town.client("alice").post("/api/story/users/alice/uploads", json=announced), 201)[
        "data"
    ]
    return begun


async def test_a_file_goes_to_the_bucket_itself_and_then_becomes_a_story(town: Town, bucket: Bucket) -> None:
    begun = await _begin(town, len(jpeg()))
    assert begun["uploadUrl"].startswith(bucket.endpoint)
    alice, story = town.client("alice"), {"mediaFileId": begun["mediaFileId"]}
    refused(await alice.post("/api/story/users/alice", json=story), 400, "invalid_request")
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as client:
        sent = await client.put(begun["uploadUrl"], content=jpeg(), headers={"Content-Type": "image/jpeg"})
    assert sent.status_code == 200

    posted = ok(await alice.post("/api/story/users/alice", json=story), 201)["data"]

    assert (await town.settled(alice, posted["storyId"]))["status"] == "Active"


@pytest.mark.parametrize(
    ("data", "size", "status", "code"),
    [
        (b"%PDF-1.7 and so on", 18, 415, "unsupported_media_type"),
        (jpeg(), len(jpeg()) + 1, 400, "invalid_request"),
    ],
)
async def test_what_came_is_looked_at_when_the_story_is_made(
    town: Town, data: bytes, size: int, status: int, code: str
) -> None:
    begun = await _begin(town, size)
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as client:
        await client.put(begun["uploadUrl"], content=data)
    story = {"mediaFileId": begun["mediaFileId"]}
    refused(await town.client("alice").post("/api/story/users/alice", json=story), status, code)
    assert await town.posted() == 0


@pytest.mark.attack(45)
async def test_a_link_into_the_bucket_is_good_for_nothing_else(town: Town) -> None:
    story_id = await town.post_image("alice", visibility="public")
    card = await town.card(story_id, "bob")
    link = (await town.stranger().get(card["mediaUrl"])).headers["location"]
    other = httpx.URL((await town.stranger().get(card["thumbnailUrl"])).headers["location"]).path
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as client:
        assert (await client.get(link)).status_code == 200
        for method, altered in (
            ("GET", f"{link}&response-content-type=text/html"),
            ("GET", httpx.URL(link).copy_with(path=other)),
            ("GET", httpx.URL(link).copy_set_param("X-Amz-Expires", "86400")),
            ("PUT", link),
            ("DELETE", link),
        ):
            answer = await client.request(method, altered, content=b"x" if method == "PUT" else None)
            assert answer.status_code == 403, (method, altered)
        assert (await client.get(link)).status_code == 200


async def test_media_are_given_by_the_bucket_for_a_minute_and_only_to_those_who_may(town: Town, bucket: Bucket) -> None:
    story_id = await town.post_image("alice", visibility="public")
    seen = await town.card(story_id, "bob")
    told = await town.stranger().get(seen["mediaUrl"])
    assert (told.status_code, told.headers["referrer-policy"]) == (302, "no-referrer")
    link = httpx.URL(told.headers["location"])
    assert str(link).startswith(bucket.endpoint)
    assert 0 < int(link.params["X-Amz-Expires"]) <= 60
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as client:
        given = await client.get(link)
    assert (given.status_code, given.headers["content-type"]) == (200, "image/webp")
    assert given.content[8:12] == b"WEBP"

    ok(await town.client("alice").post(f"/api/story/{story_id}/archive"))

    assert (await town.stranger().get(seen["mediaUrl"])).status_code == 410

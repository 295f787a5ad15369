"""What tests are played on: people, stories and time, by use cases or over HTTP. In the words of the domain."""

from __future__ import annotations

import asyncio
import io
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import uvicorn
from PIL import Image
from sqlalchemy import select, update

from application.caller import Caller
from application.commands.befriend import Befriend
from application.commands.begin_upload import BeginUpload
from application.commands.post_story import PostStory
from application.commands.receive_upload import ReceiveUpload
from domain.audience import Audience, Visibility
from domain.content import Kind
from domain.story import Status
from domain.values import Caption, Lifetime, MediaUrl, OrgId, PageId, StoryId, UserId
from infrastructure.container import Container
from infrastructure.settings import Settings
from infrastructure.sql.tables import blocks, close_friends, mutes, outbox, stories, story_views
from interfaces.http.app import create_app
from interfaces.realtime.wire import OPTIONS
from tests.patience import PATIENCE_SECONDS

ORG = OrgId("test")
DEFAULT_ORG = OrgId("default")


def jpeg(width: int = 64, height: int = 48, color: str = "teal") -> bytes:
    """A small picture."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), color).save(file, "JPEG")
    return file.getvalue()


async def chunks_of(data: bytes, size: int = 4_096) -> AsyncIterator[bytes]:
    """Bytes as they would come over a network."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


def caller(user: str, org: str = ORG) -> Caller:
    """Somebody who calls."""
    return Caller(org=OrgId(org), user=UserId(user), origin="http://stories.test")


class Stage:
    """Use cases, called as the HTTP port calls them, and the few things that only time or another service does."""

    def __init__(self, container: Container, org: str = ORG) -> None:
        self.container, self.org = container, OrgId(org)

    def caller(self, user: str) -> Caller:
        """Somebody of this stage's organisation."""
        return caller(user, self.org)

    async def post_text(
        self,
        owner: str = "alice",
        *,
        text: str = "Check out my day!",
        visibility: Visibility = Visibility.FRIENDS,
        allowed: frozenset[str] = frozenset(),
        seconds: int = 86_400,
        page: str | None = None,
    ) -> StoryId:
        """Post a text."""
        posted = await self.container.post_story()(
            PostStory(
                caller=self.caller(owner),
                text=text,
                audience=Audience(visibility, frozenset(UserId(user) for user in allowed)),
                lifetime=Lifetime(seconds),
                page=None if page is None else PageId(page),
            )
        )
        return posted.story_id

    async def post_link(
        self,
        owner: str = "alice",
        *,
        url: str = "https://cdn.example.com/story.png",
        kind: Kind = Kind.IMAGE,
        visibility: Visibility = Visibility.PUBLIC,
        allowed: frozenset[str] = frozenset(),
    ) -> StoryId:
        """Post media that lie elsewhere."""
        audience = Audience(visibility, frozenset(UserId(user) for user in allowed))
        posted = await self.container.post_story()(
            PostStory(
                caller=self.caller(owner), kind=kind, url=MediaUrl(url), audience=audience, lifetime=Lifetime(86_400)
            )
        )
        return posted.story_id

    async def upload(self, owner: str = "alice", data: bytes | None = None) -> Any:
        """Send a file; the upload it is now."""
        who = self.caller(owner)
        begun = (await self.container.begin_upload()(BeginUpload(caller=who))).upload
        content = jpeg() if data is None else data
        return await self.container.receive_upload()(
            ReceiveUpload(caller=who, media_file=begun.id, chunks=chunks_of(content))
        )

    async def post_image(
        self,
        owner: str = "alice",
        *,
        data: bytes | None = None,
        caption: str | None = None,
        visibility: Visibility = Visibility.FRIENDS,
        seconds: int = 86_400,
        processed: bool = True,
    ) -> StoryId:
        """Post a picture, and unless told otherwise have it processed."""
        upload = await self.upload(owner, data)
        posted = await self.container.post_story()(
            PostStory(
                caller=self.caller(owner),
                media_file=upload.id,
                caption=None if caption is None else Caption(caption),
                audience=Audience(visibility),
                lifetime=Lifetime(seconds),
            )
        )
        if processed:
            await self.process(posted.story_id)
        return posted.story_id

    async def process(self, story_id: StoryId) -> None:
        """Have a story's media processed; where a worker was quicker to begin, wait for it."""
        await self.container.process_media()(self.org, story_id)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self._status(story_id) is Status.PROCESSING:  # noqa: ASYNC110 - another process sets none of our events
                await asyncio.sleep(0.02)

    async def _status(self, story_id: StoryId) -> Status:
        async with self.container.database().read(None) as connection:
            statement = select(stories.c.status).where(stories.c.id == story_id)
            return Status((await connection.execute(statement)).scalar_one())

    async def befriend(self, one: str, other: str) -> None:
        """Make two people friends, as the application that owns the graph does."""
        await self.container.befriend()(Befriend(caller=self.caller(one), friend=UserId(other), confirmed=True))

    async def block(self, blocker: str, target: str) -> None:
        """Somebody blocks somebody."""
        await self._insert(blocks, user_id=blocker, target_id=target)

    async def mute(self, user: str, target: str) -> None:
        """Somebody mutes somebody."""
        await self._insert(mutes, user_id=user, target_id=target)

    async def mark_close(self, owner: str, friend: str) -> None:
        """Somebody puts somebody on their close-friends list."""
        await self._insert(close_friends, user_id=owner, friend_id=friend)

    async def add_views(self, story_id: StoryId, count: int) -> None:
        """So many people have seen a story of alice's, one a millisecond."""
        begun = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
        rows = [
            {
                "org_id": self.org,
                "story_id": story_id,
                "viewer_id": f"viewer-{number}",
                "owner_id": "alice",
                "viewed_at": begun + timedelta(milliseconds=number),
                "duration_seconds": 0.0,
            }
            for number in range(count)
        ]
        async with self.container.database().write(self.org) as connection:
            await connection.execute(story_views.insert(), rows)

    async def pass_time(self, story_id: StoryId, seconds: float) -> None:
        """Let so much time pass for one story: it was posted, and ends, that much earlier."""
        async with self.container.database().write(None) as connection:
            row = (await connection.execute(select(stories).where(stories.c.id == story_id))).one()
            earlier = timedelta(seconds=seconds)
            await connection.execute(
                update(stories)
                .where(stories.c.id == story_id)
                .values(created_at=row.created_at - earlier, expires_at=row.expires_at - earlier)
            )

    async def events(self, story_id: StoryId | None = None) -> list[Any]:
        """Rows of the outbox, oldest first: of one story, or all."""
        statement = select(outbox).order_by(outbox.c.number)
        if story_id is not None:
            statement = statement.where(outbox.c.story_id == story_id)
        async with self.container.database().read(None) as connection:
            return list((await connection.execute(statement)).all())

    async def _insert(self, table: Any, **values: str) -> None:
        async with self.container.database().write(None) as connection:
            await connection.execute(table.insert(), {"org_id": self.org, **values})


class Served:
    """A served application, and clients of it."""

    def __init__(self, container: Container, url: str) -> None:
        self.container, self.url = container, url
        self.stage = Stage(container, DEFAULT_ORG)
        self._clients: list[httpx.AsyncClient] = []

    def token(self, user: str, **claims: Any) -> str:
        """A token for a user."""
        return self.container.token_maker().make(user, ttl_seconds=600, **claims)

    def client(self, user: str | None = None, *, org: str | None = None, **claims: Any) -> httpx.AsyncClient:
        """A client who is a user, or nobody."""
        headers = {} if user is None else {"Authorization": f"Bearer {self.token(user, **claims)}"}
        if org is not None:
            headers["orgid"] = org
        client = httpx.AsyncClient(base_url=self.url, headers=headers, timeout=PATIENCE_SECONDS)
        self._clients.append(client)
        return client

    def service(self) -> httpx.AsyncClient:
        """The application that uses the service."""
        return self.client("app", roles=["service"])

    async def befriend(self, one: str, other: str) -> None:
        """Make two people friends."""
        response = await self.service().put(f"/api/social/users/{one}/friends/{other}")
        assert response.status_code == 204, response.text

    async def post_text(self, owner: str = "alice", **body: Any) -> str:
        """Post a text; its id."""
        body = {"type": "text", "content": "Check out my day!", **body}
        response = await self.client(owner).post(f"/api/story/users/{owner}", json=body)
        assert response.status_code == 201, response.text
        return str(response.json()["data"]["storyId"])

    async def post_image(self, owner: str = "alice", *, data: bytes | None = None, **fields: Any) -> str:
        """Post a picture and wait until it is active; its id."""
        client = self.client(owner)
        response = await client.post(
            f"/api/story/users/{owner}", files={"media": ("photo.jpg", data or jpeg())}, data=fields
        )
        assert response.status_code == 201, response.text
        story_id = str(response.json()["data"]["storyId"])
        await self.settled(client, story_id)
        return story_id

    async def settled(
        self, client: httpx.AsyncClient, story_id: str, seconds: float = PATIENCE_SECONDS
    ) -> dict[str, Any]:
        """The owner's card, once the story is no longer being processed."""
        async with asyncio.timeout(seconds):
            while True:
                card: dict[str, Any] = (await client.get(f"/api/story/{story_id}")).json()["data"]
                if card["status"] != "Processing":
                    return card
                await asyncio.sleep(0.05)

    async def pass_time(self, story_id: str, seconds: float) -> None:
        """Let so much time pass for one story."""
        await self.stage.pass_time(StoryId(uuid.UUID(story_id)), seconds)

    async def close(self) -> None:
        """Close all clients."""
        for client in self._clients:
            await client.aclose()


@asynccontextmanager
async def serve(settings: Settings, container: Container) -> AsyncIterator[Served]:
    """Serve the application on a free port."""
    config = uvicorn.Config(create_app(settings, container), port=0, **OPTIONS)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        if serving.done():
            await serving
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    served = Served(container, f"http://127.0.0.1:{port}")
    try:
        yield served
    finally:
        await served.close()
        server.should_exit = True
        await serving

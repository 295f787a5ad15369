"""What a process does that is killed over it, and what another does after it: one thing each."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from application.commands.delete_story import DeleteStory
from application.ports.webhooks import Answer
from domain.values import StoryId, WebhookUrl
from tests.stage import Stage, serve
from tests.webhooks import Service, Targets


class KeptTarget(Targets):
    """As `WebhookSender`: a target that writes the ids of what it has taken into a file, and so outlives who sends."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    async def send(self, url: WebhookUrl, headers: Mapping[str, str], body: bytes) -> Answer:
        """As `WebhookSender`."""
        with self._file.open("a") as file:
            file.write(f"{msgspec.json.decode(body)['id']}\n")
        return Answer(status=204)


async def post(stage: Stage, key: str, file: str) -> None:
    """Post a text over HTTP, with an `Idempotency-Key` if it is not empty; the story's id goes into a file."""
    async with serve(stage.container.settings(), stage.container) as served:
        answer = await served.client("alice", org=stage.org).post(
            "/api/story/users/alice", json={"content": "Hello"}, headers={"Idempotency-Key": key} if key else {}
        )
        assert answer.status_code == 201, answer.text
    _write(file, answer.json()["data"]["storyId"])


def _write(file: str, text: str) -> None:
    Path(file).write_text(text)


async def upload(stage: Stage) -> None:
    """Send a file."""
    await stage.upload("alice")


async def delete(stage: Stage, story: str) -> None:
    """Delete a story."""
    await stage.container.delete_story()(DeleteStory(caller=stage.caller("alice"), story_id=StoryId(uuid.UUID(story))))


async def process(stage: Stage, story: str) -> None:
    """Process a story's media."""
    await stage.container.process_media()(stage.org, StoryId(uuid.UUID(story)))


async def sequence(stage: Stage) -> None:
    """Give events their positions."""
    await stage.container.sequence_events()()


async def dispatch(stage: Stage) -> None:
    """Wake what follows from events."""
    await stage.container.dispatch_events()()


async def publish(stage: Stage) -> None:
    """Publish events to the stream."""
    await stage.container.publish_events()()


async def deliver(stage: Stage, file: str) -> None:
    """Deliver events to webhooks; what they take is written into a file."""
    await Service(stage, KeptTarget(Path(file))).step()()


async def sweep(stage: Stage) -> None:
    """Archive what is over."""
    await stage.container.archive_expired()()


async def empty_bin(stage: Stage) -> None:
    """Delete bytes that nothing refers to."""
    await stage.container.empty_bin()()


ACTS: Final[Mapping[str, Callable[..., Awaitable[Any]]]] = {
    each.__name__: each
    for each in (post, upload, delete, process, sequence, dispatch, publish, deliver, sweep, empty_bin)
}

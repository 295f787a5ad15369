"""The scene on which the table is played: for each visibility and state an owner with a story, and all the actors."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, Final

from msgspec import structs
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from application.commands.archive_story import ArchiveStory
from application.commands.delete_story import DeleteStory
from application.commands.post_story import PostStory
from application.commands.remove_story import RemoveStory
from application.ports.errors import RenderingFailedError
from application.ports.media import Reached, RenderedFile
from application.ports.people import Role
from domain.audience import Audience, Visibility
from domain.story import FailureReason
from domain.values import Lifetime, OrgId, StoryId, UserId
from infrastructure.container import Container
from infrastructure.ids import new_id
from infrastructure.sql.tables import (
    blocks,
    close_friends,
    friendships,
    metadata,
    mutes,
    stories,
    story_audience,
    story_stats,
)
from tests.stage import Stage, jpeg

STATES: Final = ("Processing", "Active", "Failed", "Manual", "Clock", "Swept", "Moderated", "Unseen", "Deleted")
FRIENDS: Final = ("friend", "close", "muter", "blocked", "blocker")
CLOSE: Final = ("close", "close-only", "muter", "blocked", "blocker")
LISTED: Final = ("listed", "muter", "blocked", "blocker")
COPIES: Final = 8
"""Of each story, for requests after which it is another."""
_BROKEN: Final = b"cannot be decoded"
_DAY: Final = 86_400

Place = tuple[str, str]
"""A visibility and a state."""


class Renderer:
    """Renders at once: who may see a picture does not depend on what is on it."""

    async def render(self, source: Path, mime_type: str, target: Path, reached: Reached) -> RenderedFile:
        """As `MediaRenderer`."""
        data = await asyncio.to_thread(source.read_bytes)
        if data.endswith(_BROKEN):
            raise RenderingFailedError(FailureReason.MEDIA_INVALID)
        media, thumbnail = target / "media", target / "thumbnail"
        media.write_bytes(data)
        thumbnail.write_bytes(data)
        return RenderedFile(
            media=media, thumbnail=thumbnail, mime_type="image/jpeg", width=64, height=48, placeholder="x"
        )


@dataclass(frozen=True)
class Scene:
    """What was set up.

    Attributes:
        org: the organisation all stories are in.
        elsewhere: another, in which there is nothing.
        owners: who posted the story of a place.
        stories: the story of a place, and copies of it that may be used up.
        residents: people with all the relations and no stories, one for each request about people.
    """

    org: str
    elsewhere: str
    owners: dict[Place, str] = field(default_factory=dict)
    stories: dict[Place, list[StoryId]] = field(default_factory=dict)
    residents: dict[str, str] = field(default_factory=dict)


async def set_scene(container: Container, residents: Iterable[str]) -> Scene:
    """Set everything up, by use cases where time and other services do nothing."""
    name = f"table-{uuid.uuid4().hex[:8]}"
    scene = Scene(org=name, elsewhere=f"{name}-elsewhere")
    stage = Stage(container, name)
    scene.residents.update({request: f"resident-{number}" for number, request in enumerate(residents)})
    scene.owners.update({(each, state): f"{each}-{state}".lower() for each, state in product(Visibility, STATES)})
    async with container.database().write(None) as connection:
        await _relate(connection, name, [*scene.owners.values(), *scene.residents.values()])
    for place, owner in scene.owners.items():
        scene.stories[place] = [await _post(stage, owner, Visibility(place[0]), place[1])]
    await _bring_about(stage, scene)
    async with container.database().write(None) as connection:
        for (_, state), ids in scene.stories.items():
            if state != "Deleted":
                ids.extend(await _copy(connection, name, ids[0]))
    return scene


async def _relate(connection: AsyncConnection, org: str, owners: list[str]) -> None:
    """Make the actors what their names say to each owner."""
    pairs = [(owner, friend) for owner in owners for friend in FRIENDS]
    friends = [{"user_id": one, "friend_id": other, "confirmed": True} for one, other in pairs]
    friends += [{"user_id": other, "friend_id": one, "confirmed": True} for one, other in pairs]
    friends += [{"user_id": "requested", "friend_id": owner, "confirmed": False} for owner in owners]
    for table, rows in (
        (friendships, friends),
        (close_friends, [{"user_id": owner, "friend_id": friend} for owner in owners for friend in CLOSE]),
        (mutes, [{"user_id": "muter", "target_id": owner} for owner in owners]),
        (blocks, [{"user_id": owner, "target_id": "blocked"} for owner in owners]),
        (blocks, [{"user_id": "blocker", "target_id": owner} for owner in owners]),
    ):
        await connection.execute(insert(table), [{"org_id": org, **row} for row in rows])


async def _post(stage: Stage, owner: str, visibility: Visibility, state: str) -> StoryId:
    allowed = frozenset(map(UserId, LISTED)) if visibility is Visibility.CUSTOM else frozenset[UserId]()
    upload = await stage.upload(owner, jpeg() + (_BROKEN if state == "Failed" else b""))
    posted = await stage.container.post_story()(
        PostStory(
            caller=stage.caller(owner),
            media_file=upload.id,
            audience=Audience(visibility, allowed),
            lifetime=Lifetime(_DAY),
        )
    )
    if state not in {"Processing", "Unseen"}:
        await stage.container.process_media()(stage.org, posted.story_id)
    return posted.story_id


async def _bring_about(stage: Stage, scene: Scene) -> None:
    """Bring each story, active or in processing until now, to its state."""
    at = {state: [(scene.owners[place], ids[0]) for place, ids in scene.stories.items() if place[1] == state]
          for state in STATES}  # fmt: skip
    for owner, story_id in at["Manual"]:
        await stage.container.archive_story()(ArchiveStory(caller=stage.caller(owner), story_id=story_id))
    for owner, story_id in at["Deleted"]:
        await stage.container.delete_story()(DeleteStory(caller=stage.caller(owner), story_id=story_id))
    moderator = structs.replace(stage.caller("moderator"), roles=frozenset({Role.MODERATOR}))
    for _, story_id in at["Moderated"]:
        await stage.container.remove_story()(RemoveStory(caller=moderator, story_id=story_id))
    for _, story_id in at["Swept"]:
        await stage.pass_time(story_id, _DAY)
    await stage.container.archive_expired()()
    for state in ("Clock", "Unseen"):
        for _, story_id in at[state]:
            await stage.pass_time(story_id, _DAY)


async def _copy(connection: AsyncConnection, org: str, story_id: StoryId) -> list[StoryId]:
    """Copies of a story, with its counts and its list."""
    ids = [StoryId(new_id()) for _ in range(COPIES)]
    for table, key in ((stories, "id"), (story_stats, "story_id"), (story_audience, "story_id")):
        found = await connection.execute(select(table).where(table.c.org_id == OrgId(org), table.c[key] == story_id))
        rows = [{**row, key: copy} for row in found.mappings() for copy in ids]
        if rows:
            await connection.execute(insert(table), rows)
    return ids


async def everything(container: Container, scene: Scene) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of both organisations, to see whether anything has changed; what tokens say of people apart.

    As the database writes them: there are thousands, and they are read before and after each request of the table.
    """
    found: dict[str, list[tuple[Any, ...]]] = {}
    async with container.database().read(None) as connection:
        for table in metadata.sorted_tables:
            if "org_id" in table.c and table.name != "profiles":
                row = f"{table.name}::text" if connection.dialect.name == "postgresql" else "*"
                rows = text(f"SELECT {row} FROM {table.name} WHERE org_id IN (:here, :there) ORDER BY 1")  # noqa: S608
                asked = await connection.execute(rows, {"here": scene.org, "there": scene.elsewhere})
                found[table.name] = [tuple(each) for each in asked]
    return found

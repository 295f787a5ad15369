"""Events on the wire: names and fields that stay as they are, schemas that describe them, and no words of anybody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from dependency_injector import providers
from msgspec import structs

from application.cloud_events import DATA, CloudEvent
from application.commands.archive_story import ArchiveStory
from application.commands.delete_story import DeleteStory
from application.commands.edit_story import EditStory
from application.commands.remove_reaction import RemoveReaction
from application.ports.people import Role
from application.queries.list_events import ListEvents
from domain.audience import Visibility
from domain.engagement import Reaction
from domain.story import FailureReason
from domain.values import Caption
from infrastructure.container import Container, close
from infrastructure.settings import Settings
from interfaces.http.event_schemas import asyncapi, event_schemas
from tests.stage import Stage
from tests.unit.application.doubles import PlainRenderer
from tests.unit.application.scenes import erased, react, reply, view

SECRET = "SECRET"
ENVELOPE = (
    *("specversion", "id", "source", "type", "subject", "time"),
    *("datacontenttype", "dataschema", "orgid", "position"),
)
# What is promised to other services: the data of each type, and whether it has a version.
WIRE = {
    "story.created": ({"ownerId", "kind", "visibility", "expiresAt"}, True),
    "story.published": ({"ownerId", "kind", "visibility", "expiresAt"}, True),
    "story.processing_failed": ({"ownerId", "reason"}, True),
    "story.updated": ({"ownerId", "changed", "visibility"}, True),
    "story.archived": ({"ownerId", "reason"}, True),
    "story.deleted": ({"ownerId"}, True),
    "story.viewed": ({"ownerId", "viewerId"}, False),
    "story.reacted": ({"ownerId", "userId", "reaction"}, False),
    "story.reaction_removed": ({"ownerId", "userId", "reaction"}, False),
    "story.replied": ({"ownerId", "replyId", "sender", "recipient"}, False),
    "user.erased": ({"userId"}, False),
}


@pytest.fixture
async def container(settings: Settings) -> AsyncIterator[Container]:
    """Everything wired, over a renderer that fails once."""
    renderer = PlainRenderer()
    renderer.fails.append(FailureReason.MEDIA_INVALID)
    container = Container(settings=settings, renderer=providers.Object(renderer))
    yield container
    await close(container)


@pytest.fixture
async def told(stage: Stage) -> list[dict[str, Any]]:
    """Everything that can happen, as a service reads it."""
    alice = stage.caller("alice")
    failed = await stage.post_image("alice", caption=SECRET)
    story = await stage.post_text("alice", text=SECRET, visibility=Visibility.PUBLIC)
    await stage.container.edit_story()(EditStory(caller=alice, story_id=story, visibility=Visibility.FRIENDS))
    await stage.container.edit_story()(EditStory(caller=alice, story_id=story, visibility=Visibility.PUBLIC))
    await view(stage, "bob", story)
    await react(stage, "bob", story, Reaction.LOVE)
    await stage.container.remove_reaction()(RemoveReaction(caller=stage.caller("bob"), story_id=story, reaction=None))
    await reply(stage, "bob", story, SECRET)
    await stage.container.archive_story()(ArchiveStory(caller=alice, story_id=story))
    await stage.container.delete_story()(DeleteStory(caller=alice, story_id=story))
    await stage.post_link("alice", url=f"https://cdn.example.com/{SECRET}.png")
    captioned = await stage.post_image("alice", caption="A walk")
    await stage.container.edit_story()(EditStory(caller=alice, story_id=captioned, caption=Caption(SECRET)))
    await erased(stage, "bob")
    await stage.container.sequence_events()()
    service = structs.replace(stage.caller("app"), roles=frozenset({Role.SERVICE}))
    lines = await stage.container.list_events()(ListEvents(caller=service, after=None, limit=1_000, wait=0))
    assert SECRET.encode() not in b"".join(lines)
    events = [msgspec.json.decode(line) for line in lines]
    assert {event["subject"] for event in events} > {str(failed), str(story), "bob"}
    return events


async def test_every_event_has_the_names_that_were_promised(told: list[dict[str, Any]]) -> None:
    assert {event["type"] for event in told} == set(WIRE) == {event.type for event in DATA}
    for event in told:
        data, versioned = WIRE[event["type"]]
        assert set(event["data"]) == data
        assert tuple(event) == (*ENVELOPE, *(("version",) if versioned else ()), "data")
        assert (event["specversion"], event["datacontenttype"]) == ("1.0", "application/json")
        assert event["source"] == "http://127.0.0.1:8000"


async def test_what_is_told_is_what_its_type_says(told: list[dict[str, Any]], stage: Stage) -> None:
    types = {event.type: data for event, data in DATA.items()}
    written = await stage.events()
    for event, row in zip(told, written, strict=True):
        read = msgspec.convert(event, CloudEvent)
        assert (read.id, read.position, read.orgid, read.subject) == (
            row.event_id,
            row.position,
            stage.org,
            row.subject,
        )
        fields = types[event["type"]].__struct_encode_fields__
        assert set(event["data"]) == set(fields)
        msgspec.convert(event["data"], types[event["type"]])


async def test_every_event_is_as_its_schema_says_and_no_other(told: list[dict[str, Any]]) -> None:
    document = event_schemas()
    whole = jsonschema_rs.validator_for(document, validate_formats=True)
    for event in told:
        whole.validate(event)
        address, _, pointer = event["dataschema"].partition("#/$defs/")
        assert address == "http://127.0.0.1:8000/schema/events.json"
        data = jsonschema_rs.validator_for({"$ref": f"#/$defs/{pointer}", "$defs": document["$defs"]})
        assert data.is_valid(event["data"])
        for name in event:
            assert not whole.is_valid({key: value for key, value in event.items() if key != name}), name
        assert not whole.is_valid({**event, "type": "story.other"})


def test_asyncapi_has_a_message_for_every_event_and_refers_to_nothing_that_is_not_there() -> None:
    document = asyncapi()
    assert {each["name"] for each in document["components"]["messages"].values()} == set(WIRE)

    def follow(node: Any) -> int:
        if isinstance(node, dict):
            if isinstance(reference := node.get("$ref"), str):
                target = document
                for part in reference.removeprefix("#/").split("/"):
                    target = target[part]
                return 1
            return sum(map(follow, node.values()))
        return sum(map(follow, node)) if isinstance(node, list) else 0

    assert follow(document) > 3 * len(WIRE)

"""Descriptions of the events, made from their types: JSON Schema, and AsyncAPI 3 for the ways they come by."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import msgspec
from litestar import get
from msgspec import Struct

from application.cloud_events import DATA, CloudEvent
from domain.events import Event, LifecycleEvent

JSON_SCHEMA: Final = "https://json-schema.org/draft/2020-12/schema"
_ATTRIBUTES: Final = {
    "id": "The same however often, and by whichever way, it comes",
    "source": "The address of the service",
    "subject": "The id of the story; of `user.erased`, that of the user",
    "time": "When it happened",
    "dataschema": "Where the schema of `data` is",
    "orgid": "The organisation it happened in",
    "position": "Rises from each event to the next, over all organisations",
    "version": "Of the story after this change: 1, 2, 3 and so on, without a gap",
}


@get("/events.json", sync_to_thread=False)
def get_event_schemas() -> dict[str, Any]:
    """The JSON Schemas of all events."""
    return event_schemas()


@get("/asyncapi.json", sync_to_thread=False)
def get_asyncapi() -> dict[str, Any]:
    """The ways that events come by."""
    return asyncapi()


@cache
def event_schemas() -> dict[str, Any]:
    """The JSON Schemas of all events: each by the name of its class, and all together."""
    return {
        "$schema": JSON_SCHEMA,
        "title": "Events of the stories service",
        "oneOf": [{"$ref": f"#/$defs/{event.__name__}"} for event in DATA],
        "$defs": _schemas("#/$defs/{name}"),
    }


@cache
def asyncapi() -> dict[str, Any]:
    """The ways that events come by, as AsyncAPI 3."""
    messages = {event.__name__: _message(event, data) for event, data in DATA.items()}
    channels: dict[str, tuple[str | None, str]] = {
        "stream": (
            "stories:events",
            "A Redis stream over all organisations: events in `data`, their positions in the ids",
        ),
        "log": ("/api/events", "The events of one organisation, as lines of JSON, for a service that asks"),
        "webhook": (None, "A POST for each event to the URL that a service has told, signed as Standard Webhooks say"),
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Events of the stories service",
            "version": "1.0.0",
            "description": "CloudEvents 1.0 in JSON, at least once, each time with the same `id`. The life-cycle "
            "events of a story come in order, by a `version` without gaps.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {
            name: {
                "address": address,
                "description": description,
                "messages": {event: {"$ref": f"#/components/messages/{event}"} for event in messages},
            }
            for name, (address, description) in channels.items()
        },
        "operations": {
            f"send{name.capitalize()}": {"action": "send", "channel": {"$ref": f"#/channels/{name}"}}
            for name in channels
        },
        "components": {"messages": messages, "schemas": _schemas("#/components/schemas/{name}")},
    }


def _message(event: type[Event], data: type[Struct]) -> dict[str, Any]:
    return {
        "name": event.type,
        "summary": _sentence(data),
        "contentType": "application/cloudevents+json",
        "payload": {"$ref": f"#/components/schemas/{event.__name__}"},
    }


def _schemas(reference: str) -> dict[str, Any]:
    """An envelope and its data for each event, by the names of their classes."""
    _, found = msgspec.json.schema_components([CloudEvent, *DATA.values()], ref_template=reference)
    envelope = found.pop(CloudEvent.__name__)
    for name, described in _ATTRIBUTES.items():
        envelope["properties"][name]["description"] = described
    for data in DATA.values():
        found[data.__name__]["description"] = _sentence(data)
    for event, data in DATA.items():
        found[event.__name__] = _whole(envelope, event, data, reference)
    return dict(sorted(found.items()))


def _whole(envelope: Mapping[str, Any], event: type[Event], data: type[Struct], reference: str) -> dict[str, Any]:
    properties = {name: schema for name, schema in envelope["properties"].items() if name != "version"}
    properties["type"] = {"const": event.type}
    properties["specversion"] = {"const": "1.0"}
    properties["datacontenttype"] = {"const": "application/json"}
    properties["data"] = {"$ref": reference.format(name=data.__name__)}
    if issubclass(event, LifecycleEvent):
        properties["version"] = {**envelope["properties"]["version"], "minimum": 1}
    return {
        "title": event.type,
        "description": _sentence(data),
        "type": "object",
        "properties": properties,
        "required": list(properties),
    }


def _sentence(data: type[Struct]) -> str:
    return (data.__doc__ or "").strip()

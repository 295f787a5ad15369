"""What happened to a story: the names on the wire, and what an event may tell."""

from dataclasses import fields
from datetime import UTC, datetime
from inspect import getmembers, isclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import events
from domain.audience import Audience, Visibility
from domain.content import MediaContent, Rendition
from domain.events import ALL, Event, LifecycleEvent, StoryEvent
from domain.story import FailureReason, Story
from domain.values import Caption, OrgId, TextOverlay, UserId
from tests.unit.domain import strategies

ENVELOPE = {"org", "at"}
OF_A_STORY = ENVELOPE | {"story", "owner"}

# Type, name on the wire, whether it changes the story itself, and what it tells beside the envelope.
WIRE: list[tuple[type[Event], str, bool, set[str]]] = [
    (events.StoryCreated, "story.created", True, {"kind", "visibility", "expires_at"}),
    (events.StoryPublished, "story.published", True, {"kind", "visibility", "expires_at"}),
    (events.StoryProcessingFailed, "story.processing_failed", True, {"reason"}),
    (events.StoryUpdated, "story.updated", True, {"changed", "visibility"}),
    (events.StoryArchived, "story.archived", True, {"reason"}),
    (events.StoryDeleted, "story.deleted", True, set()),
    (events.StoryViewed, "story.viewed", False, {"viewer"}),
    (events.StoryReacted, "story.reacted", False, {"user", "reaction"}),
    (events.StoryReactionRemoved, "story.reaction_removed", False, {"user", "reaction"}),
    (events.StoryReplied, "story.replied", False, {"reply", "sender", "recipient"}),
    (events.UserErased, "user.erased", False, {"user"}),
]


@pytest.mark.says(
    "story:architecture domain-events-story  ",
    "story:architecture domain-events-story ",
    "story:architecture domain-events-story",
)
def test_every_event_is_listed_in_the_order_of_a_life() -> None:
    assert list(ALL) == [event for event, _, _, _ in WIRE]


def test_every_event_with_a_name_is_listed() -> None:
    named = {each for _, each in getmembers(events, isclass) if issubclass(each, Event) and hasattr(each, "type")}

    assert named == set(ALL)


@pytest.mark.parametrize(("event", "name", "changes", "told"), WIRE)
def test_an_event_has_a_stable_name_and_tells_no_more_than_it_should(
    event: type[Event],
    name: str,
    *,
    changes: bool,
    told: set[str],
) -> None:
    assert event.type == name
    assert issubclass(event, LifecycleEvent) is changes
    envelope = OF_A_STORY if issubclass(event, StoryEvent) else ENVELOPE
    assert {field.name for field in fields(event)} == envelope | told | ({"version"} if changes else set())


@given(strategies.posts(content=strategies.media_contents), strategies.renditions)
def test_events_never_tell_a_caption_a_text_a_link_or_who_is_listed(story: Story, rendition: Rendition) -> None:
    secret = "SECRET"
    audience = Audience(Visibility.CUSTOM, frozenset({UserId(secret)}))
    shown = Rendition(secret, secret, secret, rendition.width, rendition.height, secret)

    lived = (
        story.media_ready(shown, at=story.created_at)
        .edit(
            by=story.owner,
            at=story.created_at,
            caption=Caption(secret),
            overlays=(TextOverlay(secret, 0, 0),),
            audience=audience,
        )
        .archive(by=story.owner, at=story.created_at)
        .delete(by=story.owner, at=story.created_at)
    )

    assert isinstance(lived.content, MediaContent)
    assert secret in repr(lived)
    assert [event.type for event in lived.events] == [
        "story.created",
        "story.published",
        "story.updated",
        "story.archived",
        "story.deleted",
    ]
    assert secret not in repr(lived.events)


@given(strategies.posts(), st.sampled_from(FailureReason))
def test_every_event_says_whose_story_it_is_and_where_it_lives(story: Story, reason: FailureReason) -> None:
    if isinstance(story.content, MediaContent):
        story = story.media_failed(reason, at=story.created_at)
    story = story.archive(by=story.owner, at=story.created_at).delete(by=story.owner, at=story.created_at)

    assert {(event.org, event.story, event.owner) for event in story.events} == {(story.org, story.id, story.owner)}
    assert {event.subject for event in story.events} == {str(story.id)}


def test_the_subject_of_an_erasure_is_the_person() -> None:
    assert events.UserErased(org=OrgId("acme"), at=datetime.now(UTC), user=UserId("alice")).subject == "alice"

"""The life of a story: each behaviour by itself, then every life that can be led, step by step."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from domain.audience import STRANGER, Audience, Relation, Visibility
from domain.content import Content, Kind, LinkedContent, MediaContent, Rendition, TextContent
from domain.errors import InvalidError, NotActiveError, NotTheOwnerError
from domain.events import (
    LifecycleEvent,
    StoryArchived,
    StoryCreated,
    StoryDeleted,
    StoryEvent,
    StoryProcessingFailed,
    StoryPublished,
    StoryUpdated,
)
from domain.story import Access, ArchiveReason, FailureReason, Status, Story
from domain.values import Caption, Lifetime, MediaFileId, MediaUrl, OrgId, PageId, StoryId, TextOverlay, UserId
from tests.unit.domain import strategies

ORG = OrgId("acme")
ID = StoryId(UUID(int=1))
OLGA, VERA, NORA = UserId("olga"), UserId("vera"), UserId("nora")
"""The owner, a viewer, somebody else."""

BEGIN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = BEGIN + timedelta(minutes=10)
END = BEGIN + timedelta(hours=1)
TICK = timedelta(microseconds=1)

TEXT = TextContent("Hello")
PICTURE = MediaContent(Kind.IMAGE, MediaFileId(UUID(int=2)), caption=Caption("Sea"))
LINKED = LinkedContent(Kind.IMAGE, MediaUrl("https://cdn.example.com/story.png"))
RENDITION = Rendition("media", "thumbnail", "image/jpeg", 1080, 720, "LEHV6nWB2yk8")
FRIEND = Relation(friend=True)
OVERLAY = TextOverlay(text="Hi", x=0.5, y=0.5)


def posted(content: Content = TEXT, audience: Audience | None = None) -> Story:
    """Post a story of one hour; a text is active at once."""
    return Story.post(
        org=ORG,
        id=ID,
        owner=OLGA,
        content=content,
        audience=audience or Audience(),
        lifetime=Lifetime(3_600),
        at=BEGIN,
    )


def loaded(story: Story) -> Story:
    """Take the story as a repository hands it out: what has happened is told already."""
    return replace(story, events=())


PROCESSING = posted(PICTURE)
ACTIVE = PROCESSING.media_ready(RENDITION, at=LATER)
FAILED = PROCESSING.media_failed(FailureReason.MEDIA_INVALID, at=LATER)
ARCHIVED = ACTIVE.archive(by=OLGA, at=LATER)
EXPIRED = ACTIVE.expire(at=END)


def test_the_states_and_reasons_have_these_names() -> None:
    assert [str(each) for each in Status] == ["Processing", "Active", "Failed", "Archived"]
    assert [str(each) for each in ArchiveReason] == ["manual", "expired", "moderation"]
    assert {"media_invalid", "media_limits", "processing_failed"} <= {str(each) for each in FailureReason}


# --- Posting and processing


def test_a_text_is_active_at_once() -> None:
    story = posted(TEXT, Audience(Visibility.PUBLIC))

    assert (story.status, story.version, story.published_at) == (Status.ACTIVE, 2, BEGIN)
    created, published = story.events
    assert isinstance(created, StoryCreated)
    assert isinstance(published, StoryPublished)
    assert [(each.at, each.version, each.kind, each.visibility, each.expires_at) for each in (created, published)] == [
        (BEGIN, 1, "text", "Public", END),
        (BEGIN, 2, "text", "Public", END),
    ]


def test_what_is_linked_is_visible_at_once_and_never_processed() -> None:
    story = posted(LINKED, Audience(Visibility.PUBLIC))

    assert (story.status, story.version, story.published_at) == (Status.ACTIVE, 2, BEGIN)
    assert story.access(VERA, Relation(), BEGIN) is Access.VISIBLE
    with pytest.raises(NotActiveError):
        story.media_ready(RENDITION, at=LATER)
    edited = story.edit(by=OLGA, at=LATER, caption=Caption("Sea"))
    assert edited.content == replace(LINKED, caption=Caption("Sea"))


def test_a_story_stays_on_the_page_it_was_posted_to() -> None:
    story = replace(posted(), page=PageId("lobby"))

    assert story.archive(by=OLGA, at=LATER).page == "lobby"
    assert posted().page is None


def test_a_story_tells_when_it_was_changed_last() -> None:
    assert (posted().changed_at, PROCESSING.changed_at) == (BEGIN, BEGIN)
    edited = loaded(ACTIVE).edit(by=OLGA, at=LATER + TICK, caption=Caption("Tide"))
    assert edited.changed_at == LATER + TICK
    assert edited.edit(by=OLGA, at=END - TICK, caption=Caption("Tide")).changed_at == LATER + TICK


def test_an_upload_is_processed_first() -> None:
    assert (PROCESSING.status, PROCESSING.version, PROCESSING.published_at) == (Status.PROCESSING, 1, None)
    assert PROCESSING.events == (
        StoryCreated(
            org=ORG,
            story=ID,
            owner=OLGA,
            at=BEGIN,
            version=1,
            kind="image",
            visibility="Friends",
            expires_at=END,
        ),
    )


def test_life_counts_from_the_posting_processing_included() -> None:
    assert PROCESSING.expires_at == END
    assert ACTIVE.expires_at == END
    assert ACTIVE.created_at == BEGIN


def test_what_processing_made_is_published() -> None:
    assert ACTIVE.content == replace(PICTURE, rendition=RENDITION)
    assert (ACTIVE.status, ACTIVE.version, ACTIVE.published_at) == (Status.ACTIVE, 2, LATER)
    assert ACTIVE.events[1:] == (
        StoryPublished(
            org=ORG,
            story=ID,
            owner=OLGA,
            at=LATER,
            version=2,
            kind="image",
            visibility="Friends",
            expires_at=END,
        ),
    )


@pytest.mark.parametrize("at", [END, END + timedelta(days=1)])
def test_what_is_processed_too_late_is_archived_unseen(at: datetime) -> None:
    late = PROCESSING.media_ready(RENDITION, at=at)

    assert late.content == replace(PICTURE, rendition=RENDITION)
    assert (late.status, late.archive_reason, late.archived_at) == (Status.ARCHIVED, ArchiveReason.EXPIRED, at)
    assert late.published_at is None
    assert [event.type for event in late.events] == ["story.created", "story.archived"]


def test_what_is_processed_at_the_last_moment_is_published() -> None:
    assert PROCESSING.media_ready(RENDITION, at=END - TICK).status is Status.ACTIVE


@pytest.mark.parametrize("reason", FailureReason)
def test_what_cannot_be_processed_fails_for_a_reason(reason: FailureReason) -> None:
    failed = PROCESSING.media_failed(reason, at=LATER)

    assert (failed.status, failed.failure_reason, failed.published_at) == (Status.FAILED, reason, None)
    assert failed.events[1:] == (
        StoryProcessingFailed(org=ORG, story=ID, owner=OLGA, at=LATER, version=2, reason=reason.value),
    )


@pytest.mark.parametrize("story", [posted(TEXT), ACTIVE, FAILED, ARCHIVED, EXPIRED])
def test_only_what_is_being_processed_can_end_it(story: Story) -> None:
    with pytest.raises(NotActiveError, match="not being processed"):
        story.media_ready(RENDITION, at=LATER)
    with pytest.raises(NotActiveError, match="not being processed"):
        story.media_failed(FailureReason.PROCESSING_FAILED, at=LATER)


def test_a_text_is_never_processed() -> None:
    with pytest.raises(NotActiveError):
        replace(posted(TEXT), status=Status.PROCESSING).media_ready(RENDITION, at=LATER)


# --- Access and the clock


@pytest.mark.parametrize("story", [PROCESSING, ACTIVE, FAILED, ARCHIVED, EXPIRED])
def test_from_its_end_on_a_story_counts_as_archived_by_the_clock(story: Story) -> None:
    assert story.status_at(END - TICK) is story.status
    assert story.status_at(END) is Status.ARCHIVED
    assert story.status_at(END + timedelta(days=1)) is Status.ARCHIVED


NEVER_PUBLISHED = {
    "processing": PROCESSING,
    "failed": FAILED,
    "archived while processing": PROCESSING.archive(by=OLGA, at=LATER),
    "failed, then archived": FAILED.archive(by=OLGA, at=LATER),
    "processed too late": PROCESSING.media_ready(RENDITION, at=END),
    "expired while processing": PROCESSING.expire(at=END),
}
OVER = {"archived": ARCHIVED, "expired": EXPIRED}


@pytest.mark.parametrize("story", [*NEVER_PUBLISHED.values(), *OVER.values(), ACTIVE])
@pytest.mark.parametrize("at", [LATER, END])
def test_the_owner_always_has_access(story: Story, at: datetime) -> None:
    assert story.access(OLGA, STRANGER, at) is Access.OWNER


@pytest.mark.parametrize("name", NEVER_PUBLISHED)
@pytest.mark.parametrize("at", [LATER, END])
def test_what_was_never_published_is_hidden_for_ever(name: str, at: datetime) -> None:
    assert NEVER_PUBLISHED[name].access(VERA, FRIEND, at) is Access.HIDDEN


def test_what_is_active_is_visible_to_its_audience_until_its_end() -> None:
    assert ACTIVE.access(VERA, FRIEND, LATER) is Access.VISIBLE
    assert ACTIVE.access(VERA, FRIEND, END - TICK) is Access.VISIBLE
    assert ACTIVE.access(VERA, FRIEND, END) is Access.GONE


@pytest.mark.parametrize("name", OVER)
def test_what_is_over_is_gone_for_its_audience_and_hidden_from_others(name: str) -> None:
    assert OVER[name].access(VERA, FRIEND, LATER) is Access.GONE
    assert OVER[name].access(VERA, STRANGER, LATER) is Access.HIDDEN
    assert OVER[name].access(VERA, Relation(friend=True, blocked=True), LATER) is Access.HIDDEN


# --- Removal


@pytest.mark.parametrize("story", [PROCESSING, FAILED, ACTIVE])
def test_a_removed_story_is_archived_by_moderation_whoever_asks(story: Story) -> None:
    removed = story.remove(at=LATER)

    assert (removed.status, removed.archive_reason, removed.archived_at) == (
        Status.ARCHIVED,
        ArchiveReason.MODERATION,
        LATER,
    )
    assert removed.events[-1] == StoryArchived(
        org=ORG, story=ID, owner=OLGA, at=LATER, version=story.version + 1, reason="moderation"
    )


def test_what_is_over_keeps_the_reason_why() -> None:
    assert ARCHIVED.remove(at=LATER) is ARCHIVED
    assert ACTIVE.remove(at=END).archive_reason is ArchiveReason.EXPIRED


# --- Editing


def test_an_edit_changes_what_is_said_and_tells_what_it_changed() -> None:
    audience = Audience(Visibility.CUSTOM, frozenset({NORA}))

    edited = ACTIVE.edit(by=OLGA, at=LATER, caption=Caption("Lake"), overlays=(OVERLAY,), audience=audience)

    assert edited.content == replace(PICTURE, rendition=RENDITION, caption=Caption("Lake"), overlays=(OVERLAY,))
    assert edited.audience == audience
    assert edited.status is Status.ACTIVE
    assert edited.events[2:] == (
        StoryUpdated(
            org=ORG,
            story=ID,
            owner=OLGA,
            at=LATER,
            version=3,
            changed=("caption", "overlays", "audience"),
            visibility="Custom",
        ),
    )


@pytest.mark.parametrize(
    ("caption", "overlays", "audience", "changed"),
    [
        (Caption("Lake"), None, None, ("caption",)),
        (Caption(""), None, None, ("caption",)),
        (None, (OVERLAY,), None, ("overlays",)),
        (None, None, Audience(Visibility.PUBLIC), ("audience",)),
        (Caption("Sea"), (OVERLAY,), Audience(), ("overlays",)),
    ],
)
def test_an_edit_tells_only_what_is_new(
    caption: Caption | None,
    overlays: tuple[TextOverlay, ...] | None,
    audience: Audience | None,
    changed: tuple[str, ...],
) -> None:
    edited = ACTIVE.edit(by=OLGA, at=LATER, caption=caption, overlays=overlays, audience=audience)

    event = edited.events[-1]
    assert isinstance(event, StoryUpdated)
    assert event.changed == changed
    assert event.visibility == (audience or ACTIVE.audience).visibility


def test_an_edit_of_nothing_new_is_no_edit() -> None:
    assert ACTIVE.edit(by=OLGA, at=LATER) is ACTIVE
    assert ACTIVE.edit(by=OLGA, at=LATER, caption=Caption("Sea"), overlays=(), audience=Audience()) is ACTIVE


def test_overlays_can_be_taken_away() -> None:
    drawn_over = ACTIVE.edit(by=OLGA, at=LATER, overlays=(OVERLAY,))

    assert drawn_over.edit(by=OLGA, at=LATER, overlays=()).content == ACTIVE.content


def test_a_text_gets_overlays_and_another_audience_but_no_caption() -> None:
    text = posted(TEXT)

    edited = text.edit(by=OLGA, at=LATER, overlays=(OVERLAY,), audience=Audience(Visibility.ONLY_ME))

    assert edited.content == TextContent("Hello", overlays=(OVERLAY,))
    assert edited.audience == Audience(Visibility.ONLY_ME)
    with pytest.raises(InvalidError) as refused:
        text.edit(by=OLGA, at=LATER, caption=Caption("Sea"))
    assert refused.value.field == "caption"


def test_an_edit_obeys_the_rules_of_the_content() -> None:
    with pytest.raises(InvalidError) as refused:
        ACTIVE.edit(by=OLGA, at=LATER, overlays=(OVERLAY,) * 21)

    assert refused.value.field == "overlays"


@pytest.mark.parametrize(
    ("story", "at"),
    [(PROCESSING, LATER), (FAILED, LATER), (ARCHIVED, LATER), (EXPIRED, END), (ACTIVE, END)],
)
def test_only_an_active_story_can_be_edited(story: Story, at: datetime) -> None:
    with pytest.raises(NotActiveError):
        story.edit(by=OLGA, at=at, overlays=(OVERLAY,))


def test_a_story_can_be_edited_until_the_last_moment() -> None:
    assert ACTIVE.edit(by=OLGA, at=END - TICK, overlays=(OVERLAY,)).content.overlays == (OVERLAY,)


# --- Its ends


@pytest.mark.parametrize("story", [PROCESSING, ACTIVE, FAILED])
def test_the_owner_archives_a_story_by_hand(story: Story) -> None:
    archived = story.archive(by=OLGA, at=LATER)

    assert (archived.status, archived.archive_reason, archived.archived_at) == (
        Status.ARCHIVED,
        ArchiveReason.MANUAL,
        LATER,
    )
    assert archived.events[len(story.events) :] == (
        StoryArchived(org=ORG, story=ID, owner=OLGA, at=LATER, version=story.version + 1, reason="manual"),
    )


@pytest.mark.parametrize("story", [PROCESSING, ACTIVE, FAILED])
def test_what_is_archived_by_hand_after_its_end_has_expired(story: Story) -> None:
    archived = story.archive(by=OLGA, at=END)

    assert archived == story.expire(at=END)
    assert archived.archive_reason is ArchiveReason.EXPIRED
    assert story.archive(by=OLGA, at=END - TICK).archive_reason is ArchiveReason.MANUAL


@pytest.mark.parametrize("story", [PROCESSING, ACTIVE, FAILED])
def test_expiry_makes_durable_what_the_clock_has_decided(story: Story) -> None:
    late = END + timedelta(minutes=3)
    expired = story.expire(at=late)

    assert (expired.status, expired.archive_reason, expired.archived_at) == (
        Status.ARCHIVED,
        ArchiveReason.EXPIRED,
        late,
    )
    assert expired.events[len(story.events) :] == (
        StoryArchived(org=ORG, story=ID, owner=OLGA, at=late, version=story.version + 1, reason="expired"),
    )


@pytest.mark.parametrize("story", [PROCESSING, ACTIVE, FAILED, ARCHIVED])
def test_nothing_expires_before_its_end(story: Story) -> None:
    assert story.expire(at=END - TICK) is story
    assert story.status_at(END - TICK) is story.status


@pytest.mark.parametrize("story", [ARCHIVED, EXPIRED])
@pytest.mark.parametrize("at", [LATER, END])
def test_what_is_archived_stays_as_it_is(story: Story, at: datetime) -> None:
    assert story.archive(by=OLGA, at=at) is story
    assert story.expire(at=at) is story


@pytest.mark.parametrize("story", [PROCESSING, ACTIVE, FAILED, ARCHIVED, EXPIRED])
def test_a_story_can_be_deleted_at_any_time(story: Story) -> None:
    deleted = story.delete(by=OLGA, at=END)

    assert deleted.events == (
        *story.events,
        StoryDeleted(org=ORG, story=ID, owner=OLGA, at=END, version=story.version + 1),
    )


@pytest.mark.parametrize("story", [PROCESSING, ACTIVE, FAILED, ARCHIVED, EXPIRED])
@pytest.mark.parametrize("at", [LATER, END])
def test_nobody_but_the_owner_edits_archives_or_deletes(story: Story, at: datetime) -> None:
    with pytest.raises(NotTheOwnerError):
        story.edit(by=VERA, at=at, overlays=(OVERLAY,))
    with pytest.raises(NotTheOwnerError):
        story.archive(by=VERA, at=at)
    with pytest.raises(NotTheOwnerError):
        story.delete(by=VERA, at=at)


@given(strategies.posts(), st.data())
def test_by_the_clock_a_story_is_over_exactly_from_its_end_on(story: Story, data: st.DataObject) -> None:
    at = data.draw(strategies.moments(story))
    ends = story.created_at + timedelta(seconds=story.lifetime.seconds)

    assert (story.status_at(at) is Status.ARCHIVED) is (at >= ends)
    assert (story.expire(at=at) is not story) is (at >= ends)


@given(strategies.posts(), strategies.people, strategies.relations, st.data())
def test_what_the_clock_ends_is_over_before_and_after_the_job_alike(
    story: Story,
    viewer: UserId,
    relation: Relation,
    data: st.DataObject,
) -> None:
    at = data.draw(strategies.moments(story))

    assert story.access(viewer, relation, at) is story.expire(at=at).access(viewer, relation, at)


# --- Every life

LEGAL = {
    Status.PROCESSING: {Status.ACTIVE, Status.FAILED, Status.ARCHIVED},
    Status.ACTIVE: {Status.ARCHIVED},
    Status.FAILED: {Status.ARCHIVED},
    Status.ARCHIVED: set[Status](),
}
"""Where a story can go from each state."""

LEADS_TO: dict[type[StoryEvent], Status] = {
    StoryCreated: Status.PROCESSING,
    StoryPublished: Status.ACTIVE,
    StoryProcessingFailed: Status.FAILED,
    StoryArchived: Status.ARCHIVED,
}
"""The state an event leaves a story in; the others leave it where it is."""

RELATIONS = [
    Relation(friend=friend, close_friend=close_friend, blocked=blocked)
    for friend, close_friend, blocked in product((False, True), repeat=3)
]
LISTED = Audience(Visibility.CUSTOM, frozenset({VERA}))
MOMENTS = st.sampled_from(["now", "soon", "the last moment", "its end", "after its end"])
"""When somebody acts: the edges of a life matter, and a clock drawn at random hardly ever hits them."""


class StoryLife(RuleBasedStateMachine):
    """Whatever anybody does to a story, in whatever order, at whatever time."""

    story: Story
    now: datetime
    ends: datetime

    def __init__(self) -> None:
        super().__init__()
        self.told: tuple[StoryEvent, ...] = ()
        self.past: list[tuple[Story, str]] = []

    @property
    def history(self) -> list[LifecycleEvent]:
        """Everything that has happened since the posting."""
        return [event for event in (*self.told, *self.story.events) if isinstance(event, LifecycleEvent)]

    @property
    def over(self) -> bool:
        return self.now >= self.ends

    def becomes(self, after: Story) -> None:
        """Go on with the next story, if it may follow."""
        before = self.story
        news = after.events[len(before.events) :]
        assert after.events == (*before.events, *news)
        assert after.version == before.version + len(news)
        assert all(event.at == self.now for event in news)
        assert after.status is before.status or after.status in LEGAL[before.status]
        assert news or after is before
        for name in ("org", "id", "owner", "lifetime", "created_at", "expires_at"):
            assert getattr(after, name) == getattr(before, name)
        self.past.append((before, repr(before)))
        self.story = after

    @initialize(
        content=strategies.contents | strategies.media_contents,
        audience=strategies.unlisted_audiences | st.just(LISTED),
        lifetime=strategies.lifetimes,
        at=strategies.instants,
    )
    def somebody_posts(self, content: Content, audience: Audience, lifetime: Lifetime, at: datetime) -> None:
        self.now, self.ends = at, at + timedelta(seconds=lifetime.seconds)
        self.story = Story.post(
            org=ORG,
            id=ID,
            owner=OLGA,
            content=content,
            audience=audience,
            lifetime=lifetime,
            at=at,
        )
        assert self.story.expires_at == self.ends

    def wait(self, until: str) -> None:
        """Let time pass; it never runs backwards."""
        lifetime = self.ends - self.story.created_at
        self.now = {
            "now": self.now,
            "soon": self.now + lifetime / 100,
            "the last moment": max(self.now, self.ends - TICK),
            "its end": max(self.now, self.ends),
            "after its end": max(self.now, self.ends + lifetime),
        }[until]

    @property
    def live(self) -> bool:
        return self.story.status is Status.ACTIVE and not self.over

    @rule(when=MOMENTS)
    def time_passes(self, when: str) -> None:
        self.wait(when)

    @rule()
    def it_is_saved_and_loaded(self) -> None:
        self.told += self.story.events
        self.story = loaded(self.story)

    @precondition(lambda self: self.story.status is Status.PROCESSING)
    @rule(rendition=strategies.renditions, when=MOMENTS)
    def processing_ends_well(self, rendition: Rendition, when: str) -> None:
        self.wait(when)
        ready = self.story.media_ready(rendition, at=self.now)
        self.becomes(ready)
        assert ready.status is (Status.ARCHIVED if self.over else Status.ACTIVE)
        assert isinstance(ready.content, MediaContent)
        assert ready.content.rendition == rendition

    @precondition(lambda self: self.story.status is Status.PROCESSING)
    @rule(reason=st.sampled_from(FailureReason), when=MOMENTS)
    def processing_fails(self, reason: FailureReason, when: str) -> None:
        self.wait(when)
        failed = self.story.media_failed(reason, at=self.now)
        self.becomes(failed)
        assert (failed.status, failed.failure_reason) == (Status.FAILED, reason)

    @precondition(lambda self: self.live)
    @rule(
        overlays=st.none() | strategies.overlay_sets,
        audience=st.none() | strategies.unlisted_audiences | st.just(LISTED),
        when=st.sampled_from(["now", "soon"]),
    )
    def the_owner_edits(
        self,
        overlays: tuple[TextOverlay, ...] | None,
        audience: Audience | None,
        when: str,
    ) -> None:
        self.wait(when)
        if not self.live:
            return
        edited = self.story.edit(by=OLGA, at=self.now, overlays=overlays, audience=audience)
        self.becomes(edited)
        assert edited.status is Status.ACTIVE
        assert overlays is None or edited.content.overlays == overlays
        assert audience is None or edited.audience == audience

    @precondition(lambda self: self.live)
    @rule(caption=strategies.captions)
    def the_owner_writes_a_caption(self, caption: Caption) -> None:
        if isinstance(self.story.content, TextContent):
            with pytest.raises(InvalidError):
                self.story.edit(by=OLGA, at=self.now, caption=caption)
            return
        edited = self.story.edit(by=OLGA, at=self.now, caption=caption)
        self.becomes(edited)
        assert not isinstance(edited.content, TextContent)
        assert edited.content.caption == caption

    @precondition(lambda self: self.story.status is not Status.ARCHIVED)
    @rule(by_hand=st.booleans(), when=MOMENTS)
    def it_is_archived_by_hand_or_by_the_job(self, *, by_hand: bool, when: str) -> None:
        self.wait(when)
        self.becomes(self.story.archive(by=OLGA, at=self.now) if by_hand else self.story.expire(at=self.now))
        assert (self.story.status is Status.ARCHIVED) is (by_hand or self.over)

    @precondition(lambda self: self.story.status is not Status.ARCHIVED)
    @rule(when=MOMENTS)
    def it_is_removed_by_a_moderator(self, when: str) -> None:
        self.wait(when)
        self.becomes(self.story.remove(at=self.now))
        assert self.story.archive_reason is (ArchiveReason.EXPIRED if self.over else ArchiveReason.MODERATION)

    @invariant()
    def it_can_always_be_archived_once(self) -> None:
        archived = self.story.archive(by=OLGA, at=self.now)
        assert archived.status is Status.ARCHIVED
        assert archived.archive(by=OLGA, at=self.now) is archived
        assert archived.archive(by=OLGA, at=self.ends) is archived
        assert archived.expire(at=self.ends) is archived
        assert archived.remove(at=self.now) is archived
        if self.story.status is not Status.ARCHIVED:
            assert archived.archive_reason is (ArchiveReason.EXPIRED if self.over else ArchiveReason.MANUAL)

    @invariant()
    def it_expires_exactly_when_its_time_is_over(self) -> None:
        due = self.over and self.story.status is not Status.ARCHIVED
        assert (self.story.expire(at=self.now) is not self.story) is due
        assert (self.story.status_at(self.now) is Status.ARCHIVED) is (
            self.over or self.story.status is Status.ARCHIVED
        )

    @invariant()
    def it_can_always_be_deleted(self) -> None:
        deleted = self.story.delete(by=OLGA, at=self.now)
        assert deleted.events[:-1] == self.story.events
        assert isinstance(deleted.events[-1], StoryDeleted)
        assert deleted.version == deleted.events[-1].version == self.story.version + 1

    @invariant()
    def what_is_not_its_turn_is_refused(self) -> None:
        if self.story.status is not Status.PROCESSING:
            with pytest.raises(NotActiveError):
                self.story.media_ready(RENDITION, at=self.now)
            with pytest.raises(NotActiveError):
                self.story.media_failed(FailureReason.MEDIA_INVALID, at=self.now)
        if not self.live:
            with pytest.raises(NotActiveError):
                self.story.edit(by=OLGA, at=self.now, overlays=(OVERLAY,))

    @invariant()
    def nobody_else_can_meddle(self) -> None:
        with pytest.raises(NotTheOwnerError):
            self.story.edit(by=VERA, at=self.now, audience=Audience(Visibility.PUBLIC))
        with pytest.raises(NotTheOwnerError):
            self.story.archive(by=VERA, at=self.now)
        with pytest.raises(NotTheOwnerError):
            self.story.delete(by=VERA, at=self.now)

    @invariant()
    def versions_count_the_events_from_1_without_a_gap(self) -> None:
        assert [event.version for event in self.history] == list(range(1, self.story.version + 1))

    @invariant()
    def the_events_tell_the_state(self) -> None:
        states = [LEADS_TO[type(event)] for event in self.history if type(event) in LEADS_TO]
        assert states[0] is Status.PROCESSING
        assert states[-1] is self.story.status
        assert len(states) == len(set(states))

        published = [event.at for event in self.history if isinstance(event, StoryPublished)]
        assert published == [at for at in [self.story.published_at] if at is not None]
        archived = [(event.at, event.reason) for event in self.history if isinstance(event, StoryArchived)]
        assert archived == [
            (at, reason.value)
            for at, reason in [(self.story.archived_at, self.story.archive_reason)]
            if at is not None and reason is not None
        ]

    @invariant()
    def nothing_is_published_or_edited_after_its_end_and_nothing_expires_before(self) -> None:
        for event in self.history:
            if isinstance(event, StoryPublished | StoryUpdated):
                assert event.at < self.ends
            if isinstance(event, StoryUpdated):
                assert event.changed
            if isinstance(event, StoryArchived):
                assert (event.reason == "expired") is (event.at >= self.ends)

    @invariant()
    def only_its_audience_sees_it_only_while_it_is_there(self) -> None:
        published = self.story.published_at is not None
        archived = self.story.status is Status.ARCHIVED
        for at, relation, viewer in product(
            [self.now, self.ends - TICK, self.ends, self.ends + TICK],
            RELATIONS,
            [VERA, NORA],
        ):
            access = self.story.access(viewer, relation, at)
            if relation.blocked or not published or not self.story.audience.admits(viewer, relation):
                assert access is Access.HIDDEN
            elif archived or at >= self.ends:
                assert access is Access.GONE
            else:
                assert access is Access.VISIBLE
        assert all(self.story.access(OLGA, relation, self.now) is Access.OWNER for relation in RELATIONS)

    def teardown(self) -> None:
        """The past has stayed as it was."""
        assert all(repr(story) == then for story, then in self.past)


@pytest.mark.says(
    "story:architecture story-aggregate-expiration  ",
    "story:architecture story-aggregate-expiration ",
    "story:architecture story-aggregate-expiration",
)
def test_every_life_a_story_can_lead_keeps_its_promises() -> None:
    run_state_machine_as_test(
        StoryLife,
        settings=settings(max_examples=200, stateful_step_count=12, deadline=None),
    )

"""Draws whatever the domain accepts, for the tests of the domain; what it refuses stands in the tests themselves."""

from datetime import UTC, datetime, timedelta
from string import hexdigits

from hypothesis import strategies as st

from domain.audience import Audience, Relation, Visibility
from domain.content import Content, Kind, LinkedContent, MediaContent, Rendition, TextContent
from domain.engagement import Reaction, Reactions, Reply, View
from domain.friendship import Friendship
from domain.ranking import Scores, Weights
from domain.story import Story
from domain.values import (
    Align,
    BackgroundColor,
    Caption,
    Lifetime,
    MediaFileId,
    MediaUrl,
    OrgId,
    PageId,
    ReplyId,
    StoryId,
    TextOverlay,
    UserId,
)

ORG_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

org_ids = st.text(ORG_LETTERS, min_size=1, max_size=64).map(OrgId)
user_ids = (
    # Neither control characters and the like (C) nor spaces (Z).
    st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="/\\?#%"), min_size=1, max_size=128)
    .filter(lambda text: text not in {".", ".."})
    .map(UserId)
)
people = st.sampled_from(["olga", "vera", "nora", "jo@example.org", "\N{GREEK SMALL LETTER OMEGA}"]).map(UserId)
"""A few of them, quick to draw and likely to meet: the rules of an id are tested by themselves."""
story_ids = st.uuids().map(StoryId)
media_file_ids = st.uuids().map(MediaFileId)
reply_ids = st.uuids().map(ReplyId)

instants = st.datetimes(datetime(2024, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 - bounds are naive, by its rule
    lambda at: at.replace(microsecond=at.microsecond // 1_000 * 1_000),
)
lifetimes = st.integers(1, 604_800).map(Lifetime)

readable = st.characters(exclude_categories=("Cc", "Cs"), include_characters="\n\t")
texts = st.text(readable, max_size=50)
written_texts = texts.filter(lambda text: bool(text.strip()))
captions = texts.map(Caption)


def colors(*digits: int) -> st.SearchStrategy[str]:
    """A ``#`` with that many hexadecimal digits behind it."""
    return st.sampled_from(digits).flatmap(
        lambda count: st.text(hexdigits, min_size=count, max_size=count).map("#".__add__),
    )


backgrounds = colors(6).map(BackgroundColor)
text_overlays = st.builds(
    TextOverlay,
    text=written_texts,
    x=st.floats(0, 1),
    y=st.floats(0, 1),
    font_size=st.floats(0.01, 0.5),
    color=colors(6, 8),
    rotation=st.floats(-360, 360),
    align=st.sampled_from(Align),
)
overlay_sets = st.lists(text_overlays, max_size=2).map(tuple)

renditions = st.builds(
    Rendition,
    media_key=st.just("media"),
    thumbnail_key=st.just("thumbnail"),
    mime_type=st.sampled_from(["image/jpeg", "image/webp", "video/mp4"]),
    width=st.integers(1, 1_080),
    height=st.integers(1, 1_920),
    placeholder=st.just("LEHV6nWB2yk8"),
    duration_seconds=st.none() | st.floats(0.1, 60),
)
text_contents = st.builds(TextContent, text=written_texts, background=backgrounds, overlays=overlay_sets)
media_contents = st.builds(
    MediaContent,
    kind=st.sampled_from([Kind.IMAGE, Kind.VIDEO]),
    media_file=media_file_ids,
    caption=st.none() | captions,
    overlays=overlay_sets,
)
linked_contents = st.builds(
    LinkedContent,
    kind=st.sampled_from([Kind.IMAGE, Kind.VIDEO]),
    url=st.sampled_from(["https://cdn.example.com/story.png", "http://cdn/story"]).map(MediaUrl),
    caption=st.none() | captions,
    overlays=overlay_sets,
)
contents: st.SearchStrategy[Content] = text_contents | media_contents | linked_contents

relations = st.builds(Relation, friend=st.booleans(), close_friend=st.booleans(), blocked=st.booleans())
unlisted_audiences = st.sampled_from([each for each in Visibility if each is not Visibility.CUSTOM]).map(Audience)
audiences = unlisted_audiences | st.builds(
    Audience,
    visibility=st.just(Visibility.CUSTOM),
    allowed=st.frozensets(people, min_size=1, max_size=3),
)


def posts(*, content: st.SearchStrategy[Content] = contents) -> st.SearchStrategy[Story]:
    """Stories as they are the moment they are posted."""
    return st.builds(
        Story.post,
        org=st.sampled_from(["acme", "default"]).map(OrgId),
        id=story_ids,
        owner=people,
        content=content,
        audience=audiences,
        lifetime=lifetimes,
        at=instants,
        page=st.none() | st.just(PageId("lobby")),
    )


def moments(story: Story) -> st.SearchStrategy[datetime]:
    """Instants in the life of a story and after it, its last and the first one too late among them."""
    edge = timedelta(milliseconds=1)
    return st.sampled_from([story.created_at, story.expires_at - edge, story.expires_at]) | st.integers(
        0,
        2 * story.lifetime.seconds,
    ).map(lambda seconds: story.created_at + timedelta(seconds=seconds))


feelings = st.sampled_from([Reaction.LIKE, Reaction.LOVE, Reaction.HAHA, Reaction.DISLIKE])
reactions = st.sampled_from(Reaction)
said = st.builds(Reactions, feeling=st.none() | feelings, shared=st.booleans())
view_durations = st.floats(0, 3_600)
views = st.builds(View, viewer=people, at=instants, duration_seconds=view_durations)
replies = st.builds(
    Reply.write,
    id=reply_ids,
    story=story_ids,
    owner=st.just(UserId("olga")),
    sender=people.filter(lambda user: user != "olga"),
    to=st.none(),
    content=written_texts,
    at=instants,
)

pairs = st.lists(people, min_size=2, max_size=2, unique=True).map(lambda two: (two[0], two[1]))
friendships = pairs.flatmap(
    lambda pair: st.frozensets(st.sampled_from(pair)).map(lambda put_by: Friendship.between(*pair, put_by=put_by)),
)

scores = st.builds(
    Scores,
    relationship=st.floats(0, 100),
    interaction=st.floats(0, 100),
    recency=st.floats(0, 100),
    popularity=st.floats(0, 100),
)


def _convex(parts: list[int]) -> Weights:
    relationship, interaction, recency, popularity = (part / sum(parts) for part in parts)
    return Weights(relationship=relationship, interaction=interaction, recency=recency, popularity=popularity)


weights = st.lists(st.integers(0, 100), min_size=4, max_size=4).filter(any).map(_convex)

"""The demo: a handful of people, their friendships and stories, posted through the same use cases as everybody's."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol
from urllib.parse import urlsplit

from application.caller import Caller
from application.commands.befriend import Befriend, BefriendHandler
from application.commands.begin_upload import BeginUpload, BeginUploadHandler
from application.commands.keep_profile import KeepProfile, KeepProfileHandler
from application.commands.post_story import PostStory, PostStoryHandler
from application.commands.react_to_story import ReactToStory, ReactToStoryHandler
from application.commands.receive_upload import ReceiveUpload, ReceiveUploadHandler
from application.commands.reply_to_story import ReplyToStory, ReplyToStoryHandler
from application.commands.track_view import TrackView, TrackViewHandler
from application.policies.empty_bin import EmptyBin
from application.policies.process_media import ProcessMedia
from application.ports.people import Profile
from application.queries.cards import OwnerStoryCard
from application.queries.list_active_stories import ListActiveStories, ListActiveStoriesHandler
from application.queries.list_history import ListHistory, ListHistoryHandler
from domain.audience import Audience, Visibility
from domain.engagement import Reaction
from domain.story import Status
from domain.values import (
    Align,
    BackgroundColor,
    Caption,
    Lifetime,
    MediaFileId,
    OrgId,
    StoryId,
    TextOverlay,
    UserId,
)

_ORG: Final = OrgId("default")
_FRIENDS: Final = Audience(Visibility.FRIENDS)
_TOKEN_SECONDS: Final = 86_400
_HISTORY_PAGE: Final = 100
_CONNECT_SECONDS: Final = 1.0


class Paint(Protocol):
    """Paints pictures."""

    def __call__(self, scene: str, size: tuple[int, int], *, seed: int, lying: bool = False) -> bytes:
        """A JPEG of ``size`` (width, height in pixels); ``lying``: stored on its side, with an EXIF orientation."""


class MakeToken(Protocol):
    """Makes tokens, as the application that uses the service does."""

    def __call__(self, user: str, *, ttl_seconds: int, **claims: object) -> str:
        """A token for ``user``, good for so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody of the demo."""

    given: str
    family: str
    job: str

    @property
    def claims(self) -> dict[str, str]:
        """What their token says of them."""
        return {
            "preferred_username": self.given.lower(),
            "name": f"{self.given} {self.family}",
            "given_name": self.given,
            "family_name": self.family,
            "email": f"{self.given.lower()}@example.org",
            "job_title": self.job,
        }

    @property
    def profile(self) -> Profile:
        """What others see of them."""
        return Profile(
            username=self.given.lower(),
            full_name=f"{self.given} {self.family}",
            given_name=self.given,
            family_name=self.family,
            email=f"{self.given.lower()}@example.org",
            job_title=self.job,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Painting:
    """A picture to be painted, ``size`` is width and height in pixels."""

    scene: str
    size: tuple[int, int]
    seed: int
    lying: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A story, and what people make of it: a text, or the caption of a painting.

    Attributes:
        text: also what the story is recognised by when the demo runs again.
        views: how long each viewer watched, in seconds.
        seconds: how long it lives.
    """

    owner: str
    text: str
    painting: Painting | None = None
    background: str | None = None
    overlays: tuple[TextOverlay, ...] = ()
    audience: Audience = _FRIENDS
    seconds: int = 86_400
    views: dict[str, float]
    reactions: dict[str, tuple[Reaction, ...]]
    replies: tuple[tuple[str, str | None, str], ...] = ()
    """Who writes, to whom (None: to the owner), and what."""


PEOPLE: Final = {
    "alice": Person(given="Alice", family="Moreau", job="Photographer"),
    "ben": Person(given="Ben", family="Okafor", job="Sailing instructor"),
    "chiara": Person(given="Chiara", family="Rossi", job="Mountain guide"),
    "dev": Person(given="Dev", family="Patel", job="Graphic designer"),
    "emi": Person(given="Emi", family="Tanaka", job="Astronomer"),
}
FRIENDSHIPS: Final = (("alice", "ben"), ("alice", "chiara"), ("alice", "dev"), ("ben", "chiara"), ("ben", "emi"))
"""Emi is no friend of Alice's, but lists her for one story."""

DUNES: Final = Scene(
    owner="alice",
    text="Forty degrees, no signal, no plans.",
    painting=Painting(scene="dunes", size=(1080, 1350), seed=3),
    overlays=(TextOverlay("day 3", 0.12, 0.08, 0.04, "#FFFFFF", 0.0, Align.LEFT),),
    views={"ben": 6.0, "chiara": 4.4, "dev": 0.9},
    reactions={"ben": (Reaction.LIKE,), "chiara": (Reaction.LOVE, Reaction.SHARE)},
    replies=(
        ("chiara", None, "Is that the way we went in spring?"),
        ("alice", "chiara", "One valley further. You would love it."),
        ("dev", None, "Drink water!"),
    ),
)
SCENES: Final = (
    Scene(
        owner="ben",
        text="Nobody else on the water tonight.",
        painting=Painting(scene="sunset", size=(1080, 1920), seed=7),
        overlays=(TextOverlay("golden hour", 0.5, 0.13, 0.045, "#FFE7B8", -4.0),),
        views={"alice": 5.0, "chiara": 3.1, "emi": 9.4},
        reactions={"alice": (Reaction.LOVE,), "emi": (Reaction.LIKE, Reaction.SHARE)},
        replies=(("alice", None, "Take me with you next time!"), ("ben", "alice", "Saturday, six o'clock?")),
    ),
    Scene(
        owner="chiara",
        text="Up at four, and every minute worth it.",
        painting=Painting(scene="mountains", size=(1512, 2016), seed=7, lying=True),
        overlays=(
            TextOverlay("2,914 m", 0.5, 0.09, 0.05),
            TextOverlay("six ranges before breakfast", 0.5, 0.14, 0.025, "#FFFFFFCC"),
        ),
        views={"alice": 4.2, "ben": 1.0},
        reactions={"alice": (Reaction.LIKE,), "ben": (Reaction.LOVE,)},
    ),
    Scene(
        owner="dev",
        text="Poster no. 12. Paper, scissors, too much coffee.",
        painting=Painting(scene="shapes", size=(1080, 1080), seed=7),
        audience=Audience(Visibility.PUBLIC),
        views={"alice": 2.0, "ben": 0.8, "emi": 5.0},
        reactions={"alice": (Reaction.HAHA,), "ben": (Reaction.DISLIKE,), "emi": (Reaction.LIKE,)},
    ),
    Scene(
        owner="emi",
        text="The sky over the station, for the two of you.",
        painting=Painting(scene="aurora", size=(1920, 1080), seed=7),
        audience=Audience(Visibility.CUSTOM, frozenset({UserId("alice"), UserId("ben")})),
        views={"ben": 12.5},
        reactions={"ben": (Reaction.LOVE,)},
    ),
    DUNES,
    Scene(
        owner="alice",
        text="What are you all reading?\nI am out of books.",
        background="#5B2A72",
        overlays=(
            TextOverlay("answers by reply, please", 0.5, 0.86, 0.03, "#F9D9C0"),
            TextOverlay("?", 0.84, 0.24, 0.22, "#FFFFFF33", 18.0),
        ),
        views={"ben": 2.5, "dev": 5.0},
        reactions={"dev": (Reaction.LIKE,)},
        replies=(("dev", None, "Calvino, Invisible Cities. Again."),),
    ),
    Scene(
        owner="dev",
        text="Coffee at the corner. I am there for ten minutes.",
        background="#2E86AB",
        seconds=600,
        views={"alice": 1.5},
        reactions={},
    ),
    Scene(
        owner="ben",
        text="Sail repair, 2 shackles, sun cream, call mum",
        background="#17324D",
        audience=Audience(Visibility.ONLY_ME),
        views={},
        reactions={},
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """Fills the service, and says how to look around.

    To run it again is harmless: what still lives of it stays as it is, and what has ended is posted anew.

    Attributes:
        origin: scheme, host and port at which the server is, or will be.
        serve: the line that starts it.
    """

    begin_upload: BeginUploadHandler
    receive_upload: ReceiveUploadHandler
    post_story: PostStoryHandler
    befriend: BefriendHandler
    keep_profile: KeepProfileHandler
    track_view: TrackViewHandler
    react: ReactToStoryHandler
    reply: ReplyToStoryHandler
    list_active: ListActiveStoriesHandler
    list_history: ListHistoryHandler
    process_media: ProcessMedia
    empty_bin: EmptyBin
    paint: Paint
    make_token: MakeToken
    origin: str
    serve: str
    say: Callable[[str], None] = print

    async def __call__(self) -> None:
        """Fill it."""
        for user, person in PEOPLE.items():
            await self.keep_profile(
                KeepProfile(caller=self._caller(user), profile=person.profile, told_at=datetime.now(UTC), create=True)
            )
        for one, other in FRIENDSHIPS:
            await self.befriend(Befriend(caller=self._caller(one), friend=UserId(other), confirmed=True))
        stories = {scene.text: await self._play(scene) for scene in SCENES}
        await self.empty_bin()
        await self._tell(stories[DUNES.text])

    async def _play(self, scene: Scene) -> StoryId:
        """Post a scene's story and have everybody look at it, unless it is there already."""
        living = await self._living(scene)
        if living is not None:
            self.say(f"{scene.owner}: still there, {_title(scene)}")
            await self._process(scene, living)
            return living
        story = await self._post(scene)
        await self._process(scene, story)
        for viewer, seconds in scene.views.items():
            await self.track_view(TrackView(caller=self._caller(viewer), story_id=story, duration_seconds=seconds))
        for user, reactions in scene.reactions.items():
            for reaction in reactions:
                await self.react(ReactToStory(caller=self._caller(user), story_id=story, reaction=reaction))
        for sender, to, content in scene.replies:
            recipient = None if to is None else UserId(to)
            await self.reply(ReplyToStory(caller=self._caller(sender), story_id=story, content=content, to=recipient))
        self.say(f"{scene.owner}: posted {_title(scene)}")
        return story

    async def _living(self, scene: Scene) -> StoryId | None:
        history = await self.list_history(
            ListHistory(caller=self._caller(scene.owner), archived_only=False, page=1, page_size=_HISTORY_PAGE)
        )
        for card in history.stories:
            if _words(card) == scene.text and card.status in {Status.PROCESSING, Status.ACTIVE}:
                return card.story_id
        return None

    async def _post(self, scene: Scene) -> StoryId:
        caller = self._caller(scene.owner)
        media_file = None if scene.painting is None else await self._upload(caller, scene.painting)
        posted = await self.post_story(
            PostStory(
                caller=caller,
                text=scene.text if media_file is None else None,
                caption=None if media_file is None else Caption(scene.text),
                background=None if scene.background is None else BackgroundColor(scene.background),
                overlays=scene.overlays,
                media_file=media_file,
                audience=scene.audience,
                lifetime=Lifetime(scene.seconds),
            )
        )
        return posted.story_id

    async def _upload(self, caller: Caller, painting: Painting) -> MediaFileId:
        picture = await asyncio.to_thread(
            self.paint, painting.scene, painting.size, seed=painting.seed, lying=painting.lying
        )
        begun = (await self.begin_upload(BeginUpload(caller=caller, size=len(picture)))).upload
        await self.receive_upload(ReceiveUpload(caller=caller, media_file=begun.id, chunks=_once(picture)))
        return begun.id

    async def _process(self, scene: Scene, story: StoryId) -> None:
        if scene.painting is not None:
            await self.process_media(_ORG, story)

    async def _tell(self, dunes: StoryId) -> None:
        me = "alice"
        seen = await self.list_active(ListActiveStories(caller=self._caller(me), owner=UserId("ben")))
        picture = next((card.media_url for card in seen if card.media_url), None)
        api = f"{self.origin}/api/story"
        if not await _answers(self.origin):
            self.say(f"\nThe server is not running yet. Start it first, in another terminal:\n{self.serve}")
        self.say(f"\nLook around as {PEOPLE[me].claims['name']}:")
        self._line("her feed, and why it is in this order", f"{api}/feed/{me}/recommended?includeScoreDetails=true", me)
        self._line("the ring of a friend", f"{api}/users/ben/active", me)
        self._line("who watched her dunes, and how", f"{api}/{dunes}/viewers", me)
        if picture is not None:
            self.say(f"\n# a picture; the link works in a browser too\ncurl -fsS -o sunset.webp {shlex.quote(picture)}")

    def _line(self, what: str, url: str, user: str) -> None:
        token = self.make_token(user, ttl_seconds=_TOKEN_SECONDS, **PEOPLE[user].claims)
        self.say(f"\n# {what}\ncurl -fsS {shlex.quote(url)} -H 'Authorization: Bearer {token}'")

    def _caller(self, user: str) -> Caller:
        return Caller(org=_ORG, user=UserId(user), origin=self.origin)


def _words(card: OwnerStoryCard) -> str | None:
    return card.content if card.caption is None else card.caption


def _title(scene: Scene) -> str:
    return f"“{scene.text.partition(chr(10))[0]}” ({scene.audience.visibility})"


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _answers(origin: str) -> bool:
    """Whether anybody listens there."""
    parts = urlsplit(origin)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(parts.hostname, port)
        writer.close()
        return True
    return False

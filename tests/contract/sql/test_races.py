"""What holds when many do things at once, on both engines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest
from sqlalchemy import func, select

from application.commands.archive_story import ArchiveStory
from application.commands.befriend import Befriend
from application.commands.delete_story import DeleteStory
from application.commands.erase_user import EraseUser
from application.commands.react_to_story import ReactToStory
from application.commands.reply_to_story import ReplyToStory
from application.commands.track_view import TrackView
from application.policies.archive_expired import ArchiveExpired
from application.queries.list_friends import ListFriends
from domain.audience import Visibility
from domain.engagement import Reaction
from domain.errors import StoryExpiredError, StoryNotFoundError
from domain.friendship import FriendshipStatus
from domain.values import StoryId, UserId
from infrastructure.ids import new_id
from infrastructure.sql.database import Database
from infrastructure.sql.tables import affinities, replies, story_reactions, story_stats, story_views
from infrastructure.sql.unit_of_work import SqlUnitOfWork
from tests.bench.sweepers import archived, make_over
from tests.patience import PATIENCE_SECONDS
from tests.stage import Stage

OVER = 900


async def _refusals(*doing: Awaitable[object]) -> list[str]:
    """Do all at once; how many were refused, and as what. Anything but a refusal is a failure."""
    results = await asyncio.gather(*doing, return_exceptions=True)
    refused = [result for result in results if isinstance(result, BaseException)]
    assert all(isinstance(result, (StoryNotFoundError, StoryExpiredError)) for result in refused), refused
    return [type(result).__name__ for result in refused]


async def test_two_who_befriend_each_other_at_the_same_moment_are_friends(stage: Stage) -> None:
    for pair in range(20):
        one, other = f"a{pair}", f"b{pair}"
        befriend = stage.container.befriend()
        await asyncio.gather(
            befriend(Befriend(caller=stage.caller(one), friend=UserId(other))),
            befriend(Befriend(caller=stage.caller(other), friend=UserId(one))),
        )
        page = await stage.container.list_friends()(ListFriends(caller=stage.caller(one), page=1, page_size=10))
        assert [friend.status for friend in page.friends] == [FriendshipStatus.CONFIRMED]


async def test_fifty_different_reactions_of_one_user_end_as_one(stage: Stage) -> None:
    story_id = await stage.post_text(visibility=Visibility.PUBLIC)
    feelings = [Reaction.LIKE, Reaction.LOVE, Reaction.HAHA, Reaction.DISLIKE]
    react = stage.container.react_to_story()
    await asyncio.gather(
        *(
            react(ReactToStory(caller=stage.caller("bob"), story_id=story_id, reaction=feelings[number % 4]))
            for number in range(50)
        )
    )
    async with stage.container.database().read(None) as connection:
        rows = (await connection.execute(select(story_reactions.c.feeling))).scalars().all()
        counted = (await connection.execute(select(*(story_stats.c[feeling.value] for feeling in feelings)))).one()
    assert len(rows) == 1
    assert sum(counted) == 1
    assert counted[feelings.index(Reaction(rows[0]))] == 1


async def test_after_a_deletion_nothing_of_the_story_is_left_whatever_happened_meanwhile(stage: Stage) -> None:
    for _ in range(5):
        story_id = await stage.post_text(visibility=Visibility.PUBLIC)
        doing: list[Awaitable[object]] = []
        for number in range(12):
            who = stage.caller(f"viewer{number}")
            doing.append(
                stage.container.track_view()(TrackView(caller=who, story_id=story_id, duration_seconds=number))
            )
            doing.append(
                stage.container.react_to_story()(ReactToStory(caller=who, story_id=story_id, reaction=Reaction.LIKE))
            )
            doing.append(stage.container.reply_to_story()(ReplyToStory(caller=who, story_id=story_id, content="Hi")))
        doing.insert(15, stage.container.delete_story()(DeleteStory(caller=stage.caller("alice"), story_id=story_id)))
        await _refusals(*doing)
        async with stage.container.database().read(None) as connection:
            for table in (story_views, story_reactions, replies, story_stats):
                left = select(func.count()).select_from(table).where(table.c.story_id == story_id)
                assert (await connection.execute(left)).scalar_one() == 0
        events = [event.type for event in await stage.events(story_id)]
        assert events[:2] == ["story.created", "story.published"]
        assert events[-1] == "story.deleted"


async def test_a_story_archived_by_hand_and_by_many_sweepers_at_once_is_archived_once(stage: Stage) -> None:
    posted = [await stage.post_text(visibility=Visibility.PUBLIC, seconds=60) for _ in range(40)]
    for story_id in posted[:30]:
        await stage.pass_time(story_id, 61)
    by_hand = [
        stage.container.archive_story()(ArchiveStory(caller=stage.caller("alice"), story_id=story_id))
        for story_id in posted[20:]
    ]
    await asyncio.gather(*(stage.container.archive_expired()() for _ in range(8)), *by_hand)
    await stage.container.archive_expired()()
    archived = [event for event in await stage.events() if event.type == "story.archived"]
    assert sorted(event.story_id for event in archived) == sorted(posted)
    reasons = {event.story_id: event.data["reason"] for event in archived}
    assert all(reasons[story_id] == "expired" for story_id in posted[:30])
    assert all(reasons[story_id] == "manual" for story_id in posted[30:])


async def test_versions_of_a_story_rise_by_one_without_a_gap(stage: Stage) -> None:
    story_id = await stage.post_image(visibility=Visibility.PUBLIC)
    await stage.container.archive_story()(ArchiveStory(caller=stage.caller("alice"), story_id=story_id))
    await stage.container.delete_story()(DeleteStory(caller=stage.caller("alice"), story_id=story_id))
    versions = [event.version for event in await stage.events(story_id)]
    assert versions == [1, 2, 3, 4]


async def test_whoever_is_erased_meanwhile_counts_are_those_of_the_rest(stage: Stage) -> None:
    people = [f"user-{number}" for number in range(6)]
    ids = [await stage.post_text("bob", visibility=Visibility.PUBLIC) for _ in range(2)]
    container = stage.container

    async def engage(user: str, story_id: StoryId) -> None:
        caller = stage.caller(user)
        await container.track_view()(TrackView(caller=caller, story_id=story_id, duration_seconds=1))
        await container.react_to_story()(ReactToStory(caller=caller, story_id=story_id, reaction=Reaction.LOVE))
        await container.reply_to_story()(ReplyToStory(caller=caller, story_id=story_id, content="Hi"))

    await asyncio.gather(*(engage(user, story_id) for user in people[:4] for story_id in ids))
    for user in people[:2]:
        await container.erase_user()(EraseUser(caller=stage.caller(user)))
    erasing = [container.erase_users()() for _ in range(3)]
    await asyncio.gather(*erasing, *(engage(user, story_id) for user in people[4:] for story_id in ids))

    for table, column in ((story_views, "views"), (story_reactions, "love"), (replies, "replies")):
        async with container.database().read(None) as connection:
            rows = (
                (await connection.execute(select(func.count()).select_from(table).group_by(table.c.story_id)))
                .scalars()
                .all()
            )
            counted = (await connection.execute(select(story_stats.c[column]))).scalars().all()
        assert rows == counted == [4, 4], column


@pytest.mark.postgres
@pytest.mark.parametrize("engine", ["postgresql"])
async def test_sweepers_side_by_side_share_what_is_over_and_archive_each_once(stage: Stage, database_url: str) -> None:
    await asyncio.to_thread(make_over, database_url, await stage.post_text(), OVER)
    databases = [Database(database_url) for _ in range(8)]
    sweepers = [ArchiveExpired(SqlUnitOfWork(database, new_id, lambda: None)) for database in databases]
    assert sum(await asyncio.gather(*(sweeper() for sweeper in sweepers))) == OVER
    assert await asyncio.to_thread(archived, database_url) == (OVER, OVER, OVER)
    for database in databases:
        await database.close()


async def test_an_erasure_leaves_nothing_of_what_is_being_added_up(stage: Stage) -> None:
    story_id = await stage.post_text("alice", visibility=Visibility.PUBLIC)
    await stage.container.reply_to_story()(ReplyToStory(caller=stage.caller("bob"), story_id=story_id, content="Hi"))
    await stage.container.archive_story()(ArchiveStory(caller=stage.caller("alice"), story_id=story_id))
    await stage.container.erase_user()(EraseUser(caller=stage.caller("bob")))
    async with stage.container.unit_of_work().begin_system() as tx:
        assert await tx.freeze_analytics(after_seconds=0, limit=10) == 1
        erasing = asyncio.create_task(_erased(stage))
        await asyncio.sleep(0.5)
        assert not erasing.done(), "it waits"
    await erasing
    async with stage.container.database().read(None) as connection:
        assert (await connection.execute(select(func.count()).select_from(affinities))).scalar_one() == 0


async def _erased(stage: Stage) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not [event for event in await stage.events() if event.type == "user.erased"]:
            await stage.container.erase_users()()
            await asyncio.sleep(0.1)

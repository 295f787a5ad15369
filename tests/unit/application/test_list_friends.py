"""Friends and requests, both ways."""

from __future__ import annotations

from application.commands.befriend import Befriend
from application.commands.keep_profile import KeepProfile
from application.ports.people import Profile
from application.queries.list_friends import FriendPage, ListFriends
from domain.friendship import FriendshipStatus
from domain.values import UserId
from tests.stage import Stage
from tests.unit.application.doubles import NOON


async def friends(stage: Stage, page: int = 1, page_size: int = 20) -> FriendPage:
    return await stage.container.list_friends()(
        ListFriends(caller=stage.caller("alice"), page=page, page_size=page_size)
    )


async def ask(stage: Stage, who: str, friend: str) -> None:
    await stage.container.befriend()(Befriend(caller=stage.caller(who), friend=UserId(friend)))


async def test_each_is_listed_once_with_how_it_stands(stage: Stage) -> None:
    await stage.befriend("alice", "carol")
    await ask(stage, "alice", "bob")
    await ask(stage, "dave", "alice")
    await ask(stage, "bob", "dave")
    assert [(friend.user_id, friend.status) for friend in (await friends(stage)).friends] == [
        ("bob", FriendshipStatus.REQUESTED),
        ("carol", FriendshipStatus.CONFIRMED),
        ("dave", FriendshipStatus.PENDING),
    ]


async def test_friends_have_their_names_and_pictures(stage: Stage) -> None:
    for friend in ("bob", "carol"):
        await stage.befriend("alice", friend)
    profile = Profile(username="bobby", full_name="Bob Roe", avatar_url="https://a.test/b.png")
    await stage.container.keep_profile()(
        KeepProfile(caller=stage.caller("bob"), profile=profile, told_at=NOON, create=True)
    )
    shown = [(friend.username, friend.full_name, friend.avatar_url) for friend in (await friends(stage)).friends]
    assert shown == [("bobby", "Bob Roe", "https://a.test/b.png"), ("carol", None, None)]


async def test_they_are_paged(stage: Stage) -> None:
    for number in range(5):
        await stage.befriend("alice", f"friend{number}")
    pages = [await friends(stage, page, 2) for page in (1, 2, 3, 4)]
    assert [[friend.user_id[-1] for friend in page.friends] for page in pages] == [["0", "1"], ["2", "3"], ["4"], []]
    assert {(page.total_count, page.total_pages, page.page_size) for page in pages} == {(5, 3, 2)}
    assert [page.page for page in pages] == [1, 2, 3, 4]

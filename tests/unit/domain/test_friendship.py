"""Friendship: a request of one, confirmed when both have put it."""

import pytest
from hypothesis import given

from domain.errors import InvalidError
from domain.friendship import Friendship, FriendshipStatus
from domain.values import UserId
from tests.unit.domain import strategies

Pair = tuple[UserId, UserId]


def test_a_friendship_is_requested_pending_or_confirmed() -> None:
    assert [str(each) for each in FriendshipStatus] == ["requested", "pending", "confirmed"]


@given(strategies.pairs)
def test_two_people_are_no_friends_at_first(pair: Pair) -> None:
    assert Friendship.between(*pair).put_by == frozenset()
    assert not Friendship.between(*pair).confirmed


@given(strategies.pairs)
def test_a_request_alone_makes_no_friendship(pair: Pair) -> None:
    for asking in pair:
        requested = Friendship.between(*pair).put(asking)

        assert requested.put_by == {asking}
        assert not requested.confirmed
        assert not requested.put(asking).confirmed


@given(strategies.pairs)
def test_a_friendship_is_confirmed_when_both_have_put_it_in_whatever_order(pair: Pair) -> None:
    one, other = pair

    assert Friendship.between(one, other).put(one).put(other).confirmed
    assert Friendship.between(one, other).put(other).put(one).confirmed


@given(strategies.friendships)
def test_the_application_confirms_for_both(friendship: Friendship) -> None:
    assert friendship.confirm().confirmed


@given(strategies.friendships)
def test_either_ends_it_for_both(friendship: Friendship) -> None:
    ended = friendship.end()

    assert ended == Friendship(friendship.pair)
    assert not any(ended.put(each).confirmed for each in friendship.pair)


@given(strategies.friendships)
def test_saying_it_again_changes_nothing(friendship: Friendship) -> None:
    for each in friendship.pair:
        assert friendship.put(each).put(each) == friendship.put(each)
    assert friendship.confirm().confirm() == friendship.confirm()
    assert friendship.end().end() == friendship.end()


@given(strategies.pairs)
def test_it_is_the_same_from_either_side(pair: Pair) -> None:
    one, other = pair

    assert Friendship.between(one, other) == Friendship.between(other, one)


@given(strategies.friendships, strategies.people)
def test_nobody_else_can_confirm_it(friendship: Friendship, stranger: UserId) -> None:
    if stranger not in friendship.pair and not friendship.confirmed:
        assert not friendship.put(stranger).confirmed


@given(strategies.people)
def test_nobody_befriends_themselves(user: UserId) -> None:
    with pytest.raises(InvalidError) as refused:
        Friendship.between(user, user)

    assert refused.value.field == "friendId"

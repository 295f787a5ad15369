"""One story by its id: the card, for its audience and for its owner."""

from __future__ import annotations

from application.queries.cards import OwnerStoryCard
from domain.audience import Visibility
from domain.content import Kind
from domain.story import Access, ArchiveReason, Status
from tests.stage import Stage
from tests.unit.application.scenes import DAY, access, card, own_card


async def test_the_audience_sees_the_card_and_the_owner_more(stage: Stage) -> None:
    await stage.befriend("alice", "bob")
    story_id = await stage.post_text("alice", text="Hello")
    seen = await card(stage, "bob", story_id)
    assert not isinstance(seen, OwnerStoryCard)
    assert (seen.story_id, seen.user_id, seen.type, seen.content) == (story_id, "alice", Kind.TEXT, "Hello")
    owners = await own_card(stage, story_id)
    assert (owners.status, owners.visibility, owners.allowed_user_ids) == (Status.ACTIVE, Visibility.FRIENDS, None)


async def test_links_to_media_are_absolute_and_made_for_the_one_who_asks(stage: Stage) -> None:
    story_id = await stage.post_image("alice", visibility=Visibility.PUBLIC)
    links = {who: (await card(stage, who, story_id)).media_url or "" for who in ("alice", "bob", "carol")}
    assert len(set(links.values())) == 3
    assert all(link.startswith("http://stories.test/media/") for link in links.values())


async def test_a_story_is_over_for_its_audience_when_its_time_is_and_stays_with_its_owner(stage: Stage) -> None:
    await stage.befriend("alice", "bob")
    story_id = await stage.post_text("alice", seconds=600)
    await stage.pass_time(story_id, 590)
    left = await card(stage, "bob", story_id)
    assert ("00:00:00" < left.time_until_expiration <= "00:00:10", left.is_expired) == (True, False)
    await stage.pass_time(story_id, 10)
    assert await access(stage, "bob", story_id) is Access.GONE
    owners = await own_card(stage, story_id)
    assert (owners.status, owners.archive_reason) == (Status.ARCHIVED, ArchiveReason.EXPIRED)
    assert (owners.is_expired, owners.time_until_expiration) == (True, "00:00:00")
    assert owners.archived_at == owners.expires_at


async def test_hours_left_may_pass_a_day(stage: Stage) -> None:
    story_id = await stage.post_text("alice", seconds=7 * DAY)
    assert (await own_card(stage, story_id)).time_until_expiration[:4] in {"167:", "168:"}

"""Keeping what tokens tell of people."""

from __future__ import annotations

from datetime import timedelta

from application.commands.keep_profile import KeepProfile
from application.ports.people import Profile
from tests.stage import Stage
from tests.unit.application.doubles import NOON
from tests.unit.application.scenes import own_card


async def keep(stage: Stage, profile: Profile, *, minutes: int = 0, create: bool = True) -> None:
    await stage.container.keep_profile()(
        KeepProfile(
            caller=stage.caller("alice"), profile=profile, told_at=NOON + timedelta(minutes=minutes), create=create
        )
    )


async def shown(stage: Stage) -> tuple[str, str | None, str | None]:
    """How Alice looks on her card."""
    card = await own_card(stage, await stage.post_text("alice"))
    return card.username, card.full_name, card.avatar_url


async def test_a_profile_is_shown_on_cards(stage: Stage) -> None:
    await keep(stage, Profile(username="ally", full_name="Alice Doe", avatar_url="https://a.test/1.png"))
    assert await shown(stage) == ("ally", "Alice Doe", "https://a.test/1.png")


async def test_without_a_profile_the_id_is_the_name(stage: Stage) -> None:
    assert await shown(stage) == ("alice", None, None)


async def test_what_was_told_last_is_kept_in_whatever_order_it_comes(stage: Stage) -> None:
    await keep(stage, Profile(username="new", full_name="New"), minutes=5)
    for create in (True, False):
        await keep(stage, Profile(username="old", full_name="Old"), minutes=1, create=create)
    assert await shown(stage) == ("new", "New", None)
    await keep(stage, Profile(username="newest"), minutes=6, create=False)
    assert await shown(stage) == ("newest", None, None)


async def test_who_tells_nothing_keeps_what_is_known(stage: Stage) -> None:
    await keep(stage, Profile(username="ally", full_name="Alice Doe"))
    await keep(stage, Profile(), minutes=5)
    assert await shown(stage) == ("ally", "Alice Doe", None)


async def test_who_only_asks_is_not_added(stage: Stage) -> None:
    await keep(stage, Profile(username="ally"), create=False)
    assert await shown(stage) == ("alice", None, None)

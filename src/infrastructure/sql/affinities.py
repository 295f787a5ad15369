"""What passed between two people, as three sums that fade with a half-life: of facts, and of what is left of them.

A fact names a story and stays for as long as the story's analytics do. When they are forgotten, it is added to the
affinity of the pair, which names none. So nothing counts twice, and a friend of last week is known as one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import (
    CTE,
    BindParameter,
    ColumnElement,
    FromClause,
    Subquery,
    bindparam,
    func,
    literal,
    select,
    true,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ranking import PAIR_HALF_LIFE_SECONDS
from domain.values import OrgId
from infrastructure.sql import visibility
from infrastructure.sql.dialect import ENGINES, Instant, clock, seconds_between, upsert_into
from infrastructure.sql.facts import Narrow, engagement
from infrastructure.sql.tables import affinities, stories

Side = Literal["actor", "owner"]
"""Who does something with a story, or whose it is."""

_BEGINNING: Final = literal(datetime(2024, 1, 1, tzinfo=UTC), Instant())
"""Affinities stand as if this were now: to add to one is an addition, whenever what is added happened and in whatever
order it comes. A double holds what is 39 years after."""

_SUMS: Final = ("points", "engaged", "chances")

_ids: BindParameter[UUID] = bindparam("ids", expanding=True)


def faded(at: ColumnElement[Any], half_life: float) -> ColumnElement[float]:
    """What is left now of 1 that was added at an instant."""
    return func.power(2.0, -seconds_between(clock(), at) / half_life)


def affinities_now() -> dict[str, ColumnElement[float]]:
    """The sums of an affinity, as they are now."""
    left = faded(_BEGINNING, PAIR_HALF_LIFE_SECONDS)
    return {name: affinities.c[name] * left for name in _SUMS}


def pair_sums(viewer_as: Side) -> CTE:
    """Sums for the viewer and each ``other``: ``points``, ``engaged`` stories, and ``chances`` to be.

    Args:
        viewer_as: what the viewer is to the other: ``actor`` for what the viewer gave, ``owner`` for what they got.
    """
    other: Side = "owner" if viewer_as == "actor" else "actor"
    past = select(
        affinities.c[f"{other}_id"].label("other"), *(sum_.label(name) for name, sum_ in affinities_now().items())
    ).where(affinities.c.org_id == visibility.org, affinities.c[f"{viewer_as}_id"] == visibility.viewer)
    facts = engagement(f"facts_{viewer_as}", _narrow_to(viewer_as))
    by_story = _by_story(facts, faded(facts.c.at, PAIR_HALF_LIFE_SECONDS)).subquery(f"by_story_{viewer_as}")
    present = select(by_story.c[other].label("other"), by_story.c.points, by_story.c.engaged, by_story.c.chances)
    both = union_all(past, present).subquery(f"both_{viewer_as}")
    return select(both.c.other, *_sums(both)).group_by(both.c.other).cte(f"sums_{viewer_as}")


def _narrow_to(side: Side) -> Narrow:
    """What the viewer did is found by an index; what others did with the viewer's stories, by these."""
    of_viewer = select(stories.c.id).where(
        stories.c.org_id == visibility.org, stories.c.owner_id == visibility.viewer, stories.c.frozen_at.is_(None)
    )
    return lambda table, actor: (
        table.c.org_id == visibility.org,
        actor == visibility.viewer if side == "actor" else table.c.story_id.in_(of_viewer),
    )


def _by_story(facts: Subquery, fade: ColumnElement[float]) -> Any:
    """Somebody is engaged with a story once, by the latest that says so, whatever they did with it."""
    pair_and_story = (facts.c.org, facts.c.actor, facts.c.owner, facts.c.story)
    return select(
        *pair_and_story,
        func.sum(facts.c.points * fade).label("points"),
        func.max(facts.c.engaged * fade).label("engaged"),
        func.max(facts.c.chance * fade).label("chances"),
    ).group_by(*pair_and_story)


def _sums(of: FromClause) -> list[ColumnElement[Any]]:
    return [func.sum(of.c[name]).label(name) for name in _SUMS]


_ended = engagement("ended", lambda table, _: (table.c.org_id == visibility.org, table.c.story_id.in_(_ids)))
_grown = func.power(2.0, seconds_between(_ended.c.at, _BEGINNING) / PAIR_HALF_LIFE_SECONDS)
_by_ended_story = _by_story(_ended, _grown).subquery("by_ended_story")
_pair = (_by_ended_story.c.org, _by_ended_story.c.actor, _by_ended_story.c.owner)
_LEFT = (
    select(*_pair, *_sums(_by_ended_story)).where(true()).group_by(*_pair).order_by(*_pair)  # of all, in one order
)


def _adding(engine: str) -> Any:
    added = upsert_into(affinities, engine).from_select(list(affinities.c), _LEFT)
    return added.on_conflict_do_update(
        index_elements=list(affinities.primary_key.columns),
        set_={name: affinities.c[name] + added.excluded[name] for name in _SUMS},
    )


_ADD: Final = {engine: _adding(engine) for engine in ENGINES}


async def keep_affinities(connection: AsyncConnection, org: OrgId, story_ids: list[UUID]) -> None:
    """Add what was done with stories to the affinities of people; their facts have to be forgotten with it."""
    await connection.execute(_ADD[connection.dialect.name], {"org": org, "ids": story_ids})

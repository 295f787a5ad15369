"""The comparison at the end: what was acknowledged, what the database has, and what others were told, set by set."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from application.policies.process_media import ATTEMPTS_MAX
from tests.chaos.load import Ledger
from tests.chaos.rig import Rig

_STILL_TO_DO = """
    SELECT 1 FROM outbox WHERE position IS NULL OR published_at IS NULL
    UNION ALL SELECT 1 FROM stories WHERE status = 'Processing'
    UNION ALL SELECT 1 FROM stories WHERE status <> 'Archived' AND expires_at < now() - interval '2 seconds'
"""

# A file over which so many workers have died is held to be at fault, as its owner is told: so many were killed here.
_GIVEN_UP = """
    SELECT id::text FROM stories
    WHERE status = 'Failed' AND failure_reason = 'processing_failed' AND processing_attempts >= %s
"""


def is_quiet(rig: Rig) -> bool:
    """Whether everything that follows from what was done is done."""
    events = rig.postgres.rows("SELECT count(*) FROM outbox")[0][0]
    return not rig.postgres.rows(_STILL_TO_DO) and events == len(rig.stream()) == len({*rig.hook.taken})


def violations(rig: Rig, ledger: Ledger) -> list[str]:
    """Every promise that was broken, with what shows it."""
    return [*ledger.wrong, *_stories(rig, ledger), *_views(rig, ledger), *_events(rig)]


def _stories(rig: Rig, ledger: Ledger) -> Iterator[str]:
    rows = rig.postgres.rows("SELECT id::text, status, COALESCE(content, caption) FROM stories")
    status = {row[0]: row[1] for row in rows}
    yield from _each("an acknowledged story is lost", set(ledger.posted.values()) - ledger.deletions_asked - {*status})
    yield from _each("a deleted story is there", ledger.deleted & {*status})
    yield from _each(
        "an archived story is not", {each for each in ledger.archived & {*status} if status[each] != "Archived"}
    )
    yield from _each(
        "a key made two stories", {key for key, many in Counter(row[2] for row in rows).items() if many > 1}
    )
    yield from _each("a story nobody has asked for", {row[2] for row in rows} - ledger.keys)
    given_up = {row[0] for row in rig.postgres.rows(_GIVEN_UP, ATTEMPTS_MAX)}
    pictures = ledger.pictures & {*status} - given_up
    yield from _each("a picture is not to be seen", {each for each in pictures if status[each] != "Active"})


def _views(rig: Rig, ledger: Ledger) -> Iterator[str]:
    rows = set(rig.postgres.rows("SELECT story_id::text, viewer_id FROM story_views"))
    counts = dict(rig.postgres.rows("SELECT story_id::text, views FROM story_stats"))
    there = {view for view in ledger.viewed if view[0] not in ledger.deletions_asked}
    yield from _each("an acknowledged view is lost", there - rows)
    yield from _each("a view nobody has asked for", rows - ledger.views_asked)
    counted = Counter(story for story, _ in rows)
    yield from _each("a count is not what it counts", {story for story, n in counts.items() if n != counted[story]})
    told = Counter(
        rig.postgres.rows("SELECT story_id::text, data->>'viewerId' FROM outbox WHERE type = 'story.viewed'")
    )
    yield from _each("a view was not told once", {view for view in rows if told[view] != 1})


def _events(rig: Rig) -> Iterator[str]:
    rows = rig.postgres.rows(
        "SELECT event_id::text, story_id::text, type, version, position FROM outbox ORDER BY position"
    )
    versions: dict[str, list[int]] = defaultdict(list)
    for _, story, _, version, _ in rows:
        if version is not None:
            versions[story].append(version)
    yield from _each(
        "versions with a gap, or out of order", {s for s, n in versions.items() if n != [*range(1, len(n) + 1)]}
    )
    now = dict(rig.postgres.rows("SELECT id::text, version FROM stories"))
    yield from _each("a change was not told", {s for s, version in now.items() if len(versions[s]) != version})
    ended = {story for _, story, kind, _, _ in rows if kind == "story.deleted"}
    yield from _each("an event of no story", versions.keys() - now.keys() - ended)
    yield from _each("an event without a position", {row[0] for row in rows if row[4] is None})
    told: list[Any] = [event["id"] for event in rig.stream()]
    yield from _each("an event is lost", {row[0] for row in rows} - {*told})
    yield from _each("an event that never was", {*told} - {row[0] for row in rows})
    if told != [row[0] for row in rows]:
        yield "the stream has events twice, or in another order"
    yield from _webhook(rig, [(position, event) for event, *_, position in rows])


def _webhook(rig: Rig, events: list[tuple[int, str]]) -> Iterator[str]:
    """Who answers and is not heard is told again; what it hears first is in order."""
    first = [*dict.fromkeys(rig.hook.taken)]
    yield from _each("a webhook was not told", {*events} - {*first})
    yield from _each("a webhook was told what never was", {*first} - {*events})
    if first != sorted(first):
        yield "a webhook was told in another order"


def _each(what: str, of: set[Any]) -> Iterator[str]:
    return (f"{what}: {each}" for each in sorted(of, key=repr))

"""What is kept about people is known: no column that names somebody is left out of their rights."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, MetaData, String, Table

from infrastructure.sql.personal import RULES, Erasure
from infrastructure.sql.tables import metadata, moderation_audit, outbox, past_audiences, reports, stories

USER_ID_MAX = 128
"""Characters; see `domain.values.user_id`."""
_NAMING = re.compile(
    r"(^|_)(user|owner|author|viewer|sender|recipient|thread|friend|target|reporter|moderator|actor|subject|"
    r"person|member|creator|editor|caller|by)(_|$)"
)
OTHERS = {stories.c.page, reports.c.target_type, moderation_audit.c.target_type}
"""As long as a user's id may be, or called so, and none."""

STAYING = {
    outbox.c.subject,
    past_audiences.c.owner_id,
    reports.c.closed_by,
    moderation_audit.c.actor_id,
    moderation_audit.c.target_id,
}
"""Ids, and no words: in events until they are forgotten, and in the trail of what moderators did."""


def naming(metadata: MetaData) -> Iterator[Column[Any]]:
    """Columns that may name people: by their name, or as long as a user's id may be."""
    for table in metadata.sorted_tables:
        for column in table.c:
            is_text = isinstance(column.type, String)
            as_long = is_text and column.type.length == USER_ID_MAX  # type: ignore[attr-defined] # of a text
            if is_text and (as_long or _NAMING.search(column.name)):
                yield column


def test_every_column_that_names_people_has_a_rule() -> None:
    assert set(naming(metadata)) - OTHERS == RULES.keys()


def test_what_stays_after_an_erasure_is_known() -> None:
    assert {column for column, rule in RULES.items() if rule.erasure is Erasure.KEPT} == STAYING


def test_a_column_is_found_by_its_name_or_its_length() -> None:
    bait = MetaData()
    Table("a", bait, Column("reporter", String), Column("x", String(USER_ID_MAX)), Column("text", String(9)))
    Table("b", bait, Column("resolved_by", String(64)), Column("target_id", String), Column("standby", String))
    assert [column.name for column in naming(bait)] == ["reporter", "x", "resolved_by", "target_id"]

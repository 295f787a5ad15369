"""However many post at once, as many stories are posted as the quota has room for, on both engines."""

from __future__ import annotations

import asyncio

from application.quotas import Quota, QuotaExceededError, Quotas
from infrastructure.container import Container
from tests.stage import Stage


async def test_of_many_at_once_as_many_pass_as_may(container: Container) -> None:
    container.quotas.override(Quotas(user=Quota(stories=3), org=Quota(stories=8)))
    stage = Stage(container)
    users = ("alice", "bob", "carol", "dave")

    posted = await asyncio.gather(*(stage.post_text(user) for _ in range(5) for user in users), return_exceptions=True)

    passed = [users[at % 4] for at, outcome in enumerate(posted) if not isinstance(outcome, BaseException)]
    assert len(passed) == 8
    assert max(passed.count(user) for user in users) <= 3
    assert {type(outcome) for outcome in posted if isinstance(outcome, BaseException)} == {QuotaExceededError}

"""Schemathesis reads the description and tries everything that it allows, and much that it does not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.http.town import Town

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3_600)]

HERE = Path(__file__).parent
EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "10")
"""Of each operation, beside what every boundary of its parameters gives; always the same, unless told how many."""
ENDLESS = ["--exclude-operation-id", "stream"]
"""What never ends an answer; it is held to its description in test_live.py."""
VARYING = ["--generation-database", "none"] if "FUZZ_EXAMPLES" in os.environ else ["--generation-deterministic"]


@pytest.fixture(scope="module", params=[pytest.param("postgresql", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest) -> str:
    """The one that is strict about what it is given."""
    return str(request.param)


async def test_every_answer_is_as_described_whatever_is_sent(town: Town, tmp_path: Path) -> None:
    stories = [await town.post_text(visibility="Public") for _ in range(12)]
    done = subprocess.run(  # noqa: ASYNC221 - the server runs on another thread, and nothing else waits
        [
            *(Path(sys.executable).with_name("st"), "--config-file", HERE / "schemathesis.toml", "run"),
            f"{town.url}/schema/openapi.json",
            *("--checks", "all", "--max-examples", EXAMPLES, *VARYING, *ENDLESS, "--continue-on-failure", "--no-color"),
            *("--header", f"Authorization: Bearer {town.token('app', roles=['service', 'moderator'])}"),
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
            "PYTHONPATH": str(HERE),
            "FUZZ_ORG": town.org,
            "FUZZ_STORIES": " ".join(stories),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    tested = re.search(r"Selected: (\d+)/(\d+)\s+Tested: (\d+)", done.stdout)
    assert tested is not None
    selected, known, asked = map(int, tested.groups())
    assert selected == asked == known - 1, done.stdout
    assert re.search(r"\d{4,} generated, \d{4,} passed", done.stdout), done.stdout

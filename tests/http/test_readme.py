"""The README's walk, word for word: its very blocks are run against a served application."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import anyio.to_thread
import pytest

from infrastructure.container import Container
from infrastructure.settings import Settings
from infrastructure.sql.migrate import migrate
from tests.stage import serve

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_the_readmes_walk_works_word_for_word(tmp_path: Path) -> None:
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(blocks) == 5
    settings = Settings(data_dir=str(tmp_path), log_level="error")
    migrate(settings.database)
    async with serve(settings, Container(settings=settings)) as served:
        result = await _run(
            "set -euo pipefail\n" + "\n".join([*blocks, "head -c 12 /tmp/story.webp | tail -c 4"]), served.url, tmp_path
        )
    assert result.returncode == 0, result.stderr
    for told in (
        '"recommendationScore":',
        '"viewDurationSeconds":12.0',
        '"viewQuality":"High"',
        '"reaction":"love"',
        "410\n",
    ):
        assert told in result.stdout, result.stdout
    assert result.stdout.endswith("WEBP")
    assert '"archiveReason":"manual"' in result.stdout


async def _run(script: str, url: str, data_dir: Path) -> subprocess.CompletedProcess[str]:
    # The README says `.venv/bin/stories`; the tests may run in another environment.
    script = script.replace(".venv/bin/stories", str(Path(sys.executable).with_name("stories")))
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("STORIES_")},
        "STORIES_PORT": url.rpartition(":")[2],
        "STORIES_DATA_DIR": str(data_dir),
    }
    return await anyio.to_thread.run_sync(
        lambda: subprocess.run(
            ["bash", "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
    )

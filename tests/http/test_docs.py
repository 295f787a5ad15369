"""The documentation, word for word: the ``bash`` blocks of each page are run against a served application."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import anyio.to_thread
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from infrastructure.container import Container
from infrastructure.settings import Settings
from tests.patience import PATIENCE_SECONDS
from tests.processes import free_port
from tests.stage import serve

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = [str(path.relative_to(ROOT)) for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))]
RUN: Final = [page for page in PAGES if "\n```bash\n" in (ROOT / page).read_text()]
SLOW: Final = pytest.mark.slow
DESCRIBED: Final = {
    "docs/events.md": ("/api/events",),
    "docs/live-updates.md": ("/api/story/stream",),
    "docs/community-api.md": ("/client/community/stories", "/client/community/react", "/data"),
    "docs/moderation.md": ("/client/community/reports", "/client/community/blocks", "/community"),
    "docs/story-api.md": ("/api/story", "/api/social/users", "/media", "/health", "/metrics"),
    "docs/webhooks.md": ("/api/webhooks",),
    "docs/your-users.md": ("/api/social/import", "/api/users"),
}
"""Pages, and the beginnings of the paths that they have to show by an example each."""

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@pytest.fixture
async def server(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[str]:
    """Where the service is served as `make run` does, with its data in the test's folder."""
    shutil.copy(sqlite_template, tmp_path / "stories.db")
    settings = Settings(data_dir=str(tmp_path), log_level="error", webhook_networks="127.0.0.0/8")
    async with serve(settings, Container(settings=settings)) as served:
        yield served.url


@pytest.mark.parametrize("page", [pytest.param(page, marks=SLOW if page in DESCRIBED else ()) for page in RUN])
async def test_every_example_works_word_for_word_and_prints_what_it_says(
    page: str, server: str, tmp_path: Path
) -> None:
    script = "\n".join(["set -euo pipefail", *(checked(block) for block in blocks((ROOT / page).read_text()))])
    result = await _run(script, server, tmp_path)
    assert result.returncode == 0, f"{result.stderr}\n{result.stdout}"
    if beginnings := DESCRIBED.get(page):
        described = {each for each in await _operations(server) if _beginning(each[1]) in beginnings}
        assert described
        assert described - await _requests(server) == set(), "there is no example of these"


def _beginning(path: str) -> str:
    """By which of the beginnings a path is known: the longest, of those that it begins with."""
    known = (beginning for beginnings in DESCRIBED.values() for beginning in beginnings if path.startswith(beginning))
    return max(known, key=len, default="")


async def test_every_path_has_a_page_that_shows_it(server: str) -> None:
    shown = tuple(beginning for beginnings in DESCRIBED.values() for beginning in beginnings)
    assert {path for _, path in await _operations(server) if not path.startswith(shown)} == set()


def blocks(text: str) -> list[str]:
    """The blocks of a page that are to be run."""
    return re.findall(r"^```bash\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def checked(block: str) -> str:
    """The block, which fails where a line of curl does not print what stands behind its ``#``."""
    lines = block.replace("\\\n", " ").splitlines()
    return "\n".join(_checked(*line.rsplit(" # ", 1)) if re.match(r"curl .+ # ", line) else line for line in lines)


def _checked(command: str, told: str) -> str:
    expected = shlex.quote(told)
    found = f"[[ $said == *{expected}* ]]"
    return f'said=$({command}); echo "$said"; {found} || {{ echo "not told:" {expected} >&2; exit 1; }}'


async def _run(script: str, url: str, data_dir: Path) -> subprocess.CompletedProcess[str]:
    # The pages say `.venv/bin/stories`; the tests may run in another environment.
    script = script.replace(".venv/bin/stories", str(Path(sys.executable).with_name("stories")))
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("STORIES_")},
        "STORIES_PORT": url.rpartition(":")[2],
        "STORIES_DATA_DIR": str(data_dir),
        "RECEIVER_PORT": str(free_port()),
    }
    return await anyio.to_thread.run_sync(
        lambda: subprocess.run(
            ["bash", "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=110, check=False
        )
    )


async def _operations(url: str) -> set[tuple[str, str]]:
    """Method and path of all that the service describes."""
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS) as client:
        paths = (await client.get("/schema/openapi.json")).json()["paths"]
    return {(method.upper(), path) for path, item in paths.items() for method in item}


async def _requests(url: str) -> set[tuple[str, str]]:
    """Method and path of all that was asked of the service until now."""
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS) as client:
        text = (await client.get("/metrics")).text
    return {
        (sample.labels["method"], re.sub(r"\{\w+\}", lambda name: _camel(name[0]), sample.labels["route"]))
        for family in text_string_to_metric_families(text)
        if family.name == "stories_http_requests"
        for sample in family.samples
        if sample.name.endswith("_total")
    }


def _camel(name: str) -> str:
    first, *more = name.split("_")
    return first + "".join(word.capitalize() for word in more)


@pytest.mark.parametrize("example", sorted((ROOT / "docs" / "examples").glob("*.py")), ids=lambda path: path.name)
def test_an_example_is_on_its_page_as_it_is_run(example: Path) -> None:
    assert any(f"```python\n{example.read_text()}```" in (ROOT / page).read_text() for page in PAGES)


@pytest.mark.parametrize(
    ("line", "works"), [("curl --version # curl", True), ("curl --version # wget", False), ("false # curl", False)]
)
async def test_a_line_that_does_not_print_what_it_says_is_found(line: str, works: bool, tmp_path: Path) -> None:  # noqa: FBT001
    result = await _run(f"set -e\n{checked(line)}", "http://127.0.0.1:0", tmp_path)
    assert (result.returncode == 0) is works

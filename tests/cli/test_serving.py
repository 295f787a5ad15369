"""What `stories serve` says when it has started, and that it holds."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.issuer import TLS, ec_key, publishing
from tests.patience import PATIENCE_SECONDS
from tests.processes import environment, processes

pytestmark = pytest.mark.slow


def test_what_serve_says_can_be_copied_and_works(tmp_path: Path) -> None:
    env = environment(tmp_path / "my data", port="0")
    with processes(env, tmp_path / "logs") as start:
        address, page, token = start("serve").ready().said.splitlines()

        url = address.removeprefix("Stories is at ")
        assert page == f"Its API is described at {url}/schema"
        assert httpx.get(f"{url}/schema", trust_env=False, timeout=PATIENCE_SECONDS).status_code == 200

        elsewhere = {name: value for name, value in env.items() if not name.startswith("STORIES_")}
        command = token.removeprefix("For a token: ")
        made = subprocess.run(command, shell=True, env=elsewhere, capture_output=True, text=True, check=True)  # noqa: S602
        answer = httpx.get(
            f"{url}/api/story/users/alice/history",
            headers={"Authorization": f"Bearer {made.stdout.strip()}"},
            trust_env=False,
        )
        assert answer.status_code == 200, answer.text


async def test_who_has_an_issuer_is_sent_there_for_tokens_which_are_good(tmp_path: Path) -> None:
    async with publishing(ec_key()) as issuer:
        env = environment(tmp_path / "data", port="0", jwt_jwks_url=issuer.url)
        with processes(env, tmp_path / "logs") as start:
            server = await asyncio.to_thread(start("serve").ready)
            assert server.said.splitlines()[2] == f"For a token: ask the issuer of {issuer.url}"
            async with httpx.AsyncClient(trust_env=False, verify=TLS, timeout=PATIENCE_SECONDS) as client:
                answer = await client.get(
                    f"{server.url}/api/story/users/alice/history",
                    headers={"Authorization": f"Bearer {ec_key().token()}"},
                )
            assert answer.status_code == 200, answer.text


def test_told_to_stop_serve_ends_well_and_soon(tmp_path: Path) -> None:
    with (
        processes(environment(tmp_path, port="0"), tmp_path / "logs") as start,
        httpx.Client(trust_env=False, timeout=PATIENCE_SECONDS) as idle,
    ):
        server = start("serve").ready()
        idle.get(f"{server.url}/health/live").raise_for_status()

        begun = time.monotonic()
        server.tell_to_stop()

        assert server.exit_code(PATIENCE_SECONDS) == 0, server.logged
        assert time.monotonic() - begun < 10, "a connection that only waits keeps nobody"
        assert "Traceback" not in server.logged


def test_the_first_line_on_the_terminal_says_where_it_is(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "interfaces.cli.app", "serve"]
    env = environment(tmp_path, port="0")
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        assert server.stdout is not None
        first = server.stdout.readline()
        server.terminate()
    assert first.startswith("Stories is at http://")

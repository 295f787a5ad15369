"""Folders to work in: new, private, gone at the end; and what a killed process left behind is removed in time."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from infrastructure.media.workspaces import ABANDONED_SECONDS, FolderWorkspaces


async def test_a_workspace_is_new_empty_private_and_gone_at_the_end(tmp_path: Path) -> None:
    open_workspace = FolderWorkspaces(tmp_path / "work")
    async with open_workspace() as first, open_workspace() as second:
        assert first != second
        assert list(first.iterdir()) == []
        assert stat.S_IMODE(first.stat().st_mode) == 0o700
        (first / "source").write_bytes(b"x")
    assert list((tmp_path / "work").iterdir()) == []


async def test_a_workspace_is_gone_also_when_the_work_fails(tmp_path: Path) -> None:
    async def fail() -> None:
        async with FolderWorkspaces(tmp_path / "work")() as folder:
            (folder / "source").write_bytes(b"x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert list((tmp_path / "work").iterdir()) == []


async def test_what_a_killed_process_left_is_removed_after_an_hour_and_not_before(tmp_path: Path) -> None:
    for name, age in (("old", ABANDONED_SECONDS + 5), ("young", ABANDONED_SECONDS - 60)):
        left = tmp_path / name
        left.mkdir()
        (left / "source").write_bytes(b"x")
        os.utime(left, (time.time() - age,) * 2)
    async with FolderWorkspaces(tmp_path)():
        left_over = os.listdir(tmp_path)  # noqa: PTH208 - within a coroutine, and as quick
    assert "young" in left_over
    assert "old" not in left_over

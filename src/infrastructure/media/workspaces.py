"""Folders for files at work, under the data folder, so that what a killed process left behind is found and removed."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

ABANDONED_SECONDS: Final = 3_600.0
"""No work takes so long: a folder not touched for an hour is nobody's."""


class FolderWorkspaces:
    """As `Workspaces`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[Path]:
        """As `Workspaces`."""
        folder = await asyncio.to_thread(self._make)
        try:
            yield folder
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    def _make(self) -> Path:
        self._root.mkdir(parents=True, exist_ok=True)
        for folder in self._root.iterdir():
            if time.time() - folder.stat().st_mtime > ABANDONED_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
        return Path(tempfile.mkdtemp(dir=self._root))

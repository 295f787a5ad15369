"""The import contracts of pyproject.toml hold, and each is shown to break when somebody imports what they must not."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
NAMES: dict[str, str] = {contract["id"]: contract["name"] for contract in CONTRACTS}

SKELETON = {
    "domain/story.py": "from datetime import datetime",
    "application/ports.py": "import msgspec\n\nimport domain.story",
    "infrastructure/settings.py": "import msgspec",
    "infrastructure/sql/stories.py": "import sqlalchemy\n\nimport application.ports",
    "infrastructure/container.py": "import dependency_injector\n\nimport infrastructure.sql.stories",
    "interfaces/http/stories.py": "import litestar\n\nimport application.ports",
    "interfaces/http/app.py": (
        "import infrastructure.container\nimport infrastructure.settings\nimport interfaces.http.stories"
    ),
    "interfaces/cli/app.py": "import infrastructure.settings",
    "interfaces/worker/app.py": "import infrastructure.container",
}

BAITS: dict[str, dict[str, tuple[str, str]]] = {
    "domain": {
        "domain/bait_1.py": ("import application.ports", "application.ports"),
        "domain/bait_2.py": ("from infrastructure import settings", "infrastructure.settings"),
        "domain/bait_3.py": ("import interfaces.http.stories", "interfaces.http.stories"),
        "domain/bait_4.py": ("from msgspec import Struct", "msgspec"),
        "domain/bait_5.py": ("import sqlalchemy.exc", "sqlalchemy"),
    },
    "application": {
        "application/bait_1.py": ("from infrastructure.sql import stories", "infrastructure.sql.stories"),
        "application/bait_2.py": ("import interfaces.http.stories", "interfaces.http.stories"),
        "application/bait_3.py": ("def later():\n    import structlog", "structlog"),
        "application/bait_4.py": ("from PIL import Image", "PIL"),
    },
    "infrastructure": {
        "infrastructure/bait_1.py": ("import interfaces.http.stories", "interfaces.http.stories"),
        "infrastructure/bait_2.py": ("from litestar import Litestar", "litestar"),
    },
    "interfaces": {
        "interfaces/http/bait_1.py": ("from infrastructure import container", "infrastructure.container"),
        "interfaces/http/bait_2.py": ("import infrastructure.sql.stories", "infrastructure.sql.stories"),
        "interfaces/worker/app.py": ("import infrastructure.sql.stories", "infrastructure.sql.stories"),
    },
    "stores": {
        "interfaces/http/bait_1.py": ("from sqlalchemy.ext.asyncio import AsyncEngine", "sqlalchemy"),
        "interfaces/cli/app.py": ("import redis.asyncio", "redis"),
    },
    "container": {
        "infrastructure/sql/bait_1.py": ("from dependency_injector import providers", "dependency_injector"),
        "interfaces/http/app.py": ("import dependency_injector.wiring", "dependency_injector"),
    },
}
"""By contract: files that break it, what they say, and the module that import-linter must name."""


def plant(src: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = src / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        for package in path.relative_to(src).parents[:-1]:
            (src / package / "__init__.py").touch()


def lint_imports(src: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    """Check the packages below `src` by the project's own contracts: all of them, or those named."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]
    command += ["--config", str(ROOT / "pyproject.toml"), *(f"--contract={each}" for each in contracts)]
    environment = os.environ | {"PYTHONPATH": str(src), "COLUMNS": "240", "NO_COLOR": "1"}
    return subprocess.run(command, cwd=src, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_the_house_keeps_its_contracts() -> None:
    verdict = lint_imports(ROOT / "src")
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    assert f"{len(NAMES)} kept, 0 broken" in verdict.stdout


def test_an_orderly_house_breaks_no_contract(tmp_path: Path) -> None:
    plant(tmp_path, SKELETON)
    verdict = lint_imports(tmp_path)
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr


@pytest.mark.parametrize("contract", NAMES)
def test_a_contract_catches_its_baits(contract: str, tmp_path: Path) -> None:
    baits = BAITS[contract]
    plant(tmp_path, SKELETON | {name: text for name, (text, _) in baits.items()})

    verdict = lint_imports(tmp_path, contract)

    assert verdict.returncode == 1, verdict.stdout + verdict.stderr
    assert f"{NAMES[contract]} BROKEN" in verdict.stdout
    for name, (_, imported) in baits.items():
        assert f"{name.removesuffix('.py').replace('/', '.')} -> {imported}" in verdict.stdout

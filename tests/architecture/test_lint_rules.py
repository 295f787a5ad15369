"""The linter is set up to refuse what the house refuses; a rule switched off by accident would show here."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

BAITS = [
    ("D100", "src/domain/bait.py", "x = 1\n"),
    ("D101", "src/domain/bait.py", "class Bait: ...\n"),
    ("D102", "src/application/bait.py", "class Bait:\n    def take(self) -> None: ...\n"),
    ("D103", "src/application/bait.py", "def take() -> None: ...\n"),
    ("N818", "src/domain/bait.py", "class Refused(Exception): ...\n"),
    ("TD002", "src/domain/bait.py", "# TODO: finish\n"),
    ("T201", "src/infrastructure/bait.py", "print('bait')\n"),
    ("DTZ005", "src/infrastructure/bait.py", "from datetime import datetime\n\nat = datetime.now()\n"),
    (
        "S608",
        "src/infrastructure/bait.py",
        "def sql(x: str) -> str:\n    return f\"SELECT * FROM stories WHERE id = '{x}'\"\n",
    ),
    ("BLE001", "src/infrastructure/bait.py", "try:\n    x = 1\nexcept Exception:\n    x = 2\n"),
    ("ANN001", "src/interfaces/bait.py", "def take(x) -> None: ...\n"),
    ("TID252", "src/interfaces/bait.py", "from . import app\n"),
    ("TID251", "tests/unit/test_bait.py", "from unittest.mock import patch\n"),
]


@pytest.mark.parametrize(("code", "name", "text"), BAITS)
def test_the_linter_catches_its_bait(code: str, name: str, text: str) -> None:
    ruff = str(Path(sys.executable).with_name("ruff"))
    verdict = subprocess.run(
        [ruff, "check", "--no-cache", "--output-format=concise", "--stdin-filename", str(ROOT / name), "-"],
        cwd=ROOT,
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert code in verdict.stdout, verdict.stdout + verdict.stderr

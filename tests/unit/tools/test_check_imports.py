"""The import picture holds for the tree, and the checker sees what would break it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def check(*arguments: object) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "check_imports.py", *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_the_tree_keeps_to_the_picture() -> None:
    assert check() == (0, "")


@pytest.mark.parametrize(
    ("file", "line", "why"),
    [
        ("model/x.py", "from mapmedic.capture.http import Limits", "model imports mapmedic.capture.http"),
        ("model/x.py", "import mapmedic.capture", "model imports mapmedic.capture"),
        ("model/x.py", "from mapmedic import capture", "model imports mapmedic.capture"),
        ("model/x.py", "def f():\n    from mapmedic import cli", "model imports mapmedic.cli"),
        (
            "errors.py",
            "from mapmedic.model import units",
            "errors imports mapmedic.model; it may import nothing",
        ),
        ("diagnose/x.py", "from mapmedic.errors import FormatError", "it may import model"),
        ("report/x.py", "import mapmedic.capture.http", "report imports"),
        ("capture/x.py", "from . import http", "relative imports"),
        ("capture/x.py", "from ..model import units", "relative imports"),
        ("capture/x.py", "from mapmedic.memory.stop import Stop", "which only remedy may"),
        ("goheap/x.py", "from mapmedic.memory.windows import W", "it may only read"),
        ("report/x.py", "from mapmedic.formats.sniff import sniff", "may only have the encoder"),
        ("cli/x.py", "from mapmedic.api.fix import plan_fix", "others see mapmedic.api alone"),
        ("demo/x.py", "from mapmedic.api.agent import with_agent", "others see mapmedic.api alone"),
        ("cellar/x.py", "", "room 'cellar' is not in the picture"),
    ],
)
def test_what_breaks_it_is_named_with_its_place(file: str, line: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "__init__.py").write_text("")
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"import os\n{line}\n")
    code, said = check(tmp_path)
    assert code == 1
    assert why in said and str(path) in said


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("remedy/x.py", "from mapmedic.memory.stop import Stop"),
        ("goheap/x.py", "from mapmedic.memory.reader import Reader"),
        ("capture/x.py", "import mapmedic"),
        ("capture/x.py", "from mapmedic import __version__"),
        ("capture/x.py", "from mapmedic.formats.sniff import sniff\nimport numpy"),
        ("cli/x.py", "from mapmedic import api"),
        ("demo/x.py", "from mapmedic.api import find_go"),
        ("api/fix.py", "from mapmedic.api.agent import with_agent"),
        ("report/x.py", "from mapmedic.formats.pprof import encode_profile"),
    ],
)
def test_what_the_picture_has_passes(file: str, line: str, tmp_path: Path) -> None:
    path = tmp_path / file
    path.parent.mkdir()
    path.write_text(line)
    assert check(tmp_path) == (0, "")


def test_an_empty_tree_is_not_a_clean_one(tmp_path: Path) -> None:
    assert check(tmp_path)[0] == 1

"""A standard stream that was closed before we began is no bug of ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).parent / "mapmedic"


@pytest.mark.parametrize(
    ("closed", "arguments", "code"), [(">&-", "--version", 0), ("2>&-", "no-such-thing", 2)]
)
def test_a_closed_stream_is_as_if_nobody_read_it(closed: str, arguments: str, code: int) -> None:
    ran = subprocess.run(
        ["sh", "-c", f'"$0" {arguments} {closed}', COMMAND],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == code
    assert ran.stdout + ran.stderr == ""

"""Maps where they are hard to find: each with the name and the number of entries that the program itself gives it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mapmedic import api
from mapmedic.model.inventory import Inventory
from mapmedic.source.toolchain import GoToolchain
from tests.live.test_stacks import PATIENCE_MS
from tests.support.toolchains import toolchains

pytestmark = pytest.mark.live
HEADERS_SINCE = 22
"""The first Go 1.x whose larger objects say what they are."""
PROGRAM = Path(__file__).parent / "corner_program"


def look(go: GoToolchain, flags: list[str], folder: Path) -> tuple[dict[int, str], Inventory]:
    """Return entries -> path by the program's own word, and what is seen of it from outside."""
    path, pipe = folder / "corners", subprocess.PIPE
    subprocess.run(
        [str(go.path), "build", *flags, "-o", str(path), "."],
        cwd=PROGRAM, env={**go.environment, "CGO_ENABLED": "0"}, check=True, timeout=400,
    )  # fmt: skip
    with subprocess.Popen([path], stdin=pipe, stdout=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            lines = iter(process.stdout.readline, "READY\n")
            truth = dict(line.rstrip("\n").split(" ", 1) for line in lines)
            seen = api.heap(str(process.pid), max_pause_ms=PATIENCE_MS)
        finally:
            process.kill()
    return {int(entries): path for entries, path in truth.items()}, seen


@pytest.mark.parametrize("go", toolchains(), ids=lambda go: str(go.version))
def test_each_map_has_the_programs_own_name_and_length(go: GoToolchain, tmp_path: Path) -> None:
    truth, seen = look(go, [], tmp_path)
    assert {n: path for each in seen.maps if (n := each.entries) in truth and (path := each.owner)} == truth
    assert (seen.snapshot.complete, seen.unread) == (True, ())


@pytest.mark.parametrize("go", toolchains(), ids=lambda go: str(go.version))
def test_without_symbols_each_has_its_length(go: GoToolchain, tmp_path: Path) -> None:
    truth, seen = look(go, ["-ldflags=-s -w"], tmp_path)
    if int(go.version.split(".")[1]) < HEADERS_SINCE:
        # Nothing there says of what type its buckets are, and two types of that size fit.
        truth = {n: path for n, path in truth.items() if path != "main.bigVals"}
        assert any(each.startswith("whether there are more maps") for each in seen.unread)
    assert sorted(each.entries for each in seen.maps if each.entries in truth) == sorted(truth)

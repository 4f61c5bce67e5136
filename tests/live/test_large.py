"""What is large and no map is called what it is, with symbols and without, so that no map is blamed for it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mapmedic import api
from mapmedic.model.inventory import Holder, HolderKind
from mapmedic.source.toolchain import GoToolchain
from tests.live.test_stacks import PATIENCE_MS
from tests.support.toolchains import toolchains

pytestmark = pytest.mark.live
PROGRAM = Path(__file__).parent / "large_program"
MANY, FEW, TEXT_BYTES = 50_000, 16_000, 3 << 20
TRUTH = {
    "main.queue": ("list", MANY),
    "main.text": ("string", TEXT_BYTES),
    "main.buffer.buf": ("slice", TEXT_BYTES),
    "main.builder.buf": ("slice", TEXT_BYTES),
    "main.array": ("array", FEW),
    "main.outbox": ("channel", MANY),
    "main.texts": ("slice", MANY),
}


def look(go: GoToolchain, flags: list[str], folder: Path) -> tuple[Holder, ...]:
    path, pipe = folder / "large", subprocess.PIPE
    subprocess.run(
        [str(go.path), "build", *flags, "-o", str(path), "."],
        cwd=PROGRAM, env={**go.environment, "CGO_ENABLED": "0"}, check=True, timeout=400,
    )  # fmt: skip
    # No collection may empty the pool before it is looked at.
    with subprocess.Popen([path], stdin=pipe, stdout=pipe, text=True, env={"GOGC": "off"}) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "READY\n"
            return api.heap(str(process.pid), max_pause_ms=PATIENCE_MS).holders
        finally:
            process.kill()


@pytest.mark.parametrize("go", toolchains(), ids=lambda go: str(go.version))
def test_each_is_called_what_it_is(go: GoToolchain, tmp_path: Path) -> None:
    seen = {each.owner: (each.kind.value, each.length) for each in look(go, [], tmp_path)}
    pools = [owner for owner, (kind, _) in seen.items() if kind == "pool"]
    assert {owner: what for owner, what in seen.items() if owner in TRUTH} == TRUTH
    assert [owner.split("[")[0] for owner in pools] == ["main.pool"]


@pytest.mark.parametrize("go", toolchains(), ids=lambda go: str(go.version))
def test_so_it_is_without_symbols(go: GoToolchain, tmp_path: Path) -> None:
    seen = look(go, ["-ldflags=-s -w"], tmp_path)
    kinds = sorted((each.kind.value, each.length) for each in seen if each.kind is not HolderKind.POOL)
    assert kinds == sorted(TRUTH.values())
    assert [each.kind for each in seen].count(HolderKind.POOL) == 1

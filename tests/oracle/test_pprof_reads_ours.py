"""What we write, the real pprof reads: ``go tool pprof -raw`` prints a golden and our copy of it alike."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mapmedic.errors import ToolMissing
from mapmedic.formats.pprof import encode_profile, parse_profile
from mapmedic.source.toolchain import GoToolchain, find_go
from tests.golden.corpus import CAPTURED

PROFILES = [
    path for version in ("go1.21.13", "go1.27.3") for path in sorted((CAPTURED / version).glob("*.pb.gz"))
]


@pytest.fixture(scope="module")
def go() -> GoToolchain:
    try:
        return find_go("compare with go tool pprof")
    except ToolMissing as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_pprof_prints_our_copy_as_it_prints_the_original(path: Path, go: GoToolchain, tmp_path: Path) -> None:
    copy = tmp_path / "copy.pb.gz"
    copy.write_bytes(encode_profile(parse_profile(path.read_bytes())))
    original = raw(go, path)
    assert "Samples:" in original and "Mappings" in original
    assert raw(go, copy) == original


def raw(go: GoToolchain, path: Path) -> str:
    command = [str(go.path), "tool", "pprof", "-raw", "-symbolize=none", str(path)]
    done = subprocess.run(
        command, env=go.environment, capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout

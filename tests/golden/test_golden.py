"""What the parsers make of captured answers; ``MAPMEDIC_UPDATE_GOLDEN=1`` rewrites the expectations."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mapmedic.formats.symbols import parse_symbols
from tests.golden import render
from tests.golden.corpus import CAPTURED, FOLDERS

RENDERERS: dict[str, Callable[[bytes], str]] = {
    "*.pb.gz": render.profile,
    "goroutine.txt": render.goroutines,
    "goroutine1.txt": render.goroutine_counts,
    "crash*.txt": render.goroutines,
    "gctrace.txt": render.gctrace,
    "metrics*.txt": render.metrics,
    "symbols.txt": render.symbols,
}
RENDERED = [
    pytest.param(path, renderer, id=f"{folder.name}/{path.name}")
    for folder in FOLDERS
    for pattern, renderer in RENDERERS.items()
    for path in sorted(folder.glob(pattern))
]


def check(path: Path, text: str) -> None:
    expected = path.with_name(path.name + ".expected")
    if os.environ.get("MAPMEDIC_UPDATE_GOLDEN"):
        expected.write_text(text + "\n", encoding="utf-8")
    assert text + "\n" == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize(("path", "renderer"), RENDERED)
def test_rendering(path: Path, renderer: Callable[[bytes], str]) -> None:
    check(path, renderer(path.read_bytes()))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_heap_text_with_hidden_frames_named(folder: Path) -> None:
    named = parse_symbols((folder / "symbols.txt").read_bytes())
    check(folder / "heap.txt", render.heap((folder / "heap.txt").read_bytes(), named))


def test_every_capture_is_the_one_of_the_provenance() -> None:
    rows = re.findall(r"^\| (\S+) \| (\d+) \| ([0-9a-f]{64}) \|$", _provenance(), re.M)
    there = {str(path.relative_to(CAPTURED)) for path in CAPTURED.rglob("*.*") if path.is_file()}
    assert {name for name, _, _ in rows} == {name for name in there if not name.endswith(".expected")}
    for name, size, digest in rows:
        data = (CAPTURED / name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (int(size), digest), name


def _provenance() -> str:
    return (CAPTURED.parent / "PROVENANCE.md").read_text()

"""Which programs are read, and which are refused with a sentence."""

from __future__ import annotations

import pytest

from mapmedic.errors import TargetUnsupported
from mapmedic.goheap.build import parse_version
from mapmedic.goheap.layouts import NEWEST_MINOR, OLDEST_MINOR, Layout, layout_of


def layout(version: str) -> Layout:
    return layout_of(parse_version(version))


@pytest.mark.parametrize("minor", range(OLDEST_MINOR, NEWEST_MINOR + 1))
def test_every_version_from_the_oldest_to_the_newest_has_a_layout(minor: int) -> None:
    of = layout(f"go1.{minor}.3")
    assert (of.swiss, of.sync_trie, of.has_headers) == (minor >= 24, minor >= 24, minor >= 22)


@pytest.mark.parametrize(
    ("version", "why"),
    [
        ("go1.28.0", "knows Go up to 1.27"),
        ("go1.128", "knows Go up to 1.27"),
        ("go1.20.14", "before 1.21 is not read"),
        ("devel go1.27-8e1c9a8bf2 Mon Oct 5", "between two versions"),
        ("go1.27-devel_8e1c9a8bf2", "between two versions"),
        ("go1.26.1 X:staticlockranking", "GOEXPERIMENT=staticlockranking"),
        ("go2.0", "not a version of Go"),
        ("", "not a version of Go"),
    ],
)
def test_a_version_that_nobody_has_looked_at_is_refused(version: str, why: str) -> None:
    with pytest.raises(TargetUnsupported, match=why):
        layout(version)


def test_experiments_change_what_they_change() -> None:
    assert layout("go1.22.1 X:noallocheaders").arenas == 144
    classic = layout("go1.25.1 X:noswissmap,nosynchashtriemap")
    assert (classic.swiss, classic.sync_trie, classic.map_header_bytes) == (False, False, 64)
    assert layout("go1.25.1 X:greenteagc").spans["inline_mark_bytes"] == 128
    assert layout("go1.26.1 X:nogreenteagc").spans["inline_mark_bytes"] == 0

"""The layouts beside what the machine's own toolchain says; every toolchain is asked in `make live`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mapmedic.goheap.build import parse_version
from mapmedic.goheap.layouts import layout_of
from mapmedic.source.toolchain import find_go
from tools.check_layouts import Checked, ask, check, render, rows

pytestmark = pytest.mark.live


def test_every_number_is_what_the_toolchain_says_and_a_wrong_one_is_seen() -> None:
    go = find_go("check the layouts")
    root = go.path.resolve().parents[1]
    right = check(root)
    assert [row for row in right.rows if not row.is_right] == []
    assert len(right.rows) > 50

    version, offsets = ask(root)
    layout = layout_of(parse_version(version))
    moved = replace(
        layout,
        spans={**layout.spans, "span_nelems": layout.spans["span_nelems"] + 2},
        goroutine=replace(layout.goroutine, id=layout.goroutine.id + 8),
    )
    wrong = tuple(row for row in rows(moved, offsets) if not row.is_right)
    assert {row.name for row in wrong} == {"runtime.mspan.nelems", "runtime.g.goid"}
    assert "**" in render([Checked(version, wrong)])
    assert "**" not in render([Checked(version, right.rows)]).split("where they differ", 1)[1]

"""What the docstring of mapmedic.formats.heap_text claims about Go, on every golden."""

from __future__ import annotations

from pathlib import Path

import pytest

from mapmedic.formats.heap_text import parse_heap_text
from mapmedic.formats.pprof import parse_profile
from mapmedic.formats.symbols import parse_symbols
from mapmedic.model.heap_records import HeapRecords, hidden_prefix_lengths
from tests.golden.corpus import FOLDERS

RUNTIME = ("runtime.", "internal/runtime/", "runtime/internal/")


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def folder(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture
def records(folder: Path) -> HeapRecords:
    return parse_heap_text((folder / "heap.txt").read_bytes())


@pytest.fixture
def named(folder: Path) -> dict[int, str]:
    return parse_symbols((folder / "symbols.txt").read_bytes())


def printed(records: HeapRecords, record: int) -> tuple[list[int], list[str]]:
    rows = records.frames_of(record)
    names = [records.names[row] for row in records.frame_function[rows].tolist()]
    return records.frame_pc[rows].tolist(), names


def test_printed_frames_are_the_raw_pcs_less_one_in_order(records: HeapRecords) -> None:
    hidden = hidden_prefix_lengths(records).tolist()
    for record in range(records.record_count):
        pcs, _ = printed(records, record)
        stack = records.stack_of(record).tolist()[hidden[record] :]
        assert [pc - 1 for pc in stack[: len(pcs)]] == pcs
        assert len(stack) - len(pcs) in (0, 1)


def test_hidden_is_the_runtime_at_the_leaf_and_goexit_at_the_root(
    records: HeapRecords, named: dict[int, str]
) -> None:
    hidden = hidden_prefix_lengths(records).tolist()
    assert max(hidden) > 1
    for record in range(records.record_count):
        stack = [named[pc - 1] for pc in records.stack_of(record).tolist()]
        pcs, names = printed(records, record)
        assert all(name.startswith(RUNTIME) for name in stack[: hidden[record]])
        assert stack[hidden[record] + len(pcs) :] in ([], ["runtime.goexit"])
        whole_runtime = all(name.startswith(RUNTIME) for name in stack)
        assert whole_runtime == (not hidden[record] and names[0].startswith(RUNTIME))


def test_symbol_answers_name_every_printed_frame_when_asked_less_one(
    records: HeapRecords, named: dict[int, str]
) -> None:
    for record in range(records.record_count):
        pcs, names = printed(records, record)
        assert [named[pc] for pc in pcs] == names


def test_symbol_answers_at_the_return_address_are_often_wrong(folder: Path, records: HeapRecords) -> None:
    at_return = parse_symbols((folder / "symbols_at_return.txt").read_bytes())
    pairs = [pair for r in range(records.record_count) for pair in zip(*printed(records, r), strict=True)]
    wrong = [name for pc, name in pairs if at_return[pc + 1] != name]
    assert 0.2 < len(wrong) / len(pairs) < 0.4


def test_map_growth_is_visible_in_the_hidden_frames(records: HeapRecords, named: dict[int, str]) -> None:
    hidden = hidden_prefix_lengths(records).tolist()
    found = set()
    for record in range(records.record_count):
        leaf = [named[pc - 1] for pc in records.stack_of(record).tolist()[: hidden[record]]]
        _, names = printed(records, record)
        if any("mapassign" in name or "hashGrow" in name or "maps." in name for name in leaf):
            found.add(names[0])
    assert {"main.(*sessionStore).Put", "main.(*Cache[...]).Put", "main.inner"} <= found


def test_unsampled_figures_add_up_to_the_binary_profile(folder: Path, records: HeapRecords) -> None:
    profile = parse_profile((folder / "heap.pb.gz").read_bytes())
    real = records.unsampled()
    ours = [real.alloc_objects, real.alloc_bytes, real.inuse_objects, real.inuse_bytes]
    assert [int(column.sum()) for column in ours] == profile.values.sum(axis=0).tolist()

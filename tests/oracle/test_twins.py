"""The native decoders against their slow twins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from mapmedic.formats.gctrace import parse_gctrace
from mapmedic.formats.goroutine_text import parse_goroutines
from mapmedic.formats.heap_text import parse_heap_text
from mapmedic.formats.pprof import encode_profile, parse_profile
from mapmedic.model.goroutines import GoroutineFrame, GoroutineGroup
from mapmedic.model.heap_records import HeapRecords, hidden_prefix_lengths
from mapmedic.model.units import MIB
from tests.golden.corpus import CAPTURED, FOLDERS
from tests.oracle import gctrace_twin, goroutine_twin, heap_text_twin, profile_twin
from tests.oracle.profile_columns import nested
from tests.property.strategies import heap_texts, raw_profiles

goldens = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def each(pattern: str) -> pytest.MarkDecorator:
    paths = sorted(CAPTURED.glob(pattern))
    return pytest.mark.parametrize("path", paths, ids=lambda path: f"{path.parent.name}/{path.name}")


@each("*/*.pb.gz")
def test_profile_goldens(path: Path) -> None:
    data = path.read_bytes()
    expected = profile_twin.decode(data)
    parsed = parse_profile(data)
    assert nested(parsed) == expected
    assert profile_twin.decode(encode_profile(parsed)) == expected


@given(raw_profiles())
@settings(max_examples=300, deadline=None)
def test_written_by_hand(data: bytes) -> None:
    expected = profile_twin.decode(data)
    parsed = parse_profile(data)
    assert nested(parsed) == expected
    assert profile_twin.decode(encode_profile(parsed)) == expected


def compare_heap(data: bytes) -> None:
    twin = heap_text_twin.decode(data)
    records = parse_heap_text(data)
    totals = records.totals
    sums = [totals.inuse_objects, totals.inuse_bytes, totals.alloc_objects, totals.alloc_bytes]
    assert [*sums, records.sampling_rate_bytes] == [*twin["header"][:4], twin["header"][4] // 2]
    assert [record_of(records, row) for row in range(records.record_count)] == twin["records"]
    assert records.memstats is not None
    assert str(records.memstats.heap_alloc_bytes) == twin["fields"]["HeapAlloc"]
    assert list(records.memstats.pause_ns) == [int(n) for n in twin["fields"]["PauseNs"][1:-1].split()]
    compare_derived(records, twin["records"])


def record_of(records: HeapRecords, row: int) -> tuple[Any, ...]:
    columns = (records.inuse_objects, records.inuse_bytes, records.alloc_objects, records.alloc_bytes)
    rows = records.frames_of(row)
    frames = zip(
        records.frame_pc[rows].tolist(),
        [records.names[name] for name in records.frame_function[rows]],
        records.frame_offset[rows].tolist(),
        [records.files[file] for file in records.frame_file[rows]],
        records.frame_line[rows].tolist(),
        strict=True,
    )
    return [int(column[row]) for column in columns], records.stack_of(row).tolist(), list(frames)


def compare_derived(records: HeapRecords, twins: list[Any]) -> None:
    real = records.unsampled()
    rate = records.sampling_rate_bytes
    for row, (counts, stack, frames) in enumerate(twins):
        inuse = heap_text_twin.scaled(counts[0], counts[1], rate)
        alloc = heap_text_twin.scaled(counts[2], counts[3], rate)
        assert (real.inuse_objects[row], real.inuse_bytes[row]) == pytest.approx(inuse, rel=1e-9, abs=1)
        assert (real.alloc_objects[row], real.alloc_bytes[row]) == pytest.approx(alloc, rel=1e-9, abs=1)
        assert hidden_prefix_lengths(records)[row] == heap_text_twin.hidden(stack, frames)


@goldens
def test_heap_text_goldens(folder: Any) -> None:
    compare_heap((folder / "heap.txt").read_bytes())


@given(heap_texts())
@settings(max_examples=200, deadline=None)
def test_heap_texts_made_up(data: bytes) -> None:
    compare_heap(data)


@each("*/gctrace.txt")
def test_gctrace_goldens(path: Path) -> None:
    data = path.read_bytes()
    trace = parse_gctrace(data)
    rows = [
        {
            "number": trace.number[row],
            "at_seconds": trace.at_seconds[row],
            "cpu_share": trace.cpu_share[row],
            "clock_ms": [trace.sweep_termination_ms[row], trace.mark_ms[row], trace.mark_termination_ms[row]],
            "cpu_ms": [
                trace.sweep_termination_cpu_ms[row],
                trace.assist_cpu_ms[row],
                trace.background_cpu_ms[row],
                trace.idle_cpu_ms[row],
                trace.mark_termination_cpu_ms[row],
            ],
            "heap_mib": [
                trace.heap_start_bytes[row] // MIB,
                trace.heap_end_bytes[row] // MIB,
                trace.live_bytes[row] // MIB,
            ],
            "goal_mib": trace.goal_bytes[row] // MIB,
            "rest_mib": [trace.stacks_bytes[row] // MIB, trace.globals_bytes[row] // MIB],
            "processors": trace.processors[row],
            "forced": trace.forced[row],
        }
        for row in range(trace.cycles)
    ]
    assert rows == gctrace_twin.cycles(data)
    assert len(rows) > 10 and any(trace.forced) and len(trace.scavenges.after_cycle) == data.count(b"scav ")


@each("*/goroutine.txt")
def test_goroutine_goldens(path: Path) -> None:
    compare_goroutines(path)


@each("*/crash*.txt")
def test_crash_goldens(path: Path) -> None:
    compare_goroutines(path)


def compare_goroutines(path: Path) -> None:
    dump = parse_goroutines(path.read_bytes())
    expected = goroutine_twin.groups(path.read_text().replace("goroutine 7 [made up]:", ""))
    assert {_key(group): group.count for group in dump.groups} == expected
    assert dump.total == expected.total()


def _key(group: GoroutineGroup) -> Any:
    creator = group.created_by
    return (
        group.state,
        tuple(_place(frame) for frame in group.frames),
        None if creator is None else _place(creator),
    )


def _place(frame: GoroutineFrame) -> tuple[str, str, int]:
    return frame.function, frame.file, frame.line

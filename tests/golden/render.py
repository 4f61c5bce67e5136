"""Parsed goldens as text that a person can check against the captured file beside it."""

from __future__ import annotations

import numpy as np

from mapmedic.formats.gctrace import parse_gctrace
from mapmedic.formats.goroutine_counts import parse_goroutine_counts
from mapmedic.formats.goroutine_text import parse_goroutines
from mapmedic.formats.heap_text import parse_heap_text
from mapmedic.formats.pprof import parse_profile
from mapmedic.formats.prometheus_text import parse_metrics
from mapmedic.formats.symbols import parse_symbols
from mapmedic.model.gctrace import GcTrace, Scavenges
from mapmedic.model.goroutines import GoroutineDump
from mapmedic.model.heap_records import HeapRecords, hidden_prefix_lengths
from mapmedic.model.profile import Profile

_NO_COLUMNS = ("scavenges", "other_lines", "torn_lines")
GC_COLUMNS = tuple(name for name in GcTrace.__slots__ if name not in _NO_COLUMNS)
SCAVENGE_COLUMNS = tuple(Scavenges.__slots__)


def heap(data: bytes, symbols: dict[int, str]) -> str:
    records = parse_heap_text(data)
    lines = [f"rate {records.sampling_rate_bytes} bytes, {records.record_count} records, {records.totals}"]
    lines += [line for record in range(records.record_count) for line in _record(records, record, symbols)]
    memstats = records.memstats
    assert memstats is not None
    lines += [f"p99 pause {memstats.gc_pause_p99_ns()} ns", repr(memstats)]
    return "\n".join(lines)


def _record(records: HeapRecords, record: int, symbols: dict[int, str]) -> list[str]:
    real = records.unsampled()
    inuse = f"{records.inuse_objects[record]}~{real.inuse_objects[record]:.0f} objects"
    inuse += f" {records.inuse_bytes[record]}~{real.inuse_bytes[record]:.0f} bytes in use"
    alloc = f"{records.alloc_objects[record]}~{real.alloc_objects[record]:.0f} objects"
    alloc += f" {records.alloc_bytes[record]}~{real.alloc_bytes[record]:.0f} bytes allocated"
    hidden = int(hidden_prefix_lengths(records)[record])
    leaf = [f"  hidden {symbols[int(pc) - 1]}" for pc in records.stack_of(record)[:hidden]]
    return [f"{inuse}, {alloc}", *leaf, *_frames(records, record)]


def _frames(records: HeapRecords, record: int) -> list[str]:
    lines = []
    frames = records.frames_of(record)
    for frame in range(frames.start, frames.stop):
        name = records.names[records.frame_function[frame]]
        place = f"{records.files[records.frame_file[frame]]}:{records.frame_line[frame]}"
        lines.append(f"  {name}+{records.frame_offset[frame]:#x} {place}")
    return lines


def profile(data: bytes) -> str:
    parsed = parse_profile(data)
    lines = [
        f"types {parsed.sample_types}, default {parsed.default_sample_type!r}",
        f"period {parsed.period} {parsed.period_type}",
        f"time {parsed.time_nanos} ns, duration {parsed.duration_nanos} ns",
        f"comments {parsed.comments}, totals {parsed.values.sum(axis=0).tolist()}",
        *map(str, parsed.mappings),
    ]
    return "\n".join(
        lines + [line for sample in range(parsed.sample_count) for line in _sample(parsed, sample)]
    )


def _sample(parsed: Profile, sample: int) -> list[str]:
    labels = parsed.labels
    own = [
        f"{labels.strings[labels.key[row]]}={labels.strings[labels.text[row]] or labels.number[row]}"
        for row in np.flatnonzero(labels.sample == sample)
    ]
    stack = [f"  {_location(parsed, int(location))}" for location in parsed.stack_of(sample)]
    return [f"{parsed.values[sample].tolist()} {' '.join(own)}", *stack]


def _location(parsed: Profile, location: int) -> str:
    rows = range(parsed.line_start[location], parsed.line_start[location + 1])
    lines = [f"{_function(parsed, int(parsed.line_function[row]))}:{parsed.line_number[row]}" for row in rows]
    return " < ".join(lines) or hex(parsed.location_address[location])


def _function(parsed: Profile, function: int) -> str:
    return f"{parsed.function_names[function]} {parsed.function_files[function]}"


def goroutines(data: bytes) -> str:
    return _groups(parse_goroutines(data))


def goroutine_counts(data: bytes) -> str:
    return _groups(parse_goroutine_counts(data))


def _groups(dump: GoroutineDump) -> str:
    lines = [f"total {dump.total}, truncated {dump.truncated}"]
    for group in dump.groups:
        lines.append(
            f"{group.count} x {group.state!r}, {group.wait_minutes_min} to {group.wait_minutes_max} minutes,"
            f" {group.locked_to_thread} locked, elided {group.elided}, ids {group.sample_ids}"
        )
        lines += [f"  {frame.function} {frame.file}:{frame.line}" for frame in group.frames]
        lines.append(f"  created by {group.created_by}")
    return "\n".join(lines)


def gctrace(data: bytes) -> str:
    trace = parse_gctrace(data)
    lines = [f"{trace.processes} processes, {trace.other_lines} other lines, {trace.torn_lines} torn"]
    lines += [_row(trace, GC_COLUMNS, cycle) for cycle in range(trace.cycles)]
    scavenges = trace.scavenges
    lines += [_row(scavenges, SCAVENGE_COLUMNS, row) for row in range(len(scavenges.after_cycle))]
    return "\n".join(lines)


def _row(table: object, columns: tuple[str, ...], row: int) -> str:
    return " ".join(f"{column}={getattr(table, column)[row]}" for column in columns)


def metrics(data: bytes) -> str:
    page = parse_metrics(data)
    lines = [f"{name} {sample}" for name, samples in sorted(page.samples.items()) for sample in samples]
    return "\n".join([f"version {page.go_version}", f"pauses {page.gc_pause_quantiles_seconds()}", *lines])


def symbols(data: bytes) -> str:
    return "\n".join(f"{pc:#x} {name}" for pc, name in parse_symbols(data).items())
